//! The platform that an audit checks, and what its clients observed.

use std::time::Duration;

use testbed::{Bed, PATIENCE};

use crate::api::Api;
use crate::client_history::{Ack, ClientHistory, Read, RetriedCommand};
use crate::topics::Kafka;

/// The addresses of a platform, and what its clients observed.
#[derive(Debug, Clone)]
pub struct Subject {
    /// URL of the primary, with a login that may read all tables (role `reader`).
    pub database_url: String,
    /// URL of the replica.
    pub replica_url: Option<String>,
    /// The Kafka cluster that the relay publishes to.
    pub kafka: Option<Kafka>,
    /// The Redis that contains the caches.
    pub redis: Option<Redis>,
    /// The HTTP interfaces of the services.
    pub api: Option<Api>,
    /// Acknowledged commands.
    pub acks: Vec<Ack>,
    /// Responses to reads with a consistency token; the reads of a session are in order.
    pub reads: Vec<Read>,
    /// Commands that were sent more than once, because the outcome was unknown.
    pub retried: Vec<RetriedCommand>,
    /// How long to wait for invariants that hold only after the load has ended.
    pub patience: Duration,
}

/// A Redis, and the prefix of the platform's keys.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://...`
    pub url: String,
    /// Prefix of all keys.
    pub prefix: String,
}

impl Subject {
    /// The platform of a test, with all servers but without the services.
    pub fn of(bed: &Bed, acks: Vec<Ack>) -> anyhow::Result<Subject> {
        Ok(Subject {
            database_url: bed.reader_url()?,
            replica_url: Some(bed.reader_replica_url()?),
            kafka: Some(Kafka { brokers: bed.kafka_brokers()?, topic_prefix: bed.topic_prefix() }),
            redis: Some(Redis { url: bed.redis_url()?, prefix: bed.cache_prefix() }),
            api: None,
            acks,
            reads: Vec::new(),
            retried: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// Adds the services and what clients observed.
    pub fn with(mut self, api: &Api, history: ClientHistory) -> Subject {
        self.api = Some(api.clone());
        self.acks.extend(history.acks);
        self.reads.extend(history.reads);
        self.retried.extend(history.retried);
        self
    }
}
