//! Checks that the log contains the events that were already published, before a new relay leader publishes events.

use events::{LogPosition, Position, Recorded};

use super::blocking::run_blocking;
use super::config::Kafka;
use super::error::Error;
use super::last_published::{LastPublished, PublishedEvent};
use super::lost_events::LostEvents;
use super::published;
use super::watermark::{TopicPartition, Watermark};
use crate::log::Log;

/// Compares the log with the checkpoint. [`Error::LostEvents`] if the log does not contain the event at the checkpoint.
pub async fn check_checkpoint(log: &Log, watermark: &Watermark) -> Result<(), Error> {
    if watermark.position > Position::ZERO {
        compare_checkpoint(watermark, event_at(log, watermark.position).await?)?;
    }
    Ok(())
}

/// Compares the log with the last published event in Kafka. [`Error::LostEvents`] if the log does not contain that event.
pub async fn check_against_kafka(kafka: &Kafka, partitions: i32, log: &Log) -> Result<LastPublished, Error> {
    let published = find_published(kafka, partitions, log).await?;
    if let Some(last) = published.last() {
        let head = log.head().await?;
        let event = event_at(log, last.position).await?;
        check_published(last.clone(), head, event)?;
    }
    Ok(published)
}

/// The last event of each partition in Kafka that the log does not contain, unless an operator has accepted its loss.
pub async fn list_lost(
    kafka: &Kafka,
    partitions: i32,
    log: &Log,
) -> Result<Vec<(TopicPartition, PublishedEvent)>, Error> {
    let head = log.head().await?;
    let mut lost = Vec::new();
    for (partition, last) in find_published(kafka, partitions, log).await?.events() {
        let event = event_at(log, last.position).await?;
        if check_published(last.clone(), head, event).is_err() {
            lost.push((partition, last.clone()));
        }
    }
    Ok(lost)
}

async fn find_published(kafka: &Kafka, partitions: i32, log: &Log) -> Result<LastPublished, Error> {
    let (kafka, log_id) = (kafka.clone(), log.id().await?);
    Ok(run_blocking(move || published::find_last(&kafka, partitions, log_id)).await??)
}

async fn event_at(log: &Log, position: Position) -> Result<Option<Recorded>, Error> {
    let found = log.read_after(Position(position.0 - 1), 1).await?;
    Ok(found.into_iter().next().filter(|event| event.position == position))
}

/// The event at the checkpoint must be the event that was published.
fn compare_checkpoint(watermark: &Watermark, event: Option<Recorded>) -> Result<(), LostEvents> {
    if event.is_some_and(|event| event.incarnation == watermark.incarnation) {
        return Ok(());
    }
    Err(LostEvents::BehindCheckpoint { incarnation: watermark.incarnation, position: watermark.position })
}

/// The last published event must be in the log. In a later incarnation of the log, an operator has accepted the loss of the event.
fn check_published(last: PublishedEvent, head: LogPosition, event: Option<Recorded>) -> Result<(), LostEvents> {
    let known = event.is_some_and(|event| event.id().to_string() == last.id);
    if known || last.incarnation < head.incarnation {
        return Ok(());
    }
    Err(LostEvents::BehindKafka(last))
}
