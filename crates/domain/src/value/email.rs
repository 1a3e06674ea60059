//! E-mail addresses: their shape, when two are the same, and the keyed hash that names an address's stream.

use std::borrow::Cow;

use events::{EmailHash, text};
use hmac::{Hmac, KeyInit, Mac};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

/// Longest address, in bytes: what a mail server takes (RFC 5321, 4.5.3.1, less the angle brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

/// An address of the shape `somebody@somewhere`, as given but for blanks around it. Whether it exists, only a letter tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(Box<str>);

/// Why a text is no address; says what would do, and does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Too long.
    #[error("has {0} bytes: an e-mail address has at most {MAX_EMAIL_BYTES}")]
    Long(usize),
    /// No address, or several.
    #[error("must be one e-mail address, such as ada@example.com")]
    Shape,
    /// A blank, a control or an invisible character.
    #[error("has the character U+{code:04X} at character {at}, which an e-mail address cannot have: remove it")]
    Character {
        /// Its code point.
        code: u32,
        /// Its place, from 1.
        at: usize,
    },
}

impl Email {
    /// The address as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for addresses that people take for one: without regard to case, to the ways in which Unicode writes the same
    /// letters, and to the two forms of an internationalized domain (RFC 5890), of which this is the one in ASCII. (A few mail
    /// servers tell case apart before the `@`; nobody who registers twice means that.)
    fn canonical(&self) -> String {
        // Compatibility forms can bring capitals back, so lower case comes last, too.
        let folded = self.0.to_lowercase().nfkc().collect::<String>().to_lowercase();
        let Some((somebody, somewhere)) = folded.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()) else {
            return folded;
        };
        // What is no domain has one form.
        match idna::domain_to_ascii(somewhere) {
            Ok(domain) => format!("{somebody}@{domain}"),
            Err(_) => folded,
        }
    }
}

impl std::str::FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(given: &str) -> Result<Self, InvalidEmail> {
        let given = given.trim();
        if given.len() > MAX_EMAIL_BYTES {
            return Err(InvalidEmail::Long(given.len()));
        }
        let unfit = |c: &char| c.is_control() || c.is_whitespace() || text::is_invisible(*c);
        if let Some((index, c)) = given.chars().enumerate().find(|(_, c)| unfit(c)) {
            return Err(InvalidEmail::Character { code: c.into(), at: index + 1 });
        }
        match given.split_once('@') {
            Some((somebody, somewhere))
                if !somebody.is_empty() && !somewhere.is_empty() && !somewhere.contains('@') =>
            {
                Ok(Self(given.into()))
            }
            Some(_) | None => Err(InvalidEmail::Shape),
        }
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed)
    }
}

/// Borrows the text while it checks it.
struct Parsed;

impl Visitor<'_> for Parsed {
    type Value = Email;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an e-mail address")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Email, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for Email {
    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX_EMAIL_BYTES, "pattern": r"^[^@\s]+@[^@\s]+$" })
    }
}

/// Names the streams of addresses. With another key the addresses that are taken would not be found: every instance has
/// the same, and it is kept as long as the log.
#[derive(Clone)]
pub struct EmailIndex(Hmac<Sha256>);

/// Fewest characters of the secret behind the index of e-mail addresses.
pub const MIN_SECRET_CHARS: usize = 32;

impl EmailIndex {
    /// The index of this secret; `None` for one of fewer than [`MIN_SECRET_CHARS`] bytes.
    pub fn from_secret(secret: &str) -> Option<EmailIndex> {
        let secret = Some(secret).filter(|secret| secret.len() >= MIN_SECRET_CHARS)?;
        Hmac::new_from_slice(secret.as_bytes()).ok().map(EmailIndex)
    }

    /// The hash in the name of an address's stream: HMAC-SHA-256, cut to half (RFC 2104, section 5).
    pub fn hash(&self, email: &Email) -> EmailHash {
        let mac = self.0.clone().chain_update(email.canonical()).finalize().into_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&mac[..16]);
        EmailHash::new(half)
    }
}

impl std::fmt::Debug for EmailIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailIndex(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap()
    }

    fn index(secret: u8) -> EmailIndex {
        EmailIndex::from_secret(&char::from(secret).to_string().repeat(32)).unwrap()
    }

    #[test]
    fn an_address_is_somebody_at_somewhere() {
        assert_eq!(email(" Ada+1@Example.com\n").as_str(), "Ada+1@Example.com");
        assert!("ü@bücher.example".parse::<Email>().is_ok());
        for bad in ["", "ada", "@example.com", "ada@", "ada@b@c", "ada@@b"] {
            assert_eq!(bad.parse::<Email>(), Err(InvalidEmail::Shape), "{bad:?}");
        }
        for bad in ["a da@b", "a\0@b", "a\tb@c", "a\u{200b}@b", "a\u{202e}@b", "a@b\u{ad}"] {
            assert!(matches!(bad.parse::<Email>(), Err(InvalidEmail::Character { .. })), "{bad:?}");
        }
        assert_eq!(format!("{}@b", "a".repeat(253)).parse::<Email>(), Err(InvalidEmail::Long(255)));
        assert!(format!("{}@b", "a".repeat(252)).parse::<Email>().is_ok());
    }

    #[test]
    fn addresses_that_look_the_same_are_the_same() {
        let same = |a: &str, b: &str| index(b'k').hash(&email(a)) == index(b'k').hash(&email(b));
        assert!(same("Ada@Example.com", " ada@EXAMPLE.COM "));
        assert!(same("\u{fc}@b", "u\u{308}@b") && same("\u{ff21}da@b", "ada@b") && same("\u{2164}@b", "v@b"));
        assert!(!same("ada@b", "adb@b") && !same("a.da@b", "ada@b"));
    }

    #[test]
    fn a_domain_in_unicode_and_in_ascii_is_one() {
        let same = |a: &str, b: &str| index(b'k').hash(&email(a)) == index(b'k').hash(&email(b));
        let ascii = "Ada@xn--bcher-kva.example";
        for unicode in ["ada@b\u{fc}cher.example", "ADA@B\u{dc}CHER.example", "ada@bu\u{308}cher.EXAMPLE"] {
            assert!(same(ascii, unicode), "{unicode}");
        }
        assert!(!same(ascii, "ada@bucher.example"));
        // Addresses in ASCII have the hash that they always had.
        assert_eq!(email("ADA@XN--Bcher-KVA.example").canonical(), "ada@xn--bcher-kva.example");
        assert_eq!(email("Ada_1@Sub_domain.example").canonical(), "ada_1@sub_domain.example");
        assert_eq!(email("\u{fc}@xn--a").canonical(), "\u{fc}@xn--a");
    }

    #[test]
    fn without_the_key_a_hash_tells_nothing() {
        assert_ne!(index(b'k').hash(&email("ada@b")), index(b'l').hash(&email("ada@b")));
        assert!(EmailIndex::from_secret("too short").is_none());
        assert_eq!(format!("{:?}", index(b'k')), "EmailIndex(..)");
    }
}
