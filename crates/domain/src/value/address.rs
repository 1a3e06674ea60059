//! Postal addresses and contact details with length limits, checked while a command is parsed. Command bodies wrap both
//! in [`Personal`](events::Personal), so that no log and no failed test prints personal data.

use std::borrow::Cow;

use events::personal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::label::Label;
use super::text::{Name, Text};

/// A postal code of at most 20 characters; the longest postal codes in use have 10 characters.
type Postcode = Text<20>;

/// A phone number as people write phone numbers: digits, punctuation and an extension; at most 40 characters (E.164
/// allows 15 digits).
type Phone = Text<40>;

/// An e-mail address of at most 254 characters (RFC 5321, 4.5.3.1). Only sending an e-mail can show whether the address
/// works.
type Email = Label<254>;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Name of the recipient.
    pub name: Name,
    /// Company of the recipient, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Name>,
    /// Street and house number of the address.
    pub line1: Name,
    /// Floor, flat or door of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<Name>,
    /// City of the address.
    pub city: Name,
    /// State, county or province of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// Postal code of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Postcode>,
    /// Country code (ISO 3166-1 alpha-2) in capital letters, such as GB.
    pub country: Country,
    /// Phone number for the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// Contact details of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Name of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// E-mail address of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Phone number of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// A country code (ISO 3166-1 alpha-2). Only the form of the code is checked: two capital letters. The codes in use
/// change, and carriers know the codes in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country([u8; 2]);

/// A text that is not a country code. The message states the required form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 3166-1 code of two capitals, such as GB")]
pub struct InvalidCountry;

impl Address {
    /// Converts the address to the form in events.
    pub fn to_event(&self) -> personal::Address {
        personal::Address {
            name: self.name.as_str().to_owned(),
            company: text(self.company.as_ref()),
            line1: self.line1.as_str().to_owned(),
            line2: text(self.line2.as_ref()),
            city: self.city.as_str().to_owned(),
            region: text(self.region.as_ref()),
            postcode: text(self.postcode.as_ref()),
            country: self.country.as_str().to_owned(),
            phone: text(self.phone.as_ref()),
        }
    }
}

impl Contact {
    /// Converts the contact details to the form in events.
    pub fn to_event(&self) -> personal::Contact {
        personal::Contact {
            name: text(self.name.as_ref()),
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            phone: text(self.phone.as_ref()),
        }
    }
}

fn text<const MAX: usize>(text: Option<&Text<MAX>>) -> Option<String> {
    text.map(|text| text.as_str().to_owned())
}

impl Country {
    /// Returns the country code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a country code consists of ASCII capital letters")
    }
}

impl std::str::FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(InvalidCountry),
        }
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Capitals)
    }
}

struct Capitals;

impl Visitor<'_> for Capitals {
    type Value = Country;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a country code of two capital letters, such as GB")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Country, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for Country {
    fn schema_name() -> Cow<'static, str> {
        "Country".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{2}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capitals() {
        assert_eq!("GB".parse::<Country>().unwrap().as_str(), "GB");
        for bad in ["", "G", "gb", "GBR", "G\0", "ÜB"] {
            assert_eq!(bad.parse::<Country>(), Err(InvalidCountry), "{bad}");
        }
    }

    #[test]
    fn an_address_goes_into_events_as_it_was_given() {
        let json = r#"{"name":"Ada","line1":"1 High St","city":"Leeds","postcode":"LS1 1AA","country":"GB"}"#;
        let address: Address = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), json);
        assert_eq!(serde_json::to_string(&address.to_event()).unwrap(), json);
        assert!(serde_json::from_str::<Address>(&json.replace("Ada", "A\\u0000")).is_err());
    }
}
