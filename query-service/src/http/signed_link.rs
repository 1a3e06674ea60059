//! Links to files that expire: whoever has the link may download the file until then.
//!
//! A link contains its expiry and a signature (HMAC-SHA-256) of export and expiry. The key is derived from that of cursors, so every
//! instance accepts the links of the others, and a cursor is never a signature.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use platform::problem::Problem;
use sha2::Sha256;
use uuid::Uuid;

use crate::http::cursor::CursorKey;
use crate::http::problem_types::{EXPORT_LINK_EXPIRED, INVALID_EXPORT_LINK};

/// A link is valid for this time. Each request of an export gives a new link.
const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// Signs links.
#[derive(Clone)]
pub struct LinkKey(Hmac<Sha256>);

/// A link to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLink {
    /// Path and query.
    pub href: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

impl LinkKey {
    /// The key of links that belongs to the key of cursors.
    pub fn of(key: &CursorKey) -> LinkKey {
        let derived = key.derive(b"export links");
        LinkKey(Hmac::new_from_slice(&derived).expect("a key of any length is valid"))
    }

    /// A link to the file of an export, which is valid for an hour and not after `until`.
    pub fn sign(&self, export: Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> SignedLink {
        let expires = (now + LIFETIME).min(until).timestamp();
        let signature: String =
            self.mac(export, expires).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        SignedLink {
            href: format!("/v1/exports/{export}/file?expires={expires}&signature={signature}"),
            expires_at: DateTime::from_timestamp(expires, 0).unwrap_or(until),
        }
    }

    /// Refuses a link that was not signed for this export (403), or that is expired (410).
    pub(super) fn verify(
        &self,
        export: Uuid,
        expires: Option<&str>,
        signature: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let is_valid = |expires: i64, signature: &[u8]| self.mac(export, expires).verify_slice(signature).is_ok();
        let given = expires.and_then(|text| text.parse().ok()).zip(signature.and_then(from_hex));
        let Some((expires, _)) = given.filter(|(expires, signature)| is_valid(*expires, signature)) else {
            return Err(INVALID_EXPORT_LINK.problem(
                "The signature does not belong to this link. Use `file.href` of GET /v1/exports/{id} without changes.",
            ));
        };
        match now.timestamp() < expires {
            true => Ok(()),
            false => Err(EXPORT_LINK_EXPIRED.problem(format!(
                "The link has expired. GET /v1/exports/{export} gives a new one, as long as the export is kept."
            ))),
        }
    }

    fn mac(&self, export: Uuid, expires: i64) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("{export}\n{expires}"))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use platform::config::FromSetting;

    use super::*;

    fn key(byte: &str) -> LinkKey {
        LinkKey::of(&CursorKey::from_setting(&byte.repeat(32)).expect("a key"))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    /// The status of a request with the link of `signed`.
    fn status(key: &LinkKey, export: Uuid, href: &str, now: &str) -> u16 {
        let (_, query) = href.split_once('?').expect("a query");
        let value = |name: &str| query.split('&').find_map(|it| it.strip_prefix(name));
        let verified = key.verify(export, value("expires="), value("signature="), at(now));
        verified.map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    #[test]
    fn a_link_is_valid_for_an_hour_and_not_longer_than_the_file() {
        let (key, export) = (key("5a"), Uuid::from_u128(1));
        let link = key.sign(export, at("2026-03-05T10:00:00Z"), at("2026-03-06T10:00:00Z"));
        assert_eq!(link.expires_at, at("2026-03-05T11:00:00Z"));
        assert_eq!(status(&key, export, &link.href, "2026-03-05T10:59:59Z"), 200);
        assert_eq!(status(&key, export, &link.href, "2026-03-05T11:00:00Z"), 410);
        let last = key.sign(export, at("2026-03-06T09:30:00Z"), at("2026-03-06T10:00:00Z"));
        assert_eq!(last.expires_at, at("2026-03-06T10:00:00Z"));
    }

    #[test]
    fn a_forged_link_is_refused_before_its_expiry_is_looked_at() {
        let (key, export, now) = (key("5a"), Uuid::from_u128(1), "2026-03-05T10:30:00Z");
        let link = key.sign(export, at("2026-03-05T10:00:00Z"), at("2026-03-06T10:00:00Z")).href;
        assert_eq!(status(&key, Uuid::from_u128(2), &link, now), 403);
        assert_eq!(status(&self::key("5b"), export, &link, now), 403);
        let later = link.replace("expires=1", "expires=2");
        assert_eq!(status(&key, export, &later, now), 403);
        assert_eq!(status(&key, export, &later, "2036-03-05T10:30:00Z"), 403);
        for cut in [&link[..link.len() - 2], "/x?expires=1772709600&signature=", "/x?expires=1772709600", "/x?a"] {
            assert_eq!(status(&key, export, cut, now), 403, "{cut}");
        }
    }
}
