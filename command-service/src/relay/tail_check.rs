//! Before the first event of a leadership: does the log hold what was relayed from it?

use events::{LogPosition, Position, Recorded};

use super::chain::Mark;
use super::error::{Error, LostTail};
use super::tails::Tail;
use super::{Config, on_thread, tails};
use crate::log::Log;

/// Compares the log with the checkpoint and with the last events that Kafka holds.
pub async fn check(config: &Config, log: &Log, mark: &Mark) -> Result<(), Error> {
    if mark.position > Position::ZERO {
        behind_checkpoint(mark, event_at(log, mark.position).await?)?;
    }
    against_kafka(config, log).await
}

/// Compares the log with the last events that Kafka holds; [`Error::LostTail`] where Kafka knows it better.
pub async fn against_kafka(config: &Config, log: &Log) -> Result<(), Error> {
    let (config, log_id) = (config.clone(), log.id().await?);
    let Some(tail) = on_thread(move || tails::furthest(&config, log_id)).await?? else { return Ok(()) };
    let head = log.head().await?;
    let event = event_at(log, tail.position).await?;
    Ok(behind_kafka(tail, head, event)?)
}

async fn event_at(log: &Log, position: Position) -> Result<Option<Recorded>, Error> {
    let found = log.read_after(Position(position.0 - 1), 1).await?;
    Ok(found.into_iter().next().filter(|event| event.position == position))
}

/// The event that the checkpoint names must be the one that was relayed.
fn behind_checkpoint(mark: &Mark, event: Option<Recorded>) -> Result<(), LostTail> {
    if event.is_some_and(|event| event.incarnation == mark.incarnation) {
        return Ok(());
    }
    Err(LostTail::BehindCheckpoint { incarnation: mark.incarnation, position: mark.position })
}

/// The same for Kafka's last event. A log of a later life was raised by somebody who knew what is missing.
fn behind_kafka(tail: Tail, head: LogPosition, event: Option<Recorded>) -> Result<(), LostTail> {
    let known = event.is_some_and(|event| event.id().to_string() == tail.id);
    if known || tail.incarnation < head.incarnation {
        return Ok(());
    }
    Err(LostTail::BehindKafka(tail))
}
