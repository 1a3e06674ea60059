//! Personal data of customers and buyers. Personal data in events is always wrapped in [`Personal`].
//!
//! Names, addresses and contact details are personal data, and so is every free text about an order (notes, their authors, reasons),
//! because such a text may name a person. Identifiers (customer id, external reference, tracking number) and tags are not personal
//! data: they are kept when a person is erased, because totals and references depend on them.
//!
//! `Personal` is not printed in logs, panics and test failures, and it is the one place where personal data can be encrypted before it
//! is stored. JSON Schemas mark personal data with [`MARK`]. [`Erase`] and [`crate::erasure`] remove personal data.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// Keyword of a JSON Schema that is `true` if the value is personal data.
pub const MARK: &str = "x-personal";

/// Personal data. `Debug` does not print the data. Boxed, because most events have no personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(Box<T>);

impl<T> Personal<T> {
    pub fn new(data: T) -> Self {
        Personal(Box::new(data))
    }

    /// The data itself. Do not log it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl From<String> for Personal<String> {
    fn from(text: String) -> Self {
        Personal::new(text)
    }
}

impl From<&str> for Personal<String> {
    fn from(text: &str) -> Self {
        Personal::new(text.to_owned())
    }
}

/// A field that contains personal data.
pub trait Erase {
    /// Removes the personal data. Returns whether there was any.
    fn erase(&mut self) -> bool;
}

impl<T: Default + PartialEq> Erase for Personal<T> {
    /// Replaces the data with an empty value, because the field is required.
    fn erase(&mut self) -> bool {
        std::mem::take(self) != Personal::default()
    }
}

impl<T> Erase for Option<Personal<T>> {
    fn erase(&mut self) -> bool {
        self.take().is_some()
    }
}

impl<T: JsonSchema> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}<{}>", module_path!(), T::schema_id()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<T>();
        schema.insert(MARK.to_owned(), true.into());
        schema
    }
}

impl<T> std::fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(..)")
    }
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Name of the recipient.
    pub name: String,
    /// Company name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// First address line: street and house number.
    pub line1: String,
    /// Second address line, such as floor or apartment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// City or town.
    pub city: String,
    /// State, county or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Country code (ISO 3166-1 alpha-2) in capital letters.
    pub country: String,
    /// Phone number for the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Contact details of a buyer who is not a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// Name of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Personal data of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// E-mail address as given. Unique among customers, ignoring case.
    pub email: String,
    /// Name of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Postal addresses. The first address is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_serialized_but_not_printed() {
        let name = Personal::new("Ada".to_owned());
        assert_eq!(format!("{name:?}"), "Personal(..)");
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""Ada""#);
        assert_eq!(name.expose(), "Ada");
    }

    #[test]
    fn erased_data_is_empty_or_missing() {
        let (mut name, mut phone) = (Personal::from("Ada"), Some(Personal::from("+44")));
        assert!(name.erase() && phone.erase());
        assert_eq!((name.expose().as_str(), &phone), ("", &None));
        assert!(!name.erase() && !phone.erase());
    }
}
