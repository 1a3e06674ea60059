//! Responses to queries, reduced to what the checkers compare with the log: the versions of the streams in a response.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Answer;

/// A response to a read of one document, or of the stock of one SKU at all its locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Number of the session. A session sends with each read the newest position that it has received.
    pub session: u32,
    /// The streams that were read.
    pub scope: Scope,
    /// `Consistency-Token` of the request.
    pub token: i64,
    /// `Projection-Position` of the response; 0 if nothing was found.
    pub projection_position: i64,
    /// Version of each stream in the response; empty if nothing was found.
    pub versions: BTreeMap<String, i32>,
}

/// The streams that a response must contain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One stream.
    Stream(String),
    /// The stock of this SKU at all locations.
    StockOf(String),
}

impl Scope {
    /// The scope of a path: `/v1/orders/ID`, `/v1/products/SKU` or `/v1/stock/SKU`; `None` for other paths.
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
    /// The read that a response with status 200 or 404 represents; `None` for other statuses.
    pub fn of(session: u32, path: &str, token: i64, answer: &Answer) -> Option<Read> {
        let scope = Scope::of(path)?;
        let versions = match answer.status {
            200 => versions(&scope, &answer.body),
            404 => BTreeMap::new(),
            _ => return None,
        };
        Some(Read { session, scope, token, projection_position: answer.projection_position.unwrap_or(0), versions })
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
        Answer { status, projection_position: Some(9), body, ..Answer::default() }
    }

    #[test]
    fn every_location_of_a_sku_is_a_stream_of_the_read() {
        let body = json!({ "sku": "A", "locations": [
            { "location": "main", "version": 3 },
            { "location": "annex", "version": 1 },
        ] });
        let read = Read::of(1, "/v1/stock/A", 7, &answer(200, body)).unwrap();
        let versions = [("stock-A@annex".to_owned(), 1), ("stock-A@main".to_owned(), 3)];
        assert_eq!((read.versions, read.projection_position), (versions.into(), 9));
    }

    #[test]
    fn not_found_is_a_read_without_streams_and_an_error_is_no_read() {
        let missing = Read::of(1, "/v1/products/A", 7, &answer(404, Value::Null)).unwrap();
        assert_eq!((missing.scope, missing.versions.len()), (Scope::Stream("product-A".into()), 0));
        assert_eq!(Read::of(1, "/v1/products/A", 7, &answer(503, Value::Null)), None);
    }
}
