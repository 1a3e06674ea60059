//! Cursors of lists: opaque, signed, and bound to the list and the filters that they were made for.
//!
//! A cursor is the key of the last row of a page. Signed, so that nobody builds one and we can change what it holds; bound,
//! because the next page under other filters would skip and repeat rows without anybody noticing.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use platform::config::FromSetting;
use sha2::{Digest, Sha256};

/// First byte of every cursor: what it holds and how it is signed.
const FORM: u8 = 1;
/// Bytes that stand for the list and its filters.
const SCOPE_BYTES: usize = 8;
/// Bytes of the signature: HMAC-SHA-256, cut to half (RFC 2104, section 5).
const MAC_BYTES: usize = 16;
/// No cursor of ours is longer: a SKU has 64 bytes.
const TEXT_MAX: usize = 256;

/// Signs cursors.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

/// Why a text is no cursor for this page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It was not made here, or was changed on its way.
    Forged,
    /// It belongs to another list, or to other filters.
    OtherList,
}

impl CursorKey {
    /// The cursor that stands behind the row with this key in the list `scope`.
    pub fn seal(&self, scope: &str, last: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + SCOPE_BYTES + last.len() + MAC_BYTES);
        bytes.push(FORM);
        bytes.extend_from_slice(&fingerprint(scope));
        bytes.extend_from_slice(last);
        let mac = self.0.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key of the last row before the page.
    pub fn open(&self, scope: &str, text: &str) -> Result<Vec<u8>, Refused> {
        if text.len() > TEXT_MAX {
            return Err(Refused::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Forged)?;
        let (signed, mac) = bytes.len().checked_sub(MAC_BYTES).map(|at| bytes.split_at(at)).ok_or(Refused::Forged)?;
        self.0.clone().chain_update(signed).verify_truncated_left(mac).map_err(|_| Refused::Forged)?;
        let [FORM, rest @ ..] = signed else { return Err(Refused::Forged) };
        let (sealed_for, last) = rest.split_at_checked(SCOPE_BYTES).ok_or(Refused::Forged)?;
        if sealed_for != fingerprint(scope) {
            return Err(Refused::OtherList);
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
    fn a_cursor_opens_for_the_list_that_it_was_made_for() {
        let cursor = key("0a").seal("orders?lifecycle=open", b"last row");
        assert_eq!(key("0a").open("orders?lifecycle=open", &cursor), Ok(b"last row".to_vec()));
        assert_eq!(key("0a").open("orders?lifecycle=completed", &cursor), Err(Refused::OtherList));
    }

    #[test]
    fn a_changed_or_invented_cursor_is_refused() {
        let cursor = key("0a").seal("orders", b"last row");
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(key("0a").open("orders", &changed), Err(Refused::Forged), "{at}");
        }
        for invented in ["", "AQ", "not base64!", &"A".repeat(40), &"A".repeat(300)] {
            assert_eq!(key("0a").open("orders", invented), Err(Refused::Forged), "{invented}");
        }
        assert_eq!(key("0b").open("orders", &cursor), Err(Refused::Forged));
    }

    #[test]
    fn a_short_secret_is_no_secret() {
        for short in ["", "00", "xyz", &"0a".repeat(31), &"ü".repeat(32)] {
            assert!(CursorKey::from_setting(short).is_none(), "{short}");
        }
    }
}
