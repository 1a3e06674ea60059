//! E-mail addresses: the accepted form, the comparison of addresses, and the keyed hash that names the stream of an
//! address. Commands register addresses and queries look for them in the same form.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

use crate::stream::EmailHash;
use crate::text;

/// Maximum length of an e-mail address, in bytes: the longest path that mail servers must accept (RFC 5321, 4.5.3.1),
/// without the angle brackets of the path.
pub const MAX_EMAIL_BYTES: usize = 254;

/// An e-mail address of the form `local-part@domain`, as given but without surrounding white space. Only sending an
/// e-mail can show whether the address exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(Box<str>);

/// A text that is not an e-mail address. The message says how to correct the text, and does not contain the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// The text is longer than 254 bytes; the field is the length in bytes.
    #[error("has {0} bytes: an e-mail address has at most {MAX_EMAIL_BYTES}")]
    Long(usize),
    /// The text is not exactly one e-mail address.
    #[error("must be one e-mail address, such as ada@example.com")]
    Shape,
    /// The text contains white space, a control character or an invisible character.
    #[error("has the character U+{code:04X} at character {at}, which an e-mail address cannot have: remove it")]
    Character {
        /// Code point of the character.
        code: u32,
        /// Position of the character in the text, in characters, starting at 1.
        at: usize,
    },
}

impl Email {
    /// Returns the address as given, without surrounding white space.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical form of the address. Addresses that people regard as the same have the same canonical form: case,
    /// the different Unicode encodings of the same letters, and the two forms of an internationalized domain (RFC 5890)
    /// make no difference; the canonical form contains the ASCII form of the domain. A few mail servers distinguish
    /// case before the `@`, but a second registration that differs only in case is not meant as another address.
    fn canonical(&self) -> String {
        // NFKC can produce capital letters, so the text is converted to lower case again afterwards.
        let folded = self.0.to_lowercase().nfkc().collect::<String>().to_lowercase();
        let Some((somebody, somewhere)) = folded.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()) else {
            return folded;
        };
        // An invalid domain has no ASCII form, so the address keeps the domain as given, in lower case.
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

/// Parses an e-mail address from a borrowed text.
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

/// The key of the hashes that name the streams of e-mail addresses. Every instance must have the same key, and the key
/// must be kept as long as the log: with another key, the addresses of registered customers would not be found.
#[derive(Clone)]
pub struct EmailIndex(Hmac<Sha256>);

/// Minimum length, in bytes, of the secret from which an [`EmailIndex`] is created.
pub const MIN_SECRET_CHARS: usize = 32;

impl EmailIndex {
    /// Creates the index from a secret; `None` if the secret has fewer than 32 bytes.
    pub fn from_secret(secret: &str) -> Option<EmailIndex> {
        let secret = Some(secret).filter(|secret| secret.len() >= MIN_SECRET_CHARS)?;
        Hmac::new_from_slice(secret.as_bytes()).ok().map(EmailIndex)
    }

    /// Returns the hash in the name of the stream of an address: HMAC-SHA-256 of the canonical form, truncated to the
    /// first 16 bytes (RFC 2104, section 5).
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
        // The canonical form of ASCII addresses never changes, so ASCII addresses keep their hashes.
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
