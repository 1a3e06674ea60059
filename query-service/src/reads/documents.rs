//! Single documents by key: read from the process cache, then Redis, then the database, and stored in both caches. That there is
//! no document with a key is remembered for as long as a document in the process cache, for readers without a consistency token.
//!
//! [`DocumentType`] is what differs between orders, products and stock; it is implemented in `reads::orders`,
//! `reads::products` and `reads::stock`.

use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use events::{LogPosition, Position};
use metrics::Counter;
use platform::metric_names::QUERY_CACHE_REQUESTS_TOTAL;
use read_model::Projection;
use read_model::cache::Keys;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::reads::cache::in_flight::InFlight;
use crate::reads::cache::process::{ProcessCache, ProcessLimits, may_serve};
use crate::reads::cache::redis::{CachedDocument, Redis};
use crate::reads::consistency::{self, Required};
use crate::reads::database::freshness::Scope;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::Error;
use crate::reads::representation::Representation;

/// Maximum number of keys whose parts are remembered: a few hundred bytes each.
const KNOWN_PARTS_MAX: u64 = 10_000;

/// Maximum number of keys that are remembered as having no document: about 100 bytes each.
const ABSENT_MAX: u64 = 10_000;

/// A type of document: how it is selected, cached and represented. A representation consists of one or more cached documents,
/// its parts.
pub trait DocumentType: 'static {
    /// The key of a document.
    type Key: Hash + Eq + Clone + Display + Send + Sync + 'static;

    /// The label in metrics.
    const NAME: &'static str;
    /// The projection that writes the documents.
    const PROJECTION: Projection;
    /// Maximum lifetime in Redis.
    const TTL: Duration;

    /// Adds the select of all parts, which must include the column `position`.
    fn select(key: &Self::Key, statement: &mut Statement);

    /// Decodes a selected row as a part.
    fn decode(keys: &Keys, key: &Self::Key, row: &PgRow) -> sqlx::Result<CachedDocument>;

    /// The Redis keys of all parts; `None` if only the database knows which parts exist.
    fn part_keys(keys: &Keys, key: &Self::Key) -> Option<Vec<String>>;

    /// The representation of the parts, of which there is at least one.
    fn representation(key: &Self::Key, parts: &[CachedDocument]) -> Representation;

    /// The streams that the representation depends on.
    fn scope(key: &Self::Key) -> Scope;
}

/// All documents of one type. Cheap to clone.
pub struct Documents<T: DocumentType>(Arc<Inner<T>>);

struct Inner<T: DocumentType> {
    process: ProcessCache<T::Key>,
    /// The parts of each representation as the database last returned them, where only the database knows which parts exist.
    known_parts: moka::sync::Cache<T::Key, Arc<KnownParts>>,
    /// Keys that recently had no document.
    absent: moka::sync::Cache<T::Key, ()>,
    in_flight: InFlight<T::Key, Option<Arc<Representation>>>,
    redis: Redis,
    database: Database,
    process_hits: Counter,
    process_misses: Counter,
    process_absent: Counter,
    redis_hits: Counter,
    redis_misses: Counter,
}

/// The parts of a representation.
struct KnownParts {
    /// Their keys in Redis.
    keys: Vec<String>,
    /// The log position of each part.
    log_positions: Vec<LogPosition>,
    /// Up to this log position there are no other parts, and each part contains every event.
    as_of: LogPosition,
}

impl<T: DocumentType> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Documents(Arc::clone(&self.0))
    }
}

impl<T: DocumentType> Documents<T> {
    /// Starts with an empty process cache.
    pub fn new(database: Database, redis: Redis, limits: &ProcessLimits) -> Documents<T> {
        let count = |level: &'static str, result: &'static str| metrics::counter!(QUERY_CACHE_REQUESTS_TOTAL, "kind" => T::NAME, "level" => level, "result" => result);
        Documents(Arc::new(Inner {
            process: ProcessCache::new(limits, database.latest().clone()),
            known_parts: moka::sync::Cache::builder().max_capacity(KNOWN_PARTS_MAX).time_to_live(T::TTL).build(),
            absent: moka::sync::Cache::builder().max_capacity(ABSENT_MAX).time_to_live(limits.time_to_live).build(),
            in_flight: InFlight::default(),
            redis,
            database,
            process_hits: count("process", "hit"),
            process_misses: count("process", "miss"),
            process_absent: count("process", "absent"),
            redis_hits: count("redis", "hit"),
            redis_misses: count("redis", "miss"),
        }))
    }

    /// The representation with this key, not older than required; `None` if there is no such document.
    pub async fn find(&self, key: &T::Key, required: Option<&Required>) -> Result<Option<Arc<Representation>>, Error> {
        let not_before = required.map(|required| required.position);
        if let Some(cached) = self.0.process.get(key, not_before) {
            self.0.process_hits.increment(1);
            return Ok(Some(cached));
        }
        if required.is_none() && self.0.absent.contains_key(key) {
            self.0.process_absent.increment(1);
            return Ok(None);
        }
        self.0.process_misses.increment(1);
        match required {
            None => self.load_shared(key).await,
            Some(required) => self.load_not_older(key, required).await,
        }
    }

