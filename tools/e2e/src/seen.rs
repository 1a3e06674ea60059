//! What clients saw besides their acks: answers to reads, and how those commands ended whose first answer got lost. Kept by
//! the load, checked against the log afterwards.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::ack::Ack;
use crate::api::Answer;

/// An answer to a read of one document, or of the stock of one SKU at all its locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Who read; a session sends with each read the newest position that it has heard of.
    pub session: u32,
    /// What was asked for.
    pub scope: Scope,
    /// `Consistency-Token` of the request.
    pub token: i64,
    /// `Projection-Position` of the response; 0 where nothing was found.
    pub contains: i64,
    /// Version of each stream that the response shows; empty where nothing was found.
    pub versions: BTreeMap<String, i32>,
}

/// The streams that a response must show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// This one.
    Stream(String),
    /// The stock of this SKU, wherever it lies.
    StockOf(String),
}

/// A command that was sent again because nobody knew what had become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The idempotency key.
    pub key: Uuid,
    /// What was asked for.
    pub path: String,
    /// What the key said in the end.
    pub end: End,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It took effect.
    Done(Ack),
    /// It was refused, so it must not have taken effect.
    Refused(u16),
}

impl Scope {
    /// What the path of a read asks for: `/v1/orders/ID`, `/v1/products/SKU`, `/v1/stock/SKU`.
    pub fn of(path: &str) -> Option<Scope> {
        let (kind, key) = path.strip_prefix("/v1/")?.split_once('/')?;
        match kind {
            "orders" => Some(Scope::Stream(format!("order-{key}"))),
            "products" => Some(Scope::Stream(format!("product-{key}"))),
            "stock" => Some(Scope::StockOf(key.to_owned())),
            _ => None,
        }
    }
}

impl Read {
    /// What a response shows; `None` for one that says neither what there is nor that there is nothing.
    pub fn of(session: u32, path: &str, token: i64, answer: &Answer) -> Option<Read> {
        let scope = Scope::of(path)?;
        let versions = match answer.status {
            200 => versions(&scope, &answer.body),
            404 => BTreeMap::new(),
            _ => return None,
        };
        Some(Read { session, scope, token, contains: answer.contains.unwrap_or(0), versions })
    }
}

fn versions(scope: &Scope, body: &Value) -> BTreeMap<String, i32> {
    let version = |document: &Value| document["version"].as_i64().unwrap_or(0) as i32;
    match scope {
        Scope::Stream(stream) => BTreeMap::from([(stream.clone(), version(body))]),
        Scope::StockOf(sku) => {
            let locations = body["locations"].as_array().map_or(&[][..], Vec::as_slice);
            let stream = |item: &Value| format!("stock-{sku}@{}", item["location"].as_str().unwrap_or_default());
            locations.iter().map(|item| (stream(item), version(item))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        let content_type = "application/json".to_owned();
        Answer { status, token: None, contains: Some(9), is_replayed: false, content_type, retry_after: None, body }
    }

    #[test]
    fn every_location_of_a_sku_is_a_stream_that_was_seen() {
        let body = json!({ "sku": "A", "locations": [
            { "location": "main", "version": 3 },
            { "location": "annex", "version": 1 },
        ] });
        let read = Read::of(1, "/v1/stock/A", 7, &answer(200, body)).unwrap();
        let versions = [("stock-A@annex".to_owned(), 1), ("stock-A@main".to_owned(), 3)];
        assert_eq!((read.versions, read.contains), (versions.into(), 9));
    }

    #[test]
    fn what_is_not_found_was_seen_not_to_be_there_and_an_error_shows_nothing() {
        let missing = Read::of(1, "/v1/products/A", 7, &answer(404, Value::Null)).unwrap();
        assert_eq!((missing.scope, missing.versions.len()), (Scope::Stream("product-A".into()), 0));
        assert_eq!(Read::of(1, "/v1/products/A", 7, &answer(503, Value::Null)), None);
    }
}
