//! The idempotency keys of a bulk import's commands, derived from the job and the row: a row that is decided again has no second effect.

use uuid::{Builder, Uuid};

/// The key of one step of a row: a UUID version 8 (RFC 9562, 5.8). It starts like the id of the job and continues with the row, so that the
/// log's index of command ids stays dense, and contains 34 random bits of the job id.
pub(super) fn of(import: Uuid, row: u32, step: u8) -> Uuid {
    let job = import.as_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&job[..6]);
    // The version and the variant take four and two bits of bytes 6 and 8.
    bytes[6..9].copy_from_slice(&job[9..12]);
    bytes[9..13].copy_from_slice(&row.to_be_bytes());
    bytes[13..15].copy_from_slice(&job[12..14]);
    bytes[14] ^= job[14];
    bytes[15] = step;
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Ten pseudorandom bytes that are the same for the same row, for the id of a row without an id.
pub(super) fn random(import: Uuid, row: u32) -> [u8; 10] {
    use sha2::{Digest, Sha256};

    let mut digest = Sha256::new();
    digest.update(import.as_bytes());
    digest.update(row.to_be_bytes());
    let digest = digest.finalize();
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_stable_and_unique() {
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(of(first, 7, 0), of(first, 7, 0));
        let mut keys = BTreeSet::new();
        for import in [first, second] {
            for row in [1, 2, 256, u32::MAX] {
                keys.extend([of(import, row, 0), of(import, row, 1)]);
            }
        }
        assert_eq!(keys.len(), 16);
        assert!(keys.iter().all(|key| key.get_version_num() == 8));
    }

    #[test]
    fn keys_of_a_job_ascend_with_its_rows() {
        let import = Uuid::now_v7();
        assert!((1..2000).all(|row| of(import, row, 9) < of(import, row + 1, 0)));
    }

    #[test]
    fn rows_differ() {
        let import = Uuid::now_v7();
        assert_eq!(random(import, 1), random(import, 1));
        assert_ne!(random(import, 1), random(import, 2));
    }
}
