//! Single documents, by key: the process cache, then Redis, then the database, and back through all of them.
//!
//! What differs from kind to kind is in its [`Kind`]: [`crate::orders`], [`crate::products`], [`crate::stock`].

use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use events::{LogPosition, Position};
use metrics::Counter;
use platform::metric_names::QUERY_CACHE_REQUESTS_TOTAL;
use platform::problem::Problem;
use read_model::Projection;
use read_model::cache::Keys;
use sqlx::postgres::PgRow;

use crate::answer::Answer;
use crate::asked::Wanted;
use crate::cache::flights::Flights;
use crate::cache::redis::{Part, Redis};
use crate::cache::{ProcessCache, ProcessLimits, may_give};
use crate::consistency;
use crate::database::{Class, Database, Found, Scope, Statement};
use crate::problems;

/// A kind of document: where it stands, and how the answer is made of it.
pub trait Kind: 'static {
    /// What it is asked for by.
    type Key: Hash + Eq + Clone + Display + Send + Sync + 'static;

    /// The word for it in metrics.
    const NAME: &'static str;
    /// What folds it.
    const PROJECTION: Projection;
    /// Longest that it stays in Redis.
    const TTL: Duration;

    /// Everything that the answer is made of, with its `position`.
    fn select(key: &Self::Key, statement: &mut Statement);

    /// A row of the select as the document that stands in Redis.
    fn part(keys: &Keys, key: &Self::Key, row: &PgRow) -> sqlx::Result<Part>;

    /// The keys in Redis of everything that the answer is made of, where that is known without the database.
    fn parts_of(keys: &Keys, key: &Self::Key) -> Option<Vec<String>>;

    /// The answer made of its parts, of which there is at least one.
    fn answer(key: &Self::Key, parts: &[Part]) -> Answer;

    /// What the answer depends on.
    fn scope(key: &Self::Key) -> Scope;

    /// There is nothing by this key.
    fn missing(key: &Self::Key) -> Problem;
}

/// Documents of one kind. Cheap to clone.
pub struct Documents<K: Kind>(Arc<Inner<K>>);

struct Inner<K: Kind> {
    process: ProcessCache<K::Key>,
    /// Of answers made of several documents: which those were when the database was last asked.
    listed: moka::sync::Cache<K::Key, Arc<Listed>>,
    flights: Flights<K::Key, Option<Arc<Answer>>>,
    redis: Redis,
    /// Names of keys where there is no Redis, and so nobody who would see them.
    no_keys: Keys,
    database: Database,
    process_hits: Counter,
    process_misses: Counter,
    redis_hits: Counter,
    redis_misses: Counter,
}

/// What an answer is made of, as the database said.
struct Listed {
    /// Their keys in Redis.
    keys: Vec<String>,
    /// How new each of them was.
    stamps: Vec<LogPosition>,
    /// These are all up to here, and each of them contains everything up to here.
    as_of: LogPosition,
}

impl<K: Kind> Clone for Documents<K> {
    fn clone(&self) -> Self {
        Documents(Arc::clone(&self.0))
    }
}

impl<K: Kind> Documents<K> {
    /// Nothing is cached yet.
    pub fn new(database: Database, redis: Redis, limits: &ProcessLimits) -> Documents<K> {
        let count = |level: &'static str, result: &'static str| metrics::counter!(QUERY_CACHE_REQUESTS_TOTAL, "kind" => K::NAME, "level" => level, "result" => result);
        Documents(Arc::new(Inner {
            process: ProcessCache::new(limits, database.current().clone()),
            listed: moka::sync::Cache::builder().max_capacity(PARTS_MAX).time_to_live(K::TTL).build(),
            flights: Flights::default(),
            redis,
            no_keys: Keys::new(""),
            database,
            process_hits: count("process", "hit"),
            process_misses: count("process", "miss"),
            redis_hits: count("redis", "hit"),
            redis_misses: count("redis", "miss"),
        }))
    }

    /// The answer, not older than wanted.
    pub async fn find(&self, key: &K::Key, wanted: Option<&Wanted>) -> Result<Arc<Answer>, Problem> {
        let not_before = wanted.map(|wanted| wanted.position);
        if let Some(answer) = self.0.process.get(key, not_before) {
            self.0.process_hits.increment(1);
            return Ok(answer);
        }
        self.0.process_misses.increment(1);
        let found = match wanted {
            None => self.load_once(key).await?,
            Some(wanted) => self.load_not_older(key, wanted).await?,
        };
        found.ok_or_else(|| K::missing(key))
    }

