//! Writes events as rows of the log, in the text format of `COPY`, with positions, versions and ids of commands.

use std::collections::HashMap;
use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use events::{Category, Event, Position, StreamId, codec, topics};
use uuid::Builder;

/// Partitions of each topic, as with `deploy/up`.
pub const PARTITIONS: i32 = 6;

/// The statement that the rows are for.
pub(super) const COPY: &str = "copy events (position, incarnation, stream_id, version, event_type, schema_version, payload, \
    recorded_at, command_id, fingerprint, command_size) from stdin";

/// An event and the version that it has in its stream.
pub(super) type NewEvent = (StreamId, i32, Event);

/// The rows of the log so far.
#[derive(Debug, Default)]
pub(super) struct Rows {
    text: Vec<u8>,
    position: i64,
    /// Last position of each partition.
    last: HashMap<(Category, i32), i64>,
}

impl Rows {
    /// Position of the last event.
    pub(super) fn position(&self) -> Position {
        Position(self.position)
    }

    /// Last position of a partition; zero if it has no event.
    pub(super) fn last_of(&self, category: Category, partition: i32) -> Position {
        Position(self.last.get(&(category, partition)).copied().unwrap_or(0))
    }

    /// Bytes of the rows that were not taken.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The rows since the last call.
    pub(super) fn take_text(&mut self) -> Vec<u8> {
        let capacity = self.text.len();
        std::mem::replace(&mut self.text, Vec::with_capacity(capacity))
    }

    /// Adds the events of one command. `random` is for the id of the command.
    pub(super) fn add_command(
        &mut self,
        recorded_at: DateTime<Utc>,
        random: [u8; 10],
        events: &[NewEvent],
    ) -> anyhow::Result<()> {
        let millis = recorded_at.timestamp_millis() as u64;
        let command = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let recorded = recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        for (index, (stream, version, event)) in events.iter().enumerate() {
            self.position += 1;
            let position = self.position;
            let encoded = codec::encode(event);
            let (event_type, schema_version) = (encoded.event_type, encoded.schema_version);
            write!(self.text, "{position}\t1\t{stream}\t{version}\t{event_type}\t{schema_version}\t")?;
            self.put_escaped(&encoded.payload);
            // The columns of the command are those of its first event.
            match index {
                0 => writeln!(self.text, "\t{recorded}\t{command}\t{position}\t{}", events.len())?,
                _ => writeln!(self.text, "\t{recorded}\t\\N\t\\N\t\\N")?,
            }
            let partition = topics::partition_of(stream.as_str(), PARTITIONS);
            self.last.insert((stream.category(), partition), position);
        }
        Ok(())
    }

    /// A payload is JSON on one line without tabs: only its backslashes are escaped.
    fn put_escaped(&mut self, payload: &str) {
        for (index, part) in payload.split('\\').enumerate() {
            if index > 0 {
                self.text.extend_from_slice(b"\\\\");
            }
            self.text.extend_from_slice(part.as_bytes());
        }
    }
}
