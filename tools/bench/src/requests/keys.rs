//! Idempotency keys that cost less than a hash to generate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An idempotency key as text.
pub type Key = [u8; 36];

/// Placeholder for the key in a request.
pub const NO_KEY: &str = "00000000-0000-7000-8000-000000000000";

/// Ascending, distinct UUIDs of version 7, as text.
#[derive(Debug)]
pub struct Keys {
    epoch_ms: u64,
    count: AtomicU64,
}

impl Keys {
    /// The keys of a run that starts now.
    pub fn new() -> Keys {
        let epoch_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Keys { epoch_ms, count: AtomicU64::new(0) }
    }

    /// The start of the run, followed by a counter in the 74 free bits.
    pub fn next(&self) -> Key {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (high, low) = ((count >> 48) & 0xfff, count & 0xffff_ffff_ffff);
        let bits =
            u128::from(self.epoch_ms) << 80 | 0x7000 << 64 | u128::from(high) << 64 | 0x8000 << 48 | u128::from(low);
        text(bits)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Keys::new()
    }
}

fn text(bits: u128) -> Key {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (index, place) in text.iter_mut().enumerate() {
        if !matches!(index, 8 | 13 | 18 | 23) {
            shift -= 4;
            *place = DIGITS[((bits >> shift) & 0xf) as usize];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ascending_uuids_of_version_7() {
        let keys = Keys::new();
        let mut last = uuid::Uuid::nil();
        for _ in 0..1_000 {
            let key = uuid::Uuid::try_parse(std::str::from_utf8(&keys.next()).unwrap()).unwrap();
            assert_eq!(key.get_version_num(), 7);
            assert!(key > last);
            last = key;
        }
    }
}
