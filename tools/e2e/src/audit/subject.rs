//! The platform that is checked, and what clients know of it.

use std::time::Duration;

use testbed::{Bed, PATIENCE};

use crate::ack::Ack;
use crate::api::Api;
use crate::load::Promised;
use crate::seen::{Read, Resolved};
use crate::topics::Kafka;

/// A platform to look at, and what its clients were promised.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The primary, as a role that may read everything (`reader`).
    pub database_url: String,
    /// The replica that answers queries.
    pub replica_url: Option<String>,
    /// Where the relay publishes.
    pub kafka: Option<Kafka>,
    /// Where the caches are.
    pub redis: Option<Redis>,
    /// The services, to be asked as a client asks them.
    pub api: Option<Api>,
    /// Acknowledged commands.
    pub acks: Vec<Ack>,
    /// Answers to reads with a consistency token, those of a session in order.
    pub reads: Vec<Read>,
    /// Commands that were sent again because nobody knew what had become of them.
    pub resolved: Vec<Resolved>,
    /// How long to wait for what becomes true only after quiet.
    pub patience: Duration,
}

/// A Redis and the part of it that is the platform's.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://...`
    pub url: String,
    /// Before every key.
    pub prefix: String,
}

impl Subject {
    /// The platform of a test, with everything that it can be connected with.
    pub fn of(bed: &Bed, acks: Vec<Ack>) -> anyhow::Result<Subject> {
        Ok(Subject {
            database_url: bed.reader_url()?,
            replica_url: Some(bed.reader_replica_url()?),
            kafka: Some(Kafka { brokers: bed.kafka_brokers()?, topic_prefix: bed.topic_prefix() }),
            redis: Some(Redis { url: bed.redis_url()?, prefix: bed.cache_prefix() }),
            api: None,
            acks,
            reads: Vec::new(),
            resolved: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// The same platform, with services to ask and all that a load was promised and saw.
    pub fn with(mut self, api: &Api, promised: Promised) -> Subject {
        self.api = Some(api.clone());
        self.acks.extend(promised.acks);
        self.reads.extend(promised.reads);
        self.resolved.extend(promised.resolved);
        self
    }
}
