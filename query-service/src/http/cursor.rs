//! Cursors of lists: opaque, signed, and bound to the list and the filters for which they were issued. Used by [`super::page`].
//!
//! A cursor contains the sort key of the last row of a page. It is signed, so that clients cannot build cursors and its content
//! can change between releases. It is bound to the filters, because a page with other filters would silently skip or repeat
//! rows.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use platform::config::FromSetting;
use sha2::{Digest, Sha256};

/// First byte of every cursor: the version of its format.
const FORM: u8 = 1;
/// First byte of what derived keys are computed from.
const FORM_OF_KEYS: u8 = 0;
/// Bytes of the digest of the list and its filters.
const SCOPE_BYTES: usize = 8;
/// Bytes of the signature: HMAC-SHA-256, truncated to half its length (RFC 2104, section 5).
const MAC_BYTES: usize = 16;
/// Longest cursor that this service issues: a SKU has at most 64 bytes.
const TEXT_MAX: usize = 256;

/// The key that signs cursors.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

/// The reason why a cursor is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorError {
    /// The cursor was not issued by this service, or was changed.
    Forged,
    /// The cursor was issued for another list or for other filters.
    OtherList,
}

impl CursorKey {
    /// The cursor after the row with the sort key `last` in the list `scope`.
    pub fn seal(&self, scope: &str, last: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + SCOPE_BYTES + last.len() + MAC_BYTES);
        bytes.push(FORM);
        bytes.extend_from_slice(&fingerprint(scope));
        bytes.extend_from_slice(last);
        let mac = self.0.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A key for another purpose, from which this key cannot be computed.
    pub(super) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        // Never the text of a cursor, which begins with the byte of its format.
        self.0.clone().chain_update([FORM_OF_KEYS]).chain_update(purpose).finalize().into_bytes().into()
    }

    /// The sort key of the last row before the page.
    pub fn open(&self, scope: &str, text: &str) -> Result<Vec<u8>, CursorError> {
        if text.len() > TEXT_MAX {
            return Err(CursorError::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Forged)?;
        let (signed, mac) =
            bytes.len().checked_sub(MAC_BYTES).map(|at| bytes.split_at(at)).ok_or(CursorError::Forged)?;
        self.0.clone().chain_update(signed).verify_truncated_left(mac).map_err(|_| CursorError::Forged)?;
        let [FORM, rest @ ..] = signed else { return Err(CursorError::Forged) };
        let (issued_for, last) = rest.split_at_checked(SCOPE_BYTES).ok_or(CursorError::Forged)?;
        if issued_for != fingerprint(scope) {
            return Err(CursorError::OtherList);
        }
        Ok(last.to_vec())
    }
}

fn fingerprint(scope: &str) -> [u8; SCOPE_BYTES] {
    let digest = Sha256::digest(scope);
    let mut first = [0; SCOPE_BYTES];
    first.copy_from_slice(&digest[..SCOPE_BYTES]);
    first
}

impl FromSetting for CursorKey {
    const FORM: &'static str = "at least 32 random bytes as hexadecimal digits, as `openssl rand -hex 32` prints them";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        let secret = from_hex(text).filter(|secret| secret.len() >= 32)?;
        Hmac::new_from_slice(&secret).ok().map(CursorKey)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fill: &str) -> CursorKey {
        CursorKey::from_setting(&fill.repeat(32)).expect("64 digits")
    }

    #[test]
    fn a_cursor_opens_for_the_list_that_it_was_issued_for() {
        let cursor = key("0a").seal("orders?lifecycle=open", b"last row");
        assert_eq!(key("0a").open("orders?lifecycle=open", &cursor), Ok(b"last row".to_vec()));
        assert_eq!(key("0a").open("orders?lifecycle=completed", &cursor), Err(CursorError::OtherList));
    }

    #[test]
    fn a_changed_or_forged_cursor_is_refused() {
        let cursor = key("0a").seal("orders", b"last row");
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(key("0a").open("orders", &changed), Err(CursorError::Forged), "{at}");
        }
        for forged in ["", "AQ", "not base64!", &"A".repeat(40), &"A".repeat(300)] {
            assert_eq!(key("0a").open("orders", forged), Err(CursorError::Forged), "{forged}");
        }
        assert_eq!(key("0b").open("orders", &cursor), Err(CursorError::Forged));
    }

    #[test]
    fn a_short_secret_is_refused() {
        for short in ["", "00", "xyz", &"0a".repeat(31), &"ü".repeat(32)] {
            assert!(CursorKey::from_setting(short).is_none(), "{short}");
        }
    }
}
