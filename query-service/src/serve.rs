//! Puts the process together: listens at once, is ready when a database answers, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use platform::health::Health;
use platform::openapi::Routes;
use platform::shutdown::Shutdown;
use platform::{admin, metrics, server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use crate::cache::redis::Redis;
use crate::config::Config;
use crate::cursor::CursorKey;
use crate::database::{self, Database};
use crate::documented::INFO;
use crate::documents::Documents;
use crate::freshness::{self, Current};
use crate::orders::{self, Orders};
use crate::products::{self, Product};
use crate::schemas;
use crate::stock::{self, Stock};

/// Lists below this size are sent as they are: compressing them costs more than it saves.
const COMPRESS_MIN_BYTES: u64 = 4096;

/// One in so many requests may be one that waits for its consistency token; the others are for those who do not wait.
const WAITING_SHARE: usize = 2;

/// What handlers share. Cheap to clone.
pub type App = Arc<Reads>;

/// Everything that can be read, and how.
pub struct Reads {
    /// For lists.
    pub database: Database,
    /// How fresh answers are.
    pub current: Current,
    /// Orders, one at a time.
    pub orders: Orders,
    /// Products, one at a time.
    pub products: Documents<Product>,
    /// Stock, one SKU at a time.
    pub stock: Documents<Stock>,
    /// Signs cursors.
    pub cursor_key: CursorKey,
    /// Longest that a request waits for its consistency token.
    pub wait_max: Duration,
}

/// Serves until asked to stop.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener =
        server::bind(config.http_addr).with_context(|| format!("listening on HTTP_ADDR {}", config.http_addr))?;
    let admin =
        server::bind(config.admin_addr).with_context(|| format!("listening on ADMIN_ADDR {}", config.admin_addr))?;
    tracing::info!(http.addr = %config.http_addr, admin.addr = %config.admin_addr, "listening");
    Running::start(config, listener, admin, &shutdown)?.finish(&shutdown).await
}

/// A service that runs.
pub struct Running {
    /// Where queries are answered.
    pub http_addr: SocketAddr,
    /// Where health and metrics are served.
    pub admin_addr: SocketAddr,
    /// What is known of its dependencies.
    pub health: Health,
    admin_stop: Shutdown,
    serving: JoinHandle<server::Drained>,
    admin: JoinHandle<server::Drained>,
}

impl Running {
    /// Starts serving; dependencies are looked for from now on.
    pub fn start(
        config: Config,
        listener: TcpListener,
        admin: TcpListener,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Running> {
        let metrics = metrics::install();
        let (http_addr, admin_addr) = (listener.local_addr()?, admin.local_addr()?);
        let (health, admin_stop) = (Health::new(), Shutdown::new());
        let admin_router = admin::router(health.clone(), metrics);
        let admin = tokio::spawn(server::serve(admin, admin_router, server::Limits::admin(), admin_stop.clone()));
        let http = config.http.clone();
        let app = start_reads(config, &health, &admin_stop);
        let serving = tokio::spawn(server::serve(listener, router(app), http, shutdown.clone()));
        Ok(Running { http_addr, admin_addr, health, admin_stop, serving, admin })
    }

    /// Waits until it was asked to stop and every answer is sent.
    pub async fn finish(self, shutdown: &Shutdown) -> anyhow::Result<()> {
        shutdown.requested().await;
        self.health.drain();
        self.serving.await.context("the HTTP server died")?;
        self.admin_stop.request();
        self.admin.await.context("the admin server died")?;
        Ok(())
    }
}

/// Connects to everything, in the background.
fn start_reads(config: Config, health: &Health, stop: &Shutdown) -> App {
    let current = Current::default();
    let waiting_max = (config.http.requests_in_flight_max / WAITING_SHARE).max(1);
    let database = Database::new(&config.database, waiting_max, health, current.clone());
    tokio::spawn(database::watch(database.clone(), config.database.freshness_interval, health.clone(), stop.clone()));
    let redis_health = config.redis.is_some().then(|| health.optional("redis"));
    let redis = Redis::new(config.redis);
    tokio::spawn(redis.clone().keep_connected(redis_health, stop.clone()));
    let limits = &config.process_cache;
    Arc::new(Reads {
        // Orders are what is read most, and they are the largest.
        orders: Orders::new(database.clone(), redis.clone(), &limits.share(60)),
        products: Documents::new(database.clone(), redis.clone(), &limits.share(20)),
        stock: Documents::new(database.clone(), redis, &limits.share(20)),
        database,
        current,
        cursor_key: config.cursor_key,
        wait_max: config.wait_max,
    })
}

/// Every route of the query-service.
pub fn router(app: App) -> Router {
    routes().finish(&INFO).with_state(app)
}

/// Every route, with what it says of itself.
pub fn routes() -> Routes<App> {
    let compressed =
        CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(COMPRESS_MIN_BYTES));
    let lists = orders::list::lists().merge(products::lists()).merge(stock::lists());
    orders::documents()
        .merge(products::documents())
        .merge(stock::documents())
        .merge(freshness::documents())
        .merge(schemas::documents())
        .merge(lists.map(|router| router.layer(compressed)))
}
