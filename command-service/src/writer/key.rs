//! The key of a command: the command id, derived from the idempotency key, and a fingerprint of the command.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use domain::command::Command;
use domain::value::segment;

/// Longest idempotency key, in characters.
pub const MAX_KEY_CHARS: usize = 255;

/// Prefix of the keys of the platform's own commands. A space follows it, which no caller's key contains.
const PLATFORM: &str = "platform";

/// A command id and a fingerprint of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Equal for equal idempotency keys.
    pub id: Uuid,
    /// Equal for equal commands, whatever their JSON looks like.
    pub fingerprint: i64,
}

/// A text that is not an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Idempotency-Key must be 1 to {MAX_KEY_CHARS} visible ASCII characters, not `.` or `..`; a fresh UUID per intended effect does \
     well"
)]
pub struct InvalidKey;

impl Key {
    /// The key of a command with an idempotency key. A UUID is used as it is (version 7 keeps the index dense); any other text is
    /// hashed.
    pub fn named(key: &str, command: &Command) -> Result<Key, InvalidKey> {
        // A key that is not one path segment could not be looked up: `GET /v1/commands/{key}`.
        segment::check(key).map_err(|_| InvalidKey)?;
        Ok(Key { id: Key::id_of(key)?, fingerprint: command.fingerprint() })
    }

    /// The command id in the log for this idempotency key.
    pub fn id_of(key: &str) -> Result<Uuid, InvalidKey> {
        if key.is_empty() || key.len() > MAX_KEY_CHARS || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidKey);
        }
        Ok(Uuid::try_parse(key).unwrap_or_else(|_| hashed(key)))
    }

    /// The key of one of the platform's own commands; equal names are the same command.
    pub fn of_platform(name: &str, command: &Command) -> Key {
        Key { id: hashed(&format!("{PLATFORM} {name}")), fingerprint: command.fingerprint() }
    }

    /// The key of a command with this id, for example derived from a row of a bulk import.
    pub fn of(id: Uuid, command: &Command) -> Key {
        Key { id, fingerprint: command.fingerprint() }
    }

    /// The key of a command without an idempotency key: it cannot be repeated.
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
