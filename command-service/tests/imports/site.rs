//! Fixture: a writer, the routes of bulk imports and a job queue on real servers, as in one process of the service.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use command_service::database::{Acquired, Database};
use command_service::http::{self, BulkImports};
use command_service::jobs::Limits;
use command_service::jobs::queue::Queue;
use command_service::jobs::run::Runner;
use command_service::jobs::store::Store;
use command_service::log::{self, Log};
use command_service::writer::{self, Mailbox, Writer};
use events::email::EmailIndex;
use http_body_util::BodyExt;
use platform::health::Health;
use platform::server::{self, RouteLimits, Unpacking};
use platform::shutdown::Shutdown;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use testbed::{Bed, PATIENCE};
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const CSV: &str = "text/csv";

pub(crate) struct Site {
    bed: Bed,
    pub(crate) mailbox: Mailbox,
    pub(crate) store: Store,
    database: Database,
    router: Router,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn problem(&self) -> (u16, String) {
        let kind = self.json()["type"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}")).to_owned();
        (self.status.as_u16(), kind.trim_start_matches("/problems/").to_owned())
    }
}

fn emails() -> EmailIndex {
    EmailIndex::from_secret(&"k".repeat(32)).unwrap()
}

/// A pool with open connections: on a busy machine, opening one takes longer than the time limit of the service.
pub(crate) async fn connect(url: &str, connections: u32) -> Database {
    let database = log::connect(url.parse().unwrap(), connections);
    let mut held = Vec::new();
    tokio::time::timeout(PATIENCE, async {
        while held.len() < connections as usize {
            held.extend(database.acquire().await);
        }
    })
    .await
    .expect("the database takes connections");
    held.into_iter().for_each(Acquired::release);
    database
}

fn router(store: Store, limits: Limits) -> Router {
    let upload = RouteLimits {
        body_bytes_max: limits.bytes,
        request_timeout: http::bulk_imports::UPLOAD_TIMEOUT,
        unpacking: Unpacking::ByHandler,
    };
    let http_limits = server::Limits::default().with_route(http::bulk_imports::PATHS[0], upload);
    let slot = http::HttpState::with_bulk_imports(BulkImports::new(store, limits));
    server::shell(http::router(slot, &emails()), &http_limits)
}

impl Site {
    pub(crate) async fn open() -> Site {
        Site::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Site {
        let bed = Bed::new().await.unwrap();
        let log = Log::new(connect(&bed.writer_url().unwrap(), 4).await);
        let health = Health::new().component("postgres");
        let (writer, mailbox) = Writer::start(log, writer::Limits::default(), None, health).await.unwrap();
        tokio::spawn(writer.run(Shutdown::new()));
        let database = connect(&bed.writer_url().unwrap(), 8).await;
        let store = Store::new(database.clone());
        let router = router(store.clone(), limits);
        Site { bed, mailbox, store, database, router }
    }

    /// The same site, whose routes use this database connection.
    pub(crate) fn over(self, database: Database) -> Site {
        Site { router: router(Store::new(database), Limits::default()), ..self }
    }

    pub(crate) fn runner(&self) -> Runner {
        let (store, mailbox) = (self.store.clone(), self.mailbox.clone());
        Runner { store, mailbox, emails: emails(), stop: Shutdown::new(), patience: Duration::from_secs(30) }
    }

    pub(crate) async fn queue(&self) -> Queue {
        self.queue_of(self.runner()).await
    }

    pub(crate) async fn queue_of(&self, runner: Runner) -> Queue {
        Queue::open(self.database.separate_pool(8), runner, 2).await.unwrap()
    }

    /// Executes all jobs that are due.
    pub(crate) async fn work(&self) {
        self.queue().await.step().await.unwrap();
    }

    /// Returns once rows of a job were processed.
    pub(crate) async fn until_begun(&self, import: Uuid) {
        let begun = "select rows_read > 0 from imports where id = $1";
        let mut owner = self.owner().await;
        while !sqlx::query_scalar::<_, bool>(begun).bind(import).fetch_one(&mut owner).await.unwrap() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn database_url(&self) -> String {
        self.bed.writer_url().unwrap()
    }

    pub(crate) async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.bed.owner_url().unwrap()).await.unwrap()
    }

    /// Number of events of this type in the log.
    pub(crate) async fn events(&self, event_type: &str) -> i64 {
        let count = sqlx::query_scalar("select count(*) from events where event_type = $1").bind(event_type);
        count.fetch_one(&mut self.owner().await).await.unwrap()
    }

    /// Number of events of this type that a job caused.
    pub(crate) async fn events_of(&self, job: &Value, event_type: &str) -> i64 {
        let count = "select count(*) from events where event_type = $1 and metadata->>'correlation_id' = $2";
        let count = sqlx::query_scalar(count).bind(event_type).bind(job["id"].as_str().unwrap());
        count.fetch_one(&mut self.owner().await).await.unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")));
        count.fetch_one(&mut self.owner().await).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(Request::post(path).body(Body::empty()).unwrap()).await
    }

    /// Uploads a file with a new key.
    pub(crate) async fn upload(&self, path: &str, media_type: &str, body: impl Into<Body>) -> Answer {
        self.upload_as(&Uuid::now_v7().to_string(), path, media_type, body).await
    }

    pub(crate) async fn upload_as(&self, key: &str, path: &str, media_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/v1/imports/{path}"))
            .header("content-type", media_type)
            .header("idempotency-key", key);
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Uploads a file, executes the job, and returns the ended job.
    pub(crate) async fn import(&self, path: &str, media_type: &str, body: impl Into<Body>) -> Value {
        let accepted = self.upload(path, media_type, body).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        self.work().await;
        self.job(&accepted).await
    }

    /// The job in a response.
    pub(crate) async fn job(&self, accepted: &Answer) -> Value {
        self.get(accepted.headers["location"].to_str().unwrap()).await.json()
    }

    /// The rejection report of a job, as NDJSON.
    pub(crate) async fn rejections(&self, job: &Value) -> Vec<Value> {
        let path = format!("{}?format=ndjson", job["links"]["rejections"].as_str().unwrap());
        let report = self.get(&path).await;
        report.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Three products with plenty of stock.
    pub(crate) async fn stocked(&self) {
        let products = "sku,name,price_GBP\nMUG,Mug,450\nCUP,Cup,300\nJUG,Jug,900\n";
        let job = self.import("products", CSV, products).await;
        assert_eq!(job["progress"]["applied"], 3, "{job}");
        let job = self.import("stock", CSV, "sku,quantity\nMUG,1000\nCUP,1000\nJUG,1000\n").await;
        assert_eq!(job["progress"]["applied"], 3, "{job}");
    }
}
