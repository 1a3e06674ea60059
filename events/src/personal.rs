//! Personal data: whatever tells who somebody is stands in a [`Personal`], and nowhere else.
//!
//! Names, addresses and ways to reach somebody are personal data, and so is every free text about an order (notes, their
//! authors, reasons), because such a text may name a person. Identifiers (a customer's id, an external reference, a tracking
//! number) and tags are not: they stay when a person is erased, because totals are found by them.
//!
//! The wrapper shows nothing in logs, panics and test failures, and it is the one place where such data can be encrypted
//! before it is written down. JSON Schemas mark it with [`MARK`]; [`Erase`] and `erasure` remove it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// The member of a JSON Schema that is `true` where the value is personal data.
pub const MARK: &str = "x-personal";

/// Personal data; `Debug` does not show it. Boxed, because most events have none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(Box<T>);

impl<T> Personal<T> {
    /// Marks `data` as personal.
    pub fn new(data: T) -> Self {
        Personal(Box::new(data))
    }

    /// The data itself, for those who have a reason to look.
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

/// What holds personal data that can be removed.
pub trait Erase {
    /// Removes the personal data; says whether there was any.
    fn erase(&mut self) -> bool;
}

impl<T: Default + PartialEq> Erase for Personal<T> {
    /// Leaves the empty value, where the shape of an event needs one.
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

/// Where somebody can be reached by post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Who receives it.
    pub name: String,
    /// The company, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Street and number.
    pub line1: String,
    /// Floor, flat, door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// State, county or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: String,
    /// For the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// How a guest can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// What is known of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// E-mail as given; unique among customers without regard to case.
    pub email: String,
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where they can be reached; the first is the one they mean when they say nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_written_down_but_never_shown() {
        let name = Personal::new("Ada".to_owned());
        assert_eq!(format!("{name:?}"), "Personal(..)");
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""Ada""#);
        assert_eq!(name.expose(), "Ada");
    }

    #[test]
    fn what_is_erased_is_empty_or_absent_and_was_there_once() {
        let (mut name, mut phone) = (Personal::from("Ada"), Some(Personal::from("+44")));
        assert!(name.erase() && phone.erase());
        assert_eq!((name.expose().as_str(), &phone), ("", &None));
        assert!(!name.erase() && !phone.erase());
    }
}
