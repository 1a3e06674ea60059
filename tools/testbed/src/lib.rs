//! Isolated areas on real servers for tests: every [`Bed`] has its own database, topic prefix and key prefix, so that tests run in
//! parallel without influencing each other.
//!
//! The servers are those of `deploy/servers`; their addresses are in the `TEST_*` variables that `deploy/servers` writes. To
//! simulate the failure of a server, a test connects through a [`proxy`].
//!
//! Owner modules: sqlx in `lib.rs`; rdkafka in `lib.rs`, for administration only; environment in `lib.rs`.

pub mod proxy;

use std::time::Duration;

use anyhow::{Context, bail};
use events::{Category, LogId, topics};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sqlx::{Connection, Executor, PgConnection};

/// Longest wait for a condition in a test; generous, because machines may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The isolated area of one test on the real servers: a database, a topic prefix and a key prefix.
#[derive(Debug, Clone)]
pub struct Bed {
    name: String,
}

impl Bed {
    /// Creates an empty, migrated database, and chooses unused prefixes.
    pub async fn new() -> anyhow::Result<Bed> {
        Bed::named(&format!("t{}", uuid::Uuid::now_v7().simple())).await
    }

    /// The area with this name, for data that is used again; its database is created if it does not exist, and migrated.
    pub async fn named(name: &str) -> anyhow::Result<Bed> {
        let bed = Bed { name: name.to_owned() };
        let mut admin = PgConnection::connect(&variable("TEST_POSTGRES_URL")?).await?;
        let exists = sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name);
        if !exists.fetch_one(&mut admin).await.context("finding the database of the test")? {
            let create = format!("create database {name} owner orders_owner");
            admin.execute(sqlx::AssertSqlSafe(create)).await.context("creating the database of the test")?;
        }
        let mut owner = PgConnection::connect(&bed.owner_url()?).await?;
        migrations::MIGRATOR.run(&mut owner).await.context("migrating the test's database")?;
        Ok(bed)
    }

    /// Identity of the log of this test.
    pub async fn log_id(&self) -> anyhow::Result<LogId> {
        let mut owner = PgConnection::connect(&self.owner_url()?).await?;
        let id = sqlx::query_scalar("select id from log_identity").fetch_one(&mut owner).await;
        id.map(LogId).context("reading the identity of the test's log")
    }

    /// URL of the database for the superuser.
    pub fn admin_url(&self) -> anyhow::Result<String> {
        self.url("TEST_POSTGRES_URL")
    }

    /// URL of the database for the owner of the tables.
    pub fn owner_url(&self) -> anyhow::Result<String> {
        self.url("TEST_OWNER_URL")
    }

    /// URL of the database for the command service.
    pub fn writer_url(&self) -> anyhow::Result<String> {
        self.url("TEST_WRITER_URL")
    }

    /// URL of the database for the projector.
    pub fn projector_url(&self) -> anyhow::Result<String> {
        self.url("TEST_PROJECTOR_URL")
    }

    /// URL of the primary for the query service.
    pub fn reader_url(&self) -> anyhow::Result<String> {
        self.url("TEST_READER_URL")
    }

    /// URL of the replica for the query service; see [`Bed::replica_caught_up`].
    pub fn reader_replica_url(&self) -> anyhow::Result<String> {
        self.url("TEST_READER_REPLICA_URL")
    }

    /// URL of the database on the replica for the superuser.
    pub fn admin_replica_url(&self) -> anyhow::Result<String> {
        self.url("TEST_REPLICA_URL")
    }

    /// URL of Redis. Keys of this test start with [`Bed::cache_prefix`].
    pub fn redis_url(&self) -> anyhow::Result<String> {
        variable("TEST_REDIS_URL")
    }

    /// Prefix of this test's keys in Redis.
    pub fn cache_prefix(&self) -> String {
        format!("{}:", self.name)
    }

    /// Brokers of Kafka. Topics of this test start with [`Bed::topic_prefix`].
    pub fn kafka_brokers(&self) -> anyhow::Result<String> {
        variable("TEST_KAFKA_BROKERS")
    }

    /// Prefix of this test's topics.
    pub fn topic_prefix(&self) -> String {
        format!("{}.", self.name)
    }

    /// Prefix of consumer groups that no other test uses.
    pub fn group(&self) -> String {
        format!("{}-projector", self.name)
    }

    /// Creates the topics of all categories with this number of partitions.
    pub async fn create_topics(&self, partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.kafka_brokers()?).create()?;
        let names = Category::ALL.map(|category| topics::topic(&self.topic_prefix(), category));
        let new: Vec<_> = names.iter().map(|t| NewTopic::new(t, partitions, TopicReplication::Fixed(1))).collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for created in admin.create_topics(&new, &options).await.context("creating the test's topics")? {
            if let Err((topic, code)) = created {
                bail!("creating topic {topic}: {code}");
            }
        }
        Ok(())
    }

    /// Waits until the replica has replayed everything that the primary had written at the time of the call.
    pub async fn replica_caught_up(&self) -> anyhow::Result<()> {
        let mut primary = PgConnection::connect(&variable("TEST_POSTGRES_URL")?).await?;
        let mut replica = PgConnection::connect(&variable("TEST_REPLICA_URL")?).await?;
        let target: String = sqlx::query_scalar("select pg_current_wal_lsn()::text").fetch_one(&mut primary).await?;
        tokio::time::timeout(PATIENCE, async {
            let replayed = "select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)";
            while !sqlx::query_scalar::<_, bool>(replayed).bind(&target).fetch_one(&mut replica).await? {
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        })
        .await
        .context("the replica did not catch up")?
    }

    /// Removes the database and the topics. Needed only for large data, because the data of tests is removed with the servers.
    pub async fn discard(self) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&variable("TEST_POSTGRES_URL")?).await?;
        let drop = format!("drop database {} with (force)", self.name);
        admin.execute(sqlx::AssertSqlSafe(drop)).await.context("dropping the test's database")?;
        let kafka: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.kafka_brokers()?).create()?;
        let names = Category::ALL.map(|category| topics::topic(&self.topic_prefix(), category));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // A topic that does not exist is no error.
        kafka.delete_topics(&names, &AdminOptions::new()).await.context("deleting the test's topics")?;
        Ok(())
    }

    fn url(&self, name: &str) -> anyhow::Result<String> {
        let url = variable(name)?;
        let replaced = url.replacen("/postgres?", &format!("/{}?", self.name), 1);
        if replaced == url {
            bail!(
                "{name} must name the database `postgres` and a socket: postgres://...@localhost:PORT/postgres?host=DIR"
            );
        }
        Ok(replaced)
    }
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run `deploy/servers start DIR`, then `source DIR/test.env`, or use `deploy/test`")
    })
}
