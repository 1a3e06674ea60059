//! The read layer: documents and pages, their caches, and the freshness of the result. It knows nothing of HTTP requests and
//! problem responses; `crate::http` is built on it.
//!
//! - [`orders`], [`products`], [`stock`], [`stock_holds`], [`customers`], [`events`]: what can be read. Each contains its selects and
//!   its part of the caches.
//! - [`dataset`]: whole lists and reports, read from one snapshot.
//! - [`reports`]: sums by period and other dimensions; [`stats`]: statistics for a dashboard.
//! - [`event_stream`]: streams of events, in the text format of [`sse`].
//! - [`documents`]: single documents, through the [`cache`]s; [`page`]: pages of a list; [`months`]: the months
//!   that a statement reads; [`label`]: tags and references in filters; [`representation`]: the cached result; [`gzip`]: its compressed
//!   form.
//! - [`consistency`]: reads that are not older than a consistency token; [`erasures`]: erased personal data of
//!   [`data_subject`]s.
//! - [`database`]: replica and primary; [`latest`]: their latest observations; [`incarnations`]: events lost in a failover.
//! - [`error`]: why a read failed.

pub mod cache;
pub mod consistency;
pub mod customers;
pub mod data_subject;
pub mod database;
pub mod dataset;
pub mod documents;
pub mod erasures;
pub mod error;
pub mod event_stream;
pub mod events;
pub mod gzip;
pub mod history;
pub mod incarnations;
pub mod label;
pub mod latest;
pub mod moment;
pub mod months;
pub mod orders;
pub mod page;
pub mod products;
pub mod reports;
pub mod representation;
pub mod sse;
pub mod stats;
pub mod stock;
pub mod stock_holds;

use platform::health::Health;
use platform::shutdown::Shutdown;

use cache::pages::PageCache;
use cache::process::ProcessLimits;
use cache::redis::{self, Redis};
use customers::Customers;
use database::routing::Database;
use documents::Documents;
use erasures::Erasures;
use event_stream::EventStreams;
use events::Events;
use latest::Latest;
use orders::Orders;
use products::Product;
use stats::{Stats, StatsLimits};
use stock::Stock;
use stock_holds::StockHold;

/// Shares of the process cache, in percent. Orders are read most and are the largest documents.
const ORDERS_PERCENT: u64 = 45;
const PRODUCTS_PERCENT: u64 = 20;
const STOCK_PERCENT: u64 = 15;
const CUSTOMERS_PERCENT: u64 = 5;
const STOCK_HOLDS_PERCENT: u64 = 5;
const PAGES_PERCENT: u64 = 10;

/// Settings of the read layer, read by `crate::config`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The primary and the replica.
    pub database: database::config::Config,
    /// Redis; without it every miss of the process cache reads the database.
    pub redis: Option<redis::Config>,
    /// Size and lifetime of the process cache.
    pub process_cache: ProcessLimits,
    /// Number of orders that are written to Redis at the start.
    pub warm_up_orders: u32,
    /// Age of statistics.
    pub stats: StatsLimits,
}

/// Everything that can be read.
pub struct Reads {
    /// The databases, for pages.
    pub database: Database,
    /// The latest observations of the databases.
    pub latest: Latest,
    /// Single orders.
    pub orders: Orders,
    /// Single products.
    pub products: Documents<Product>,
    /// The stock of single SKUs.
    pub stock: Documents<Stock>,
    /// Single stock holds.
    pub stock_holds: Documents<StockHold>,
    /// Customers.
    pub customers: Customers,
    /// Events.
    pub events: Events,
    /// Pages of lists that were read recently.
    pub pages: PageCache,
    /// Streams of events.
    pub event_streams: EventStreams,
    /// Statistics.
    pub stats: Stats,
    /// Erased personal data.
    pub erasures: Erasures,
}

impl Reads {
    /// Starts to connect in the background, until the service stops. At most `waiting_max` readers wait for a consistency token.
    pub fn start(config: Config, waiting_max: usize, health: &Health, stop: &Shutdown) -> Reads {
        let latest = Latest::default();
        let database = Database::new(&config.database, waiting_max, health, latest.clone());
        let interval = config.database.freshness_interval;
        tokio::spawn(database::watch::watch(database.clone(), interval, health.clone(), stop.clone()));
        let redis_health = config.redis.is_some().then(|| health.optional("redis"));
        let redis = Redis::new(config.redis);
        tokio::spawn(redis.clone().keep_connected(redis_health, stop.clone()));
        let limits = &config.process_cache;
        let erasures = Erasures::new(database.clone());
        // The projector does not write customers and stock holds to Redis, and they are read seldom.
        let no_redis = Redis::new(None);
        let events = Events::new(database.clone(), erasures.clone());
        let of_orders = limits.share(ORDERS_PERCENT);
        let orders = Orders::new(database.clone(), redis.clone(), &of_orders, erasures.clone(), events.clone());
        tokio::spawn(orders.clone().warm_up(redis.clone(), config.warm_up_orders, stop.clone()));
        Reads {
            orders,
            products: Documents::new(database.clone(), redis.clone(), &limits.share(PRODUCTS_PERCENT)),
            stock: Documents::new(database.clone(), redis, &limits.share(STOCK_PERCENT)),
            stock_holds: Documents::new(database.clone(), no_redis.clone(), &limits.share(STOCK_HOLDS_PERCENT)),
            event_streams: EventStreams::start(events.clone(), latest.clone(), stop),
            stats: Stats::new(database.clone(), &config.stats),
            events,
            customers: Customers::new(database.clone(), no_redis, &limits.share(CUSTOMERS_PERCENT), erasures.clone()),
            pages: PageCache::new(&limits.share(PAGES_PERCENT), latest.clone()),
            database,
            latest,
            erasures,
        }
    }
}
