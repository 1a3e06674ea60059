//! The log in memory: the same guarantees as the log in PostgreSQL, except durability.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use events::{Incarnation, LogId, LogPosition, Position, Recorded, StreamId, Version};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::batch::{self, Appended, CommandHeader, NewRow};
use super::command::{CommandEvents, LoggedCommand};
use super::end::Expected;
use super::page::Page;
use super::snapshot::{OrderNumbers, Snapshot, StreamItem};
use domain::world::code_of;

/// The only incarnation of a log in memory.
const INCARNATION: Incarnation = Incarnation(1);

/// The log; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    id: LogId,
    events: Arc<Mutex<Events>>,
    /// The lock of the head; its holder may append.
    head_lock: Arc<tokio::sync::Mutex<()>>,
    /// See [`super::write_lock`].
    write_lock: Arc<tokio::sync::Mutex<()>>,
}

/// What a row claims that is taken already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A version of a stream.
    Version,
    /// A command's id or a claim.
    Name,
}

/// The lock of the head, until it is dropped.
pub(super) type HeadGuard = OwnedMutexGuard<()>;

#[derive(Debug, Default)]
struct Events {
    /// Event n is at position n + 1.
    log: Vec<Recorded>,
    /// Positions of the events of each stream; that of version v is at v - 1.
    streams: HashMap<StreamId, Vec<Position>>,
    commands: HashMap<Uuid, (CommandHeader, Position)>,
    claims: HashSet<String>,
    snapshots: HashMap<StreamId, Snapshot>,
    numbers: Option<(Position, BTreeMap<String, u64>)>,
}

impl Memory {
    /// An empty log with an identity of its own.
    pub(super) fn new() -> Memory {
        Memory {
            id: LogId(Uuid::now_v7()),
            events: Arc::default(),
            head_lock: Arc::default(),
            write_lock: Arc::default(),
        }
    }

    pub(super) fn id(&self) -> LogId {
        self.id
    }

    pub(super) fn head(&self) -> LogPosition {
        self.events().head()
    }

    pub(super) async fn lock_head(&self) -> HeadGuard {
        Arc::clone(&self.head_lock).lock_owned().await
    }