    async fn load_once(&self, key: &K::Key) -> Result<Option<Arc<Answer>>, Problem> {
        let (documents, wanted) = (self.clone(), key.clone());
        let load = || async move {
            if let Some(answer) = documents.look_into_redis(&wanted, None).await {
                return Ok(Some(answer));
            }
            let (rows, as_of) = documents.read(&wanted).await?;
            documents.keep(&wanted, &rows, as_of).map_err(|error| problems::internal(&error))
        };
        self.0.flights.join(key, load).await
    }

    /// What the database has. A document says itself how new it is; what is made of several does not, because one may be
    /// missing.
    async fn read(&self, key: &K::Key) -> Result<(Vec<PgRow>, LogPosition), Problem> {
        let (database, scope) = (&self.0.database, K::scope(key));
        let select = |statement: &mut Statement| K::select(key, statement);
        if let Scope::Stream(_) = scope {
            return Ok((database.fetch(Class::Document, Statement::plain(select)).await?, LogPosition::ZERO));
        }
        let Found { freshness, rows } =
            consistency::read(database, Class::Document, None, K::PROJECTION, &scope, select).await?;
        Ok((rows, freshness.contained()))
    }

    async fn load_not_older(&self, key: &K::Key, wanted: &Wanted) -> Result<Option<Arc<Answer>>, Problem> {
        if let Some(answer) = self.look_into_redis(key, Some(wanted.position)).await {
            return Ok(Some(answer));
        }
        let select = |statement: &mut Statement| K::select(key, statement);
        let (class, scope) = (Class::Document, K::scope(key));
        let found = consistency::read(&self.0.database, class, Some(wanted), K::PROJECTION, &scope, select).await?;
        let contained = found.freshness.contained();
        let as_of = LogPosition { position: contained.position.max(wanted.position), ..contained };
        self.keep(key, &found.rows, as_of).map_err(|error| problems::internal(&error))
    }

    async fn look_into_redis(&self, key: &K::Key, not_before: Option<Position>) -> Option<Arc<Answer>> {
        let keys = self.0.redis.keys()?;
        let found = self.read_redis(keys, key).await;
        let answer = found.filter(|answer| may_give(answer, not_before, self.0.database.current()));
        let counter = if answer.is_some() { &self.0.redis_hits } else { &self.0.redis_misses };
        counter.increment(1);
        answer.map(|answer| self.0.process.keep(key, answer))
    }

    /// Several documents contain what they contained when the database listed them, unless Redis has one that is older.
    async fn read_redis(&self, keys: &Keys, key: &K::Key) -> Option<Answer> {
        if let Some(names) = K::parts_of(keys, key) {
            return Some(K::answer(key, &self.0.redis.get(&names).await?));
        }
        let listed = self.0.listed.get(key)?;
        let parts = self.0.redis.get(&listed.keys).await?;
        let is_older = parts.iter().zip(&listed.stamps).any(|(part, listed)| part.stamp < *listed);
        (!is_older).then(|| K::answer(key, &parts).not_older_than(listed.as_of))
    }

    /// Keeps what the database said, which is known to be not older than `as_of`, in both caches.
    pub fn keep(&self, key: &K::Key, rows: &[PgRow], as_of: LogPosition) -> sqlx::Result<Option<Arc<Answer>>> {
        let keys = self.0.redis.keys().unwrap_or(&self.0.no_keys);
        let parts = rows.iter().map(|row| K::part(keys, key, row)).collect::<sqlx::Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        if K::parts_of(keys, key).is_none() {
            let (keys, stamps) = parts.iter().map(|part| (part.key.clone(), part.stamp)).unzip();
            self.0.listed.insert(key.clone(), Arc::new(Listed { keys, stamps, as_of }));
        }
        let answer = self.0.process.keep(key, K::answer(key, &parts).not_older_than(as_of));
        self.0.redis.fill(parts, K::TTL);
        Ok(Some(answer))
    }
}

/// Keys whose parts are remembered: a few hundred bytes each.
const PARTS_MAX: u64 = 10_000;
