//! [`Ahead`]: what contains events that the log does not contain.

use std::collections::BTreeSet;
use std::fmt;

use events::{Incarnation, LogPosition, topics};

use super::error::Error;
use super::finding::Finding;
use super::store;
use crate::database::Database;
use crate::log::Log;
use crate::relay::checkpoint::Checkpoint;
use crate::relay::config::{Config, Kafka};
use crate::relay::watermark::Watermark;
use crate::relay::{error, log_check};

/// What contains events that the log does not contain.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// End of the log.
    pub head: LogPosition,
    /// The relay checkpoint.
    pub relay: Watermark,
    /// What is ahead, in the order of the events: relay, Kafka, projections.
    pub findings: Vec<Finding>,
}

/// Finds what is ahead of the log. Without Kafka, only the database is examined.
pub async fn find(config: &Config, database: &Database) -> Result<Ahead, Error> {
    let log = Log::new(database.clone());
    let checkpoint = Checkpoint::new(database.clone(), config.instance.clone(), config.lease, config.partitions);
    let (head, relay) = (log.head().await?, checkpoint.load().await.map_err(error::Error::from)?);
    let mut findings = Vec::new();
    if store::find_last_common(database, &relay).await? < relay.position {
        findings.push(Finding::Relay(LogPosition { incarnation: relay.incarnation, position: relay.position }));
    }
    if let Some(kafka) = &config.kafka {
        findings.extend(find_in_kafka(kafka, config.partitions, &log).await?);
    }
    findings.extend(store::list_projections(database, head.position).await?);
    Ok(Ahead { head, relay, findings })
}

async fn find_in_kafka(kafka: &Kafka, partitions: i32, log: &Log) -> Result<Vec<Finding>, Error> {
    let lost = log_check::list_lost(kafka, partitions, log).await?;
    let findings = lost.into_iter().map(|(partition, event)| Finding::Kafka {
        topic: topics::topic(&kafka.topic_prefix, partition.category),
        partition: partition.partition,
        last: LogPosition { incarnation: event.incarnation, position: event.position },
    });
    Ok(findings.collect())
}

impl Ahead {
    /// The incarnation in which the log continues: above its own, and above those of lost events. A log that was restored to
    /// a time before its incarnation was raised has lost events of a higher incarnation.
    pub fn next_incarnation(&self) -> Incarnation {
        let lost = self.findings.iter().map(|finding| finding.last().incarnation);
        let highest = lost.fold(self.head.incarnation, Incarnation::max);
        Incarnation(highest.0 + 1)
    }

    /// What an operator has to do after the incarnation was raised, one line each.
    pub fn remaining_work(&self) -> Vec<String> {
        let mut work = Vec::new();
        let projections: BTreeSet<&str> = self.findings.iter().filter_map(Finding::projection).collect();
        if !projections.is_empty() {
            let projections: Vec<&str> = projections.into_iter().collect();
            work.push(format!("run `projector repair`: lost events are in {}", projections.join(", ")));
        }
        let topics: BTreeSet<&str> = self.findings.iter().filter_map(Finding::topic).collect();
        if !topics.is_empty() {
            let LogPosition { incarnation, position } = self.head;
            let topics: Vec<&str> = topics.into_iter().collect();
            work.push(format!(
                "tell the readers of {} that events with ce_incarnation up to {incarnation} and ce_position above {position} are lost",
                topics.join(", ")
            ));
        }
        work.push("start command-service; instances that refuse to work continue by themselves".to_owned());
        work
    }
}

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log ends at position {} of incarnation {}", self.head.position, self.head.incarnation)?;
        if self.findings.is_empty() {
            return f.write_str("; nothing is ahead of it");
        }
        f.write_str("; these contain events that the log does not contain:")?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}
