//! Addresses and contacts with bounds, checked while they are parsed. Bodies hold them in a
//! [`Personal`](events::Personal), so that no log and no failed test shows them.

use std::borrow::Cow;

use events::personal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::label::Label;
use super::text::{Name, Text};

/// A postal code; the longest of the world has ten characters.
type Postcode = Text<20>;

/// A phone number as people write it; digits, signs and an extension (E.164 has 15 digits).
type Phone = Text<40>;

/// An e-mail address (RFC 5321, 4.5.3.1: 254 characters at most); whether it works only a mail can tell.
type Email = Label<254>;

/// Where somebody can be reached by post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    pub name: Name,
    /// The company, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Name>,
    /// Street and number.
    pub line1: Name,
    /// Floor, flat, door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<Name>,
    /// City.
    pub city: Name,
    /// State, county or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Postcode>,
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: Country,
    /// For the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// How a guest can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// A country's code as far as its form goes: two capitals. Which codes are in use changes; carriers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country([u8; 2]);

/// Why a text is not a country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 3166-1 code of two capitals, such as GB")]
pub struct InvalidCountry;

impl Address {
    /// The address as events have it.
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
    /// The contact as events have it.
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
    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a country is made of ASCII capitals")
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
        f.write_str("a country's code of two capitals, such as GB")
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
