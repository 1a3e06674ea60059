//! The platform as its clients see it: commands with keys, queries with tokens, answers as they came.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ack::Ack;
use crate::fleet::{Fleet, Service};

/// Longest wait for one answer. Longer than a service may take, so that it answers first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The problem of a command whose first request is still being decided.
const IN_PROGRESS: &str = "idempotency-in-progress";

/// A client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    commands: String,
    queries: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `201` and so on.
    pub status: u16,
    /// `Consistency-Token`, where there is one.
    pub token: Option<i64>,
    /// `Projection-Position`, where there is one.
    pub contains: Option<i64>,
    /// Whether it is the answer of an earlier time.
    pub is_replayed: bool,
    /// `Content-Type`.
    pub content_type: String,
    /// `Retry-After`, where there is one.
    pub retry_after: Option<String>,
    /// The body as JSON; `null` where it is not.
    pub body: Value,
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The last part of the problem's type: `order-state` of `/problems/order-state`.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().and_then(|kind| kind.rsplit('/').next()).unwrap_or_default()
    }

    /// Whether it leaves open what became of a command, or what there is to read: the same request may be sent again.
    pub fn is_open(&self) -> bool {
        self.status >= 500 || self.problem() == IN_PROGRESS
    }

    /// A member of the body that is text.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The answer itself if it is a 2xx, otherwise an error that shows it.
    pub fn success(self) -> anyhow::Result<Answer> {
        if !self.is_success() {
            bail!("expected success, got {} {}", self.status, self.body);
        }
        Ok(self)
    }

    /// What it promised, as a command on `stream` under `key`.
    pub fn ack(&self, key: Uuid, stream: String) -> anyhow::Result<Ack> {
        let number = |name: &str| self.body[name].as_i64().with_context(|| format!("no `{name}` in {}", self.body));
        let code = self.body["code"].as_str().map(str::to_owned);
        Ok(Ack { key, stream, code, version: number("version")? as i32, position: number("position")? })
    }
}

impl Api {
    /// The client of a fleet.
    pub fn of(fleet: &Fleet) -> anyhow::Result<Api> {
        let queries = fleet.services().any(|service| service == Service::Query);
        let queries = queries.then(|| fleet.url(Service::Query)).transpose()?;
        Api::at(fleet.url(Service::Command)?, queries)
    }

    /// The client of services that take requests at these addresses, `http://host:port`.
    pub fn at(commands: String, queries: Option<String>) -> anyhow::Result<Api> {
        let http = Client::builder().timeout(ANSWER_TIMEOUT).build().context("making an HTTP client")?;
        Ok(Api { http, commands, queries })
    }

    /// Sends a command once.
    pub async fn command(&self, path: &str, key: Uuid, body: &Value) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("{}{path}", self.commands)).header("idempotency-key", key.to_string());
        answer(request.json(body)).await
    }

    /// Sends a `DELETE` once.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.http.delete(format!("{}{path}", self.commands))).await
    }

    /// Asks what became of the command with this key.
    pub async fn outcome(&self, key: Uuid) -> anyhow::Result<Answer> {
        answer(self.http.get(format!("{}/v1/commands/{key}", self.commands))).await
    }

    /// A request to the command-service, to be made wrong on purpose.
    pub fn raw_command(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.commands))
    }

    /// Asks the query-service once.
    pub async fn query(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.http.get(self.query_url(path)?)).await
    }

    /// Asks the query-service for something that is at least as new as `token`, and lets it wait for that.
    pub async fn query_at(&self, path: &str, token: i64) -> anyhow::Result<Answer> {
        self.query_within(path, token, 5).await
    }

    /// The same, with a wait of so many seconds.
    pub async fn query_within(&self, path: &str, token: i64, wait_s: u32) -> anyhow::Result<Answer> {
        let request = self.http.get(self.query_url(path)?);
        let request = request.header("consistency-token", token.to_string()).header("prefer", format!("wait={wait_s}"));
        answer(request).await
    }

    /// Whether there is a query-service to ask.
    pub fn has_queries(&self) -> bool {
        self.queries.is_some()
    }

    fn query_url(&self, path: &str) -> anyhow::Result<String> {
        let root = self.queries.as_ref().context("this fleet has no query-service")?;
        Ok(format!("{root}{path}"))
    }

    /// Makes a product that costs `price` pence and puts `stock` pieces of it into `main`; gives both acks.
    pub async fn offer(&self, sku: &str, price: i64, stock: u32) -> anyhow::Result<[Ack; 2]> {
        let product = json!({ "sku": sku, "name": format!("Product {sku}"), "prices": { "GBP": price } });
        let (made, received) = (Uuid::now_v7(), Uuid::now_v7());
        let answer = self.command("/v1/products", made, &product).await?.success()?;
        let made = answer.ack(made, format!("product-{sku}"))?;
        let path = format!("/v1/stock/{sku}/main/receipts");
        let answer = self.command(&path, received, &json!({ "quantity": stock })).await?.success()?;
        Ok([made, answer.ack(received, format!("stock-{sku}@main"))?])
    }
}

/// Sends a request as it is.
pub async fn answer(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.context("sending a request")?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status: StatusCode = response.status();
    let position = |name: &str| header(name).and_then(|position| position.parse().ok());
    let (token, contains) = (position("consistency-token"), position("projection-position"));
    let is_replayed = header("idempotent-replayed").is_some_and(|value| value == "true");
    let content_type = header("content-type").unwrap_or_default();
    let retry_after = header("retry-after");
    let body = response.bytes().await.context("reading an answer")?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer { status: status.as_u16(), token, contains, is_replayed, content_type, retry_after, body })
}