    /// Loads a document for all concurrent readers without a consistency token.
    async fn load_shared(&self, key: &T::Key) -> Result<Option<Arc<Representation>>, Error> {
        let (documents, load_key) = (self.clone(), key.clone());
        let load = || async move {
            if let Some(cached) = documents.find_in_redis(&load_key, None).await {
                return Ok(Some(cached));
            }
            let keys = documents.keys().await;
            let (rows, as_of) = documents.select(&load_key).await?;
            let stored = documents.store(keys, &load_key, &rows, as_of)?;
            if stored.is_none() {
                documents.0.absent.insert(load_key, ());
            }
            Ok(stored)
        };
        self.0.in_flight.join(key, load).await
    }

    /// Reads the rows from the database, and up to which log position they are complete. A single document carries its own log
    /// position; a representation of several parts needs proof that no part is missing.
    async fn select(&self, key: &T::Key) -> Result<(Vec<PgRow>, LogPosition), Error> {
        let (database, scope) = (&self.0.database, T::scope(key));
        let select = |statement: &mut Statement| T::select(key, statement);
        if let Scope::Stream(_) = scope {
            return Ok((database.fetch(Workload::Document, Statement::plain(select)).await?, LogPosition::ZERO));
        }
        let FreshRows { freshness, rows } =
            consistency::read(database, Workload::Document, None, T::PROJECTION, &scope, &select).await?;
        Ok((rows, freshness.contained()))
    }

    async fn load_not_older(&self, key: &T::Key, required: &Required) -> Result<Option<Arc<Representation>>, Error> {
        if let Some(cached) = self.find_in_redis(key, Some(required.position)).await {
            return Ok(Some(cached));
        }
        let keys = self.keys().await;
        let select = |statement: &mut Statement| T::select(key, statement);
        let (workload, scope) = (Workload::Document, T::scope(key));
        let read =
            consistency::read(&self.0.database, workload, Some(required), T::PROJECTION, &scope, &select).await?;
        let contained = read.freshness.contained();
        let as_of = LogPosition { position: contained.position.max(required.position), ..contained };
        Ok(self.store(keys, key, &read.rows, as_of)?)
    }

    async fn find_in_redis(&self, key: &T::Key, not_before: Option<Position>) -> Option<Arc<Representation>> {
        let keys = self.keys().await?;
        let cached = self.read_redis(&keys, key).await;
        let cached = cached.filter(|cached| may_serve(cached, not_before, self.0.database.latest()));
        let counter = if cached.is_some() { &self.0.redis_hits } else { &self.0.redis_misses };
        counter.increment(1);
        cached.map(|cached| self.0.process.store(key, cached))
    }

    /// A representation of several parts is as new as when the database returned its parts, unless Redis has an older part.
    async fn read_redis(&self, keys: &Keys, key: &T::Key) -> Option<Representation> {
        if let Some(part_keys) = T::part_keys(keys, key) {
            return Some(T::representation(key, &self.0.redis.get(&part_keys).await?));
        }
        let known = self.0.known_parts.get(key)?;
        let parts = self.0.redis.get(&known.keys).await?;
        let is_older = parts.iter().zip(&known.log_positions).any(|(part, known)| part.at < *known);
        (!is_older).then(|| T::representation(key, &parts).not_older_than(known.as_of))
    }

    /// The Redis keys of the live generation; `None` without Redis, and if the live generation cannot be read. Call it before
    /// a select: rows that are selected later are never of an earlier generation.
    pub async fn keys(&self) -> Option<Keys> {
        if !self.0.redis.is_configured() {
            return None;
        }
        self.0.redis.keys(live_generation(&self.0.database, T::PROJECTION).await?)
    }

    /// Stores rows of the database, which are complete up to `as_of`, in both caches.
    pub fn store(
        &self,
        keys: Option<Keys>,
        key: &T::Key,
        rows: &[PgRow],
        as_of: LogPosition,
    ) -> sqlx::Result<Option<Arc<Representation>>> {
        let has_redis = keys.is_some();
        // Without Redis the keys only distinguish the parts.
        let keys = keys.unwrap_or_else(|| Keys::new("", 0));
        let parts = rows.iter().map(|row| T::decode(&keys, key, row)).collect::<sqlx::Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        if has_redis && T::part_keys(&keys, key).is_none() {
            let (keys, log_positions) = parts.iter().map(|part| (part.key.clone(), part.at)).unzip();
            self.0.known_parts.insert(key.clone(), Arc::new(KnownParts { keys, log_positions, as_of }));
        }
        self.0.absent.invalidate(key);
        let stored = self.0.process.store(key, T::representation(key, &parts).not_older_than(as_of));
        if has_redis {
            self.0.redis.write(parts, T::TTL);
        }
        Ok(Some(stored))
    }
}

impl<T: DocumentType> Documents<T> {
    /// Writes rows of single documents to Redis, before they are requested.
    pub fn warm_up(&self, keys: &Keys, rows: &[(T::Key, PgRow)]) -> sqlx::Result<()> {
        let parts = rows.iter().map(|(key, row)| T::decode(keys, key, row)).collect::<sqlx::Result<Vec<_>>>()?;
        self.0.redis.write(parts, T::TTL);
        Ok(())
    }
}

/// Number of the live generation of a projection: as last observed, or read now if no database was observed yet.
async fn live_generation(database: &Database, projection: Projection) -> Option<i32> {
    if let Some(observed) = database.latest().generation(projection) {
        return Some(observed);
    }
    let select = |statement: &mut Statement| {
        statement
            .push("select generation from projection_generations where state = 'live' and projection = ")
            .bind(projection.name());
    };
    let rows = database.fetch(Workload::Document, Statement::plain(select)).await.ok()?;
    rows.first()?.try_get("generation").ok()
}
