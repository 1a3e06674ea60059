//! Messages in Kafka as they are, with all headers, to compare what was published twice.

use std::collections::BTreeMap;

use command_service::relay::Kafka;
use events::{Category, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use testbed::PATIENCE;

use crate::fixture::PARTITIONS;

/// A message without its offset and timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawMessage {
    key: Vec<u8>,
    payload: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

/// Messages by category and partition, in the order of the partition.
pub(crate) type RawMessages = BTreeMap<(Category, i32), Vec<RawMessage>>;

impl RawMessage {
    /// Position of the event.
    pub(crate) fn position(&self) -> i64 {
        let (_, value) = self.headers.iter().find(|(name, _)| name == "ce_position").expect("an event has a position");
        std::str::from_utf8(value).expect("the position is text").parse().expect("the position is a number")
    }
}

/// All messages of the topics of these categories.
pub(crate) fn messages(kafka: &Kafka, categories: &[Category]) -> anyhow::Result<RawMessages> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("group.id", format!("{}messages", kafka.topic_prefix))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let mut beginning = TopicPartitionList::new();
    for category in categories {
        for partition in 0..PARTITIONS {
            let topic = topics::topic(&kafka.topic_prefix, *category);
            beginning.add_partition_offset(&topic, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&beginning)?;
    let (mut found, mut open) = (RawMessages::new(), categories.len() * PARTITIONS as usize);
    while open > 0 {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let category = topics::category_of(&kafka.topic_prefix, message.topic()).expect("a topic of the test");
                let header =
                    |(name, value): (&str, Option<&[u8]>)| (name.to_owned(), value.unwrap_or_default().to_vec());
                let headers = message.headers().into_iter().flat_map(|it| it.iter().map(|it| (it.key, it.value)));
                found.entry((category, message.partition())).or_default().push(RawMessage {
                    key: message.key().unwrap_or_default().to_vec(),
                    payload: message.payload().unwrap_or_default().to_vec(),
                    headers: headers.map(header).collect(),
                });
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(error.into()),
            None => anyhow::bail!("Kafka does not respond"),
        }
    }
    Ok(found)
}

/// The messages of a range of positions.
pub(crate) fn in_range(messages: &RawMessages, range: std::ops::RangeInclusive<i64>) -> RawMessages {
    let part = |all: &Vec<RawMessage>| -> Vec<RawMessage> {
        all.iter().filter(|message| range.contains(&message.position())).cloned().collect()
    };
    let parts = messages.iter().map(|(partition, all)| (*partition, part(all)));
    parts.filter(|(_, messages)| !messages.is_empty()).collect()
}
