//! A command service without a socket, with a client for its responses.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use command_service::http::{HttpState, router};
use command_service::log::{self, Log};
use command_service::writer::{Limits, Writer};
use events::email::EmailIndex;
use platform::health::Health;
use platform::server::{self, shell};
use platform::shutdown::Shutdown;
use serde_json::{Value, json};
use testbed::Bed;
use tower::ServiceExt;

/// Computes the stream ids of e-mail addresses.
fn emails() -> EmailIndex {
    EmailIndex::from_secret("any secret, as long as it has 32 characters").unwrap()
}

/// A shop with lamps. It is shut down when dropped.
pub(crate) struct Shop {
    bed: Bed,
    client: Client,
    pub(crate) health: Health,
    stop: Shutdown,
}

/// A client; cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Headers of a request.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Shop {
    /// A shop with this number of lamps at 450 pence.
    pub(crate) async fn with_lamps(units: u32) -> Shop {
        let bed = Bed::new().await.unwrap();
        let log = Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 4));
        Shop::on(bed, log, Limits::default().silence, units).await
    }

    /// A shop on this log, which may not respond for up to `silence`.
    pub(crate) async fn on(bed: Bed, log: Log, silence: Duration, units: u32) -> Shop {
        let health = Health::new();
        let limits = Limits { silence, ..Limits::default() };
        let (writer, mailbox) = Writer::start(log, limits, None, health.component("postgres")).await.unwrap();
        let (slot, stop) = (HttpState::default(), Shutdown::new());
        tokio::spawn(writer.run(stop.clone()));
        slot.open_mailbox(mailbox);
        let client = Client { router: shell(router(slot, &emails()), &server::Limits::default()) };
        let shop = Shop { bed, client, health, stop };
        let lamp = json!({ "sku": "LAMP", "name": "Lamp", "prices": { "GBP": 450 } });
        assert_eq!(shop.post("/v1/products", &[], &lamp).await.status, 201);
        let receipt = [("idempotency-key", "receipt")];
        let received = shop.post("/v1/stock/LAMP/main/receipts", &receipt, &json!({ "quantity": units })).await;
        assert_eq!(received.status, 201, "{received:?}");
        shop
    }

    pub(crate) async fn post(&self, path: &str, headers: Headers<'_>, body: &Value) -> Answered {
        self.post_text(path, "application/json", headers, body.to_string()).await
    }

    pub(crate) async fn post_text(
        &self,
        path: &str,
        content_type: &str,
        headers: Headers<'_>,
        body: impl Into<Body>,
    ) -> Answered {
        let request = Request::post(path).header("content-type", content_type);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)), body).await
    }

    /// Sends a JSON body with any method.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: Headers<'_>, body: &Value) -> Answered {
        self.send_as(method, path, headers, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// Sends any bytes as `application/json`, with any method.
    pub(crate) async fn send_as(
        &self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: impl Into<Body>,
    ) -> Answered {
        let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(path);
        let request = request.header("content-type", "application/json");
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(Request::get(path), Body::empty()).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answered {
        self.client().send(request, body).await
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Number of events in the log.
    pub(crate) async fn events(&self) -> i64 {
        sqlx::query_scalar("select count(*) from events").fetch_one(&mut self.owner().await).await.unwrap()
    }

    /// Types of the events after the first ones, in the order of the log.
    pub(crate) async fn types_after(&self, position: i64) -> Vec<String> {
        let types = sqlx::query_scalar("select event_type from events where position > $1 order by position");
        types.bind(position).fetch_all(&mut self.owner().await).await.unwrap()
    }

    async fn owner(&self) -> sqlx::PgConnection {
        use sqlx::Connection;
        sqlx::PgConnection::connect(&self.bed.owner_url().unwrap()).await.unwrap()
    }
}

impl Client {
    /// A client for another task.
    pub(crate) async fn post(self, path: &'static str, headers: Headers<'static>, body: Value) -> Answered {
        let request = Request::post(path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request, body.to_string()).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answered {
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answered { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.request();
    }
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts status and slug of a problem.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!((self.status.as_u16(), self.json()["type"].as_str()), (status, Some(&*format!("/problems/{kind}"))));
    }
}

/// The body of an order of this number of lamps.
pub(crate) fn lamps(quantity: u32) -> Value {
    json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": quantity }] })
}
