//! The name of a command: its idempotency key as an id, and a fingerprint of what was asked.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use domain::command::{Command, segment};

/// Longest idempotency key, in characters.
pub const MAX_KEY_CHARS: usize = 255;

/// Before the names of the platform's own keys; with the space behind it no caller's key begins like that.
const PLATFORM: &str = "platform";

/// A command's id and what was asked under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The same for the same idempotency key.
    pub id: Uuid,
    /// The same for the same command, however it was sent.
    pub fingerprint: i64,
}

/// Why a text is not an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Idempotency-Key must be 1 to {MAX_KEY_CHARS} visible ASCII characters, not `.` or `..`; a fresh UUID per intended effect does \
     well"
)]
pub struct InvalidKey;

impl Key {
    /// The key of a command that the caller named. A UUID is taken as it is (version 7 keeps the index dense), any other
    /// text by its hash.
    pub fn named(key: &str, command: &Command) -> Result<Key, InvalidKey> {
        // Its outcome could not be asked for: `GET /v1/commands/{key}`.
        segment::check(key).map_err(|_| InvalidKey)?;
        Ok(Key { id: Key::id_of(key)?, fingerprint: command.fingerprint() })
    }

    /// The id under which the log has the command with this key.
    pub fn id_of(key: &str) -> Result<Uuid, InvalidKey> {
        if key.is_empty() || key.len() > MAX_KEY_CHARS || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidKey);
        }
        Ok(Uuid::try_parse(key).unwrap_or_else(|_| hashed(key)))
    }

    /// The key of a command that the platform gives itself; the same name is the same command.
    pub fn of_platform(name: &str, command: &Command) -> Key {
        Key { id: hashed(&format!("{PLATFORM} {name}")), fingerprint: command.fingerprint() }
    }

    /// The key of a command whose id is made of where it comes from.
    pub fn of(id: Uuid, command: &Command) -> Key {
        Key { id, fingerprint: command.fingerprint() }
    }

    /// The key of a command that the caller did not name: nobody can repeat it.
    pub fn anonymous(command: &Command) -> Key {
        Key { id: Uuid::now_v7(), fingerprint: command.fingerprint() }
    }
}

/// A UUID version 8 (RFC 9562, 5.8) from the SHA-256 of the key.
fn hashed(key: &str) -> Uuid {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
