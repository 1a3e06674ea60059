//! An HTTP client of the platform: sends commands with idempotency keys and queries with consistency tokens.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client_history::acks::Ack;
use crate::fleet::{Fleet, Service};

/// Longest wait for a response; longer than the request timeout of the services.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Problem type of a command whose first request is still in flight.
const IN_PROGRESS: &str = "idempotency-in-progress";

/// A client of the platform. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    commands: String,
    queries: Option<String>,
}

/// A complete response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header `Consistency-Token`, if present.
    pub token: Option<i64>,
    /// Header `Projection-Position`, if present.
    pub projection_position: Option<i64>,
    /// Whether the response is a replay (header `Idempotent-Replayed`).
    pub is_replayed: bool,
    /// Header `Content-Type`.
    pub content_type: String,
    /// Header `Retry-After`, if present.
    pub retry_after: Option<String>,
    /// The body as JSON; `null` if the body is not JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Last segment of the problem type: `order-state` of `/problems/order-state`.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().and_then(|kind| kind.rsplit('/').next()).unwrap_or_default()
    }

    /// Whether the outcome of the request is unknown, so that the same request should be sent again.
    pub fn is_outcome_unknown(&self) -> bool {
        self.status >= 500 || self.problem() == IN_PROGRESS
    }

    /// A text field of the body; empty if the field is missing.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The response if its status is 2xx, otherwise an error that contains the response.
    pub fn success(self) -> anyhow::Result<Answer> {
        if !self.is_success() {
            bail!("expected success, got {} {}", self.status, self.body);
        }
        Ok(self)
    }

    /// The acknowledged command of this response, with its stream and idempotency key.
    pub fn ack(&self, key: Uuid, stream: String) -> anyhow::Result<Ack> {
        let number = |name: &str| self.body[name].as_i64().with_context(|| format!("no `{name}` in {}", self.body));
        let code = self.body["code"].as_str().map(str::to_owned);
        Ok(Ack { key, stream, code, version: number("version")? as i32, position: number("position")? })
    }
}

impl Api {
    /// A client of the services of a fleet.
    pub fn of(fleet: &Fleet) -> anyhow::Result<Api> {
        let queries = fleet.services().any(|service| service == Service::Query);
        let queries = queries.then(|| fleet.url(Service::Query)).transpose()?;
        Api::at(fleet.url(Service::Command)?, queries)
    }

    /// A client of services with these URLs (`http://host:port`).
    pub fn at(commands: String, queries: Option<String>) -> anyhow::Result<Api> {
        let http = Client::builder().timeout(ANSWER_TIMEOUT).build().context("creating an HTTP client")?;
        Ok(Api { http, commands, queries })
    }

    /// Sends a command once.
    pub async fn command(&self, path: &str, key: Uuid, body: &Value) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("{}{path}", self.commands)).header("idempotency-key", key.to_string());
        answer(request.json(body)).await
    }

    /// Sends a `DELETE` request to the command service once.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.http.delete(format!("{}{path}", self.commands))).await
    }

    /// Gets the outcome of a command by idempotency key.
    pub async fn outcome(&self, key: Uuid) -> anyhow::Result<Answer> {
        answer(self.http.get(format!("{}/v1/commands/{key}", self.commands))).await
    }

    /// A `POST` request to the command service without headers and body, for tests of invalid requests.
    pub fn raw_command(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.commands))
    }

    /// Sends a query once.
    pub async fn query(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.http.get(self.query_url(path)?)).await
    }

    /// Sends a query with a consistency token that may wait up to 5 seconds until the response contains the token.
    pub async fn query_at(&self, path: &str, token: i64) -> anyhow::Result<Answer> {
        self.query_within(path, token, 5).await
    }

    /// Sends a query with a consistency token that may wait up to `wait_s` seconds until the response contains the token.
    pub async fn query_within(&self, path: &str, token: i64, wait_s: u32) -> anyhow::Result<Answer> {
        let request = self.http.get(self.query_url(path)?);
        let request = request.header("consistency-token", token.to_string()).header("prefer", format!("wait={wait_s}"));
        answer(request).await
    }

    /// Whether the platform has a query service.
    pub fn has_queries(&self) -> bool {
        self.queries.is_some()
    }

    fn query_url(&self, path: &str) -> anyhow::Result<String> {
        let root = self.queries.as_ref().context("this fleet has no query-service")?;
        Ok(format!("{root}{path}"))
    }

    /// Creates a product with a price in pence, and receives units of the product at location `main`.
    pub async fn create_product_with_stock(&self, sku: &str, price: i64, stock: u32) -> anyhow::Result<[Ack; 2]> {
        let product = json!({ "sku": sku, "name": format!("Product {sku}"), "prices": { "GBP": price } });
        let (made, received) = (Uuid::now_v7(), Uuid::now_v7());
        let answer = self.command("/v1/products", made, &product).await?.success()?;
        let made = answer.ack(made, format!("product-{sku}"))?;
        let path = format!("/v1/stock/{sku}/main/receipts");
        let answer = self.command(&path, received, &json!({ "quantity": stock })).await?.success()?;
        Ok([made, answer.ack(received, format!("stock-{sku}@main"))?])
    }
}

/// Sends a request and reads the response.
pub async fn answer(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.context("sending a request")?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status: StatusCode = response.status();
    let position = |name: &str| header(name).and_then(|position| position.parse().ok());
    let (token, projection_position) = (position("consistency-token"), position("projection-position"));
    let is_replayed = header("idempotent-replayed").is_some_and(|value| value == "true");
    let content_type = header("content-type").unwrap_or_default();
    let retry_after = header("retry-after");
    let body = response.bytes().await.context("reading a response")?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer { status: status.as_u16(), token, projection_position, is_replayed, content_type, retry_after, body })
}
