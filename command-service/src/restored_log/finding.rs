//! [`Finding`]: one thing that is ahead of the log. Pure.

use std::fmt;

use events::LogPosition;

/// One thing that contains an event that the log does not contain, and the log position of its last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Relay(LogPosition),
    Kafka { topic: String, partition: i32, last: LogPosition },
    Projection { name: String, generation: i32, category: String, partition: i32, last: LogPosition },
}

impl Finding {
    /// Log position of the last event.
    pub(super) fn last(&self) -> LogPosition {
        match self {
            Finding::Relay(last) | Finding::Kafka { last, .. } | Finding::Projection { last, .. } => *last,
        }
    }

    pub(super) fn projection(&self) -> Option<&str> {
        match self {
            Finding::Projection { name, .. } => Some(name),
            Finding::Relay(_) | Finding::Kafka { .. } => None,
        }
    }

    pub(super) fn topic(&self) -> Option<&str> {
        match self {
            Finding::Kafka { topic, .. } => Some(topic),
            Finding::Relay(_) | Finding::Projection { .. } => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = match self {
            Finding::Relay(last) => {
                write!(f, "relay checkpoint")?;
                last
            }
            Finding::Kafka { topic, partition, last } => {
                write!(f, "Kafka, topic {topic}, partition {partition}")?;
                last
            }
            Finding::Projection { name, generation, category, partition, last } => {
                write!(f, "projection {name}, generation {generation}, partition {partition} of category {category}")?;
                last
            }
        };
        write!(f, ": position {} of incarnation {}", last.position, last.incarnation)
    }
}
