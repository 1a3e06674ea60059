//! Streams: [`StreamId`] names the sequence of events of one subject (an order, a stock item, ...) as `category-key`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{CustomerId, OrderId, StockHoldId};
use crate::name::{Location, MAX_NAME_CHARS, Sku};

/// Category of a stream. Each category has a Kafka topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// `order-{uuidv7}`
    Order,
    /// `stock-{sku}@{location}`
    Stock,
    /// `product-{sku}`
    Product,
    /// `customer-{uuidv7}`, and `email-{hash}` for each e-mail address that a customer uses or used
    Customer,
    /// `hold-{uuidv7}`
    StockHold,
}

impl Category {
    /// Every category, in the order of the topics.
    pub const ALL: [Category; 5] =
        [Category::Order, Category::Stock, Category::Product, Category::Customer, Category::StockHold];

    /// Name of the category, with which the ids of its streams begin (except those of e-mail addresses).
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Order => "order",
            Category::Stock => "stock",
            Category::Product => "product",
            Category::Customer => "customer",
            Category::StockHold => "hold",
        }
    }

    /// The prefixes of the ids of its streams.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Category::Order => &["order-"],
            Category::Stock => &["stock-"],
            Category::Product => &["product-"],
            Category::Customer => &["customer-", "email-"],
            Category::StockHold => &["hold-"],
        }
    }
}

impl std::fmt::Display for Category {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Maximum length of a stream id in bytes: the longest ids are `stock-{sku}@{location}`.
const MAX_BYTES: usize = "stock-@".len() + 2 * MAX_NAME_CHARS;

/// The text is not a stream id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a stream id: expected order-ID, stock-SKU@LOCATION, product-SKU, customer-ID, email-HASH or hold-ID"
)]
pub struct InvalidStream(pub String);

/// Identifier of a stream. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StreamId(Arc<str>);

/// The subject of a stream: the category and the parsed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Order(OrderId),
    /// A stock item: a SKU at a location.
    Stock(Sku, Location),
    Product(Sku),
    Customer(CustomerId),
    /// An e-mail address that a customer uses or used.
    Email(EmailHash),
    /// A stock hold.
    StockHold(StockHoldId),
}

/// Keyed hash of an e-mail address, as 32 hexadecimal digits. It identifies the stream of the address without revealing the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
pub struct EmailHash(#[schemars(with = "String", regex(pattern = r"^[0-9a-f]{32}$"))] [u8; 16]);

impl EmailHash {
    /// `bytes` are the first 128 bits of the keyed hash.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        let is_valid = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_valid)?;
        Some(Self(number.to_be_bytes()))
    }
}

impl Serialize for EmailHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EmailHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("must be 32 lowercase hexadecimal digits"))
    }
}

impl std::fmt::Display for EmailHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl StreamId {
    /// The stream of an order.
    pub fn order(id: OrderId) -> Self {
        let mut text = Uuid::encode_buffer();
        Self(join(["order-", id.uuid().hyphenated().encode_lower(&mut text)]))
    }

    /// The stream of a stock item.
    pub fn stock(sku: &Sku, location: &Location) -> Self {
        Self(join(["stock-", sku.as_str(), "@", location.as_str()]))
    }

    /// The stream of a product.
    pub fn product(sku: &Sku) -> Self {
        Self(join(["product-", sku.as_str()]))
    }

    /// The stream of a customer.
    pub fn customer(id: CustomerId) -> Self {
        let mut text = Uuid::encode_buffer();
        Self(join(["customer-", id.uuid().hyphenated().encode_lower(&mut text)]))
    }

    /// The stream of an e-mail address.
    pub fn email(hash: EmailHash) -> Self {
        Self(join(["email-", &hash.to_string()]))
    }

    /// The stream of a stock hold.
    pub fn stock_hold(id: StockHoldId) -> Self {
        let mut text = Uuid::encode_buffer();
        Self(join(["hold-", id.uuid().hyphenated().encode_lower(&mut text)]))
    }

    /// The id as text, as stored and as used for the key of Kafka messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn category(&self) -> Category {
        match self.0.as_bytes().first() {
            Some(b'o') => Category::Order,
            Some(b's') => Category::Stock,
            Some(b'p') => Category::Product,
            Some(b'h') => Category::StockHold,
            _ => Category::Customer,
        }
    }

    /// The subject of the stream.
    pub fn subject(&self) -> Subject {
        parse(&self.0).expect("a stream id is parsed or built from its subject")
    }

    /// The text after `category-`: an id, a SKU or `sku@location`.
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(_, key)| key)
    }
}

/// Joins texts with one allocation. The writer builds about ten stream ids per order, so this function is on its hot path.
fn join<const N: usize>(parts: [&str; N]) -> Arc<str> {
    let mut text = [0; MAX_BYTES];
    let mut end = 0;
    for part in parts {
        let start = end;
        end += part.len();
        text[start..end].copy_from_slice(part.as_bytes());
    }
    std::str::from_utf8(&text[..end]).expect("joined UTF-8 texts are UTF-8").into()
}

fn parse(text: &str) -> Option<Subject> {
    let (category, key) = text.split_once('-')?;
    match category {
        "order" => key.parse().ok().map(Subject::Order),
        "product" => key.parse().ok().map(Subject::Product),
        "customer" => key.parse().ok().map(Subject::Customer),
        "email" => EmailHash::parse(key).map(Subject::Email),
        "hold" => key.parse().ok().map(Subject::StockHold),
        "stock" => {
            let (sku, location) = key.split_once('@')?;
            Some(Subject::Stock(sku.parse().ok()?, location.parse().ok()?))
        }
        _ => None,
    }
}

impl std::str::FromStr for StreamId {
    type Err = InvalidStream;

    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        parse(text).ok_or_else(|| InvalidStream(text.chars().take(200).collect()))?;
        Ok(Self(text.into()))
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_category_and_a_subject() {
        let stream: StreamId = "stock-A-1.b@shelf_2".parse().unwrap();
        assert_eq!(stream.category(), Category::Stock);
        assert_eq!(stream.subject(), Subject::Stock("A-1.b".parse().unwrap(), "shelf_2".parse().unwrap()));
        assert_eq!(stream.key(), "A-1.b@shelf_2");
    }

    #[test]
    fn ids_are_built_as_they_are_parsed() {
        let longest = "x".repeat(MAX_NAME_CHARS);
        let (sku, location): (Sku, Location) = (longest.parse().unwrap(), longest.parse().unwrap());
        let id: OrderId = "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap();
        assert_eq!(StreamId::order(id).as_str(), "order-0190163d-8694-739b-aea5-966c26f8ad91");
        assert_eq!(StreamId::product(&sku).subject(), Subject::Product(sku.clone()));
        let hash = EmailHash::new([0xab; 16]);
        assert_eq!(StreamId::email(hash).subject(), Subject::Email(hash));
        assert_eq!((StreamId::email(hash).category(), StreamId::email(hash).as_str().len()), (Category::Customer, 38));
        let id: StockHoldId = "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap();
        assert_eq!(
            (StreamId::stock_hold(id).subject(), StreamId::stock_hold(id).category()),
            (Subject::StockHold(id), Category::StockHold)
        );
        assert_eq!(StreamId::stock(&sku, &location).subject(), Subject::Stock(sku, location));
    }

    #[test]
    fn invalid_stream_ids_are_rejected() {
        for bad in ["", "email-0", "hold-1", "order", "order-1", "stock-A", "stock-A@", "basket-1", "product-a b"] {
            assert!(bad.parse::<StreamId>().is_err(), "{bad:?}");
        }
    }
}
