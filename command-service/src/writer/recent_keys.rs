//! The keys of the latest commands in the log, which are loaded in the background after a start. Commands are often repeated after
//! a restart, because their answers were lost with the process. A repeat whose key is known costs one query; a repeat whose key is
//! not known costs the whole batch that contains it.

use events::Position;

use super::replay::Replays;
use crate::log::Log;

/// Number of events, from the end of the log, whose keys are loaded: the commands of the last seconds or minutes.
const EVENTS: i64 = 200_000;

/// Events in one query, which takes some ten milliseconds.
const PAGE: i64 = 10_000;

/// Loads the keys of the latest commands up to this position, the last ones first. After a failure the remaining keys are unknown,
/// which costs time and no correctness.
pub(super) async fn load(log: Log, replays: Replays, end: Position) {
    let first = (end.0 - EVENTS).max(0);
    let mut upto = end.0;
    while upto > first {
        let after = (upto - PAGE).max(first);
        match log.list_command_ids(Position(after), Position(upto)).await {
            Ok(ids) => replays.remember_keys(ids.into_iter()),
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "the keys of earlier commands were not loaded; their repeats are looked up when they arrive"
                );
                return;
            }
        }
        upto = after;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use chrono::Utc;
    use domain::command::Command;
    use events::Version;
    use events::stock::{StockEvent, StockReceived};

    use super::super::key::Key;
    use super::super::replay::Remembered;
    use super::*;
    use crate::log::batch::{CommandHeader, NewRow};

    fn key(name: &str) -> Key {
        let body = serde_json::from_str(r#"{"sku": "MUG-1", "name": "Mug", "prices": {"GBP": 450}}"#).unwrap();
        Key::named(name, &Command::CreateProduct { body }).unwrap()
    }

    #[tokio::test]
    async fn the_keys_of_all_pages_are_known_after_a_start() {
        let log = Log::in_memory();
        let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
        let rows = (1..=PAGE as i32 + 2).map(|version| {
            let name = if version == 1 { "first" } else { "last" };
            let has_key = version == 1 || version == PAGE as i32 + 2;
            let command = has_key.then(|| CommandHeader { id: key(name).id, fingerprint: 7, size: 1 });
            NewRow {
                command,
                ..NewRow::new("stock-A@main".parse().unwrap(), Version(version), &received.clone().into())
            }
        });
        let rows: Vec<NewRow> = rows.collect();
        log.append(log.head().await.unwrap(), Utc::now(), &rows).await;
        let replays = Replays::new(NonZeroUsize::MIN);
        load(log, replays.clone(), Position(PAGE + 2)).await;
        let found = ["first", "last", "other"].map(|name| replays.find(key(name)));
        assert_eq!(found, [Remembered::Used, Remembered::Used, Remembered::Nothing]);
    }
}