    pub(super) async fn acquire_write_lock(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.write_lock).lock_owned().await
    }

    pub(super) async fn append(&self, expected: Expected<'_>, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let _guard = self.head_lock.lock().await;
        self.append_at_head(expected, clock, rows)
    }

    pub(super) fn append_at_head(
        &self,
        Expected { head, last }: Expected<'_>,
        clock: DateTime<Utc>,
        rows: &[NewRow],
    ) -> Appended {
        let mut events = self.events();
        if events.head() != head || last.is_some_and(|last| events.log.last() != Some(last)) {
            return Appended::Lost;
        }
        match events.taken(rows) {
            Some(Taken::Name) => return Appended::Taken,
            Some(Taken::Version) => {
                return Appended::Conflicting(sqlx::Error::Protocol("the stream already has this version".to_owned()));
            }
            None => {}
        }
        let recorded_at = events.log.last().map_or(clock, |last| last.recorded_at.max(clock));
        match batch::recorded(rows.to_vec(), INCARNATION, head.position, recorded_at) {
            Ok(recorded) => events.extend(recorded, rows),
            Err(error) => return Appended::Refused(sqlx::Error::Encode(error.into())),
        }
        Appended::After(head.position, recorded_at)
    }

    pub(super) fn read_after(&self, after: Position, limit: i64) -> Vec<Recorded> {
        self.events().read_after(after, limit)
    }

    pub(super) fn read_page(&self, after: Position, limit: i64) -> Page {
        let events = self.events();
        Page { head: events.head(), events: events.read_after(after, limit) }
    }

    /// The events of a stream from version `from` to the one before `before`, the last event first.
    pub(super) fn versions_backwards(&self, stream: &StreamId, from: Version, before: Version) -> Vec<Recorded> {
        let events = self.events();
        let last = events.streams.get(stream).map_or(0, Vec::len) as i32;
        let versions = (from.0.max(1)..before.0.min(last + 1)).rev();
        versions.filter_map(|version| events.event(stream, Version(version)).cloned()).collect()
    }

    pub(super) fn load(&self, streams: &[StreamId], shape: i64) -> Vec<StreamItem> {
        let events = self.events();
        streams.iter().flat_map(|stream| events.load(stream, shape)).collect()
    }

    pub(super) fn load_commands(&self, ids: &[Uuid]) -> HashMap<Uuid, CommandEvents> {
        let events = self.events();
        let find = |id: &Uuid| {
            let (header, first) = events.commands.get(id)?;
            let written = events.read_after(Position(first.0 - 1), header.size.into());
            Some((*id, CommandEvents { fingerprint: header.fingerprint, events: written }))
        };
        ids.iter().filter_map(find).collect()
    }

    pub(super) fn find_commands(&self, ids: &[Uuid]) -> Vec<LoggedCommand> {
        let events = self.events();
        let find = |id: &Uuid| {
            let (header, first) = events.commands.get(id)?;
            let stream = events.log[first.0 as usize - 1].stream.clone();
            let last = Position(first.0 + i64::from(header.size) - 1);
            Some(LoggedCommand { id: *id, fingerprint: header.fingerprint, stream, first: *first, last })
        };
        ids.iter().filter_map(find).collect()
    }

    pub(super) fn list_command_ids(&self, after: Position, upto: Position) -> Vec<Uuid> {
        let events = self.events();
        let listed = events.log.iter().filter(|event| event.position > after && event.position <= upto);
        listed.filter_map(|event| event.command_id).collect()
    }

    pub(super) fn read_command_events(&self, commands: &[LoggedCommand]) -> HashMap<Uuid, Vec<Recorded>> {
        let events = self.events();
        let read = |command: &LoggedCommand| {
            let size = command.last.0 - command.first.0 + 1;
            let mut written = events.read_after(Position(command.first.0 - 1), size);
            written.retain(|event| event.stream == command.stream);
            (command.id, written)
        };
        commands.iter().map(read).collect()
    }

    pub(super) fn find_claims(&self, claims: &[String]) -> HashSet<String> {
        let events = self.events();
        claims.iter().filter(|claim| events.claims.contains(*claim)).cloned().collect()
    }

    pub(super) fn save_snapshots(&self, snapshots: &[Snapshot]) {
        let mut events = self.events();
        let head = events.head();
        for new in snapshots {
            let stays = events.snapshots.get(&new.stream).is_some_and(|old| {
                old.position >= new.position
                    && old.shape == new.shape
                    && old.incarnation >= new.incarnation
                    && old.position <= head.position
            });
            if !stays {
                events.snapshots.insert(new.stream.clone(), new.clone());
            }
        }
    }

    pub(super) fn numbers(&self, head: LogPosition) -> OrderNumbers {
        let events = self.events();
        let usable = events.numbers.as_ref().filter(|(position, _)| *position <= head.position);
        let (saved, mut last) = usable.cloned().unwrap_or_default();
        let since = events.log.iter().skip(saved.0 as usize).take((head.position.0 - saved.0) as usize);
        for code in since.filter_map(code_of) {
            if let Some((prefix, number)) = domain::world::split_code(&code) {
                let counted = last.entry(prefix.to_owned()).or_default();
                *counted = number.max(*counted);
            }
        }
        OrderNumbers { saved, last }
    }

    pub(super) fn save_numbers(&self, head: LogPosition, numbers: &BTreeMap<String, u64>) {
        let mut events = self.events();
        let end = events.head().position;
        let stays = events.numbers.as_ref().is_some_and(|(old, _)| *old > head.position && *old <= end);
        if !stays {
            events.numbers = Some((head.position, numbers.clone()));
        }
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        // No code panics between the first and the last change of an append.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    fn head(&self) -> LogPosition {
        LogPosition { incarnation: INCARNATION, position: Position::ZERO.plus(self.log.len()) }
    }

    /// The first thing that the rows claim and that is taken already.
    fn taken(&self, rows: &[NewRow]) -> Option<Taken> {
        let (mut versions, mut ids, mut claims) = (HashSet::new(), HashSet::new(), HashSet::new());
        rows.iter().find_map(|row| {
            let last = self.streams.get(&row.stream).map_or(0, Vec::len);
            let version_taken = row.version.0 as usize <= last || !versions.insert((&row.stream, row.version));
            let id_taken =
                row.command.is_some_and(|header| self.commands.contains_key(&header.id) || !ids.insert(header.id));
            let claim_taken =
                row.claim.as_ref().is_some_and(|claim| self.claims.contains(claim) || !claims.insert(claim));
            match version_taken {
                true => Some(Taken::Version),
                false => (id_taken || claim_taken).then_some(Taken::Name),
            }
        })
    }

    fn extend(&mut self, recorded: Vec<Recorded>, rows: &[NewRow]) {
        for (event, row) in recorded.into_iter().zip(rows) {
            self.streams.entry(event.stream.clone()).or_default().push(event.position);
            if let Some(header) = row.command {
                self.commands.insert(header.id, (header, event.position));
            }
            self.claims.extend(row.claim.clone());
            self.log.push(event);
        }
    }

    fn read_after(&self, after: Position, limit: i64) -> Vec<Recorded> {
        self.log.iter().skip(after.0.max(0) as usize).take(limit.max(0) as usize).cloned().collect()
    }

    fn load(&self, stream: &StreamId, shape: i64) -> Vec<StreamItem> {
        let Some(positions) = self.streams.get(stream) else { return Vec::new() };
        let usable = |snapshot: &&Snapshot| {
            let last = self.event(stream, snapshot.version);
            snapshot.shape == shape
                && last.is_some_and(|e| (e.position, e.incarnation) == (snapshot.position, snapshot.incarnation))
        };
        let snapshot = self.snapshots.get(stream).filter(usable);
        let from = snapshot.map_or(Version::NONE, |snapshot| snapshot.version);
        let events = positions.iter().skip(from.0 as usize).map(|position| self.log[position.0 as usize - 1].clone());
        snapshot.cloned().map(StreamItem::Snapshot).into_iter().chain(events.map(StreamItem::Event)).collect()
    }

    fn event(&self, stream: &StreamId, version: Version) -> Option<&Recorded> {
        let position = self.streams.get(stream)?.get((version.0 as usize).checked_sub(1)?)?;
        self.log.get(position.0 as usize - 1)
    }
}
