//! The log in memory: what PostgreSQL's promises, without a server and without durability.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use events::{Incarnation, LogId, LogPosition, Position, Recorded, StreamId, Version};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::append::{self, Appended, CommandMark, Expected, NewRow};
use super::past::{PastCommand, Written};
use super::read::Since;
use super::snapshot::{Numbers, Piece, Snapshot};
use domain::world::code_of;

/// The only life that such a log has.
const INCARNATION: Incarnation = Incarnation(1);

/// The log; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    id: LogId,
    events: Arc<Mutex<Events>>,
    /// Who may append; those who wait may one after the other.
    end: Arc<tokio::sync::Mutex<()>>,
    /// Whose turn it is among writers that take turns.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What a row takes that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A version of a stream.
    Version,
    /// A command's id or a claim.
    Name,
}

/// The right to append, until dropped.
pub(super) type End = OwnedMutexGuard<()>;

#[derive(Debug, Default)]
struct Events {
    /// Event n is at position n + 1.
    log: Vec<Recorded>,
    /// Positions of the events of each stream; that of version v is at v - 1.
    streams: HashMap<StreamId, Vec<Position>>,
    commands: HashMap<Uuid, (CommandMark, Position)>,
    claims: HashSet<String>,
    snapshots: HashMap<StreamId, Snapshot>,
    numbers: Option<(Position, BTreeMap<String, u64>)>,
}

impl Memory {
    /// An empty log with an identity of its own.
    pub(super) fn new() -> Memory {
        Memory { id: LogId(Uuid::now_v7()), events: Arc::default(), end: Arc::default(), turn: Arc::default() }
    }

    pub(super) fn id(&self) -> LogId {
        self.id
    }

    pub(super) fn head(&self) -> LogPosition {
        self.events().head()
    }

    pub(super) async fn lock(&self) -> End {
        Arc::clone(&self.end).lock_owned().await
    }

    pub(super) async fn take_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    pub(super) async fn append(&self, expected: Expected<'_>, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let _end = self.end.lock().await;
        self.append_at_end(expected, clock, rows)
    }

    pub(super) fn append_at_end(
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
                return Appended::Conflicting(sqlx::Error::Protocol("a version is taken".to_owned()));
            }
            None => {}
        }
        let recorded_at = events.log.last().map_or(clock, |last| last.recorded_at.max(clock));
        match append::recorded(rows.to_vec(), INCARNATION, head.position, recorded_at) {
            Ok(recorded) => events.extend(recorded, rows),
            Err(error) => return Appended::Refused(sqlx::Error::Encode(error.into())),
        }
        Appended::After(head.position, recorded_at)
    }

    pub(super) fn read_after(&self, after: Position, limit: i64) -> Vec<Recorded> {
        self.events().read_after(after, limit)
    }

    pub(super) fn read_since(&self, after: Position, limit: i64) -> Since {
        let events = self.events();
        Since { head: events.head(), events: events.read_after(after, limit) }
    }

    /// The events of a stream from one version up to another, the last one first.
    pub(super) fn stretch_of(&self, stream: &StreamId, from: Version, before: Version) -> Vec<Recorded> {
        let events = self.events();
        let last = events.streams.get(stream).map_or(0, Vec::len) as i32;
        let versions = (from.0.max(1)..before.0.min(last + 1)).rev();
        versions.filter_map(|version| events.event(stream, Version(version)).cloned()).collect()
    }

    pub(super) fn load(&self, streams: &[StreamId], shape: i64) -> Vec<Piece> {
        let events = self.events();
        streams.iter().flat_map(|stream| events.load(stream, shape)).collect()
    }

    pub(super) fn find_commands(&self, ids: &[Uuid]) -> HashMap<Uuid, PastCommand> {
        let events = self.events();
        let find = |id: &Uuid| {
            let (mark, first) = events.commands.get(id)?;
            let written = events.read_after(Position(first.0 - 1), mark.size.into());
            Some((*id, PastCommand { fingerprint: mark.fingerprint, events: written }))
        };
        ids.iter().filter_map(find).collect()
    }

    pub(super) fn find_written(&self, ids: &[Uuid]) -> Vec<Written> {
        let events = self.events();
        let find = |id: &Uuid| {
            let (mark, first) = events.commands.get(id)?;
            let stream = events.log[first.0 as usize - 1].stream.clone();
            let last = Position(first.0 + i64::from(mark.size) - 1);
            Some(Written { id: *id, fingerprint: mark.fingerprint, stream, first: *first, last })
        };
        ids.iter().filter_map(find).collect()
    }

    pub(super) fn read_written(&self, commands: &[Written]) -> HashMap<Uuid, Vec<Recorded>> {
        let events = self.events();
        let read = |command: &Written| {
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

    pub(super) fn numbers(&self, head: LogPosition) -> Numbers {
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
        Numbers { saved, last }
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
        // Nobody panics between the first and the last change of an append.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    fn head(&self) -> LogPosition {
        LogPosition { incarnation: INCARNATION, position: Position::ZERO.plus(self.log.len()) }
    }

    /// What is taken of all that the rows take.
    fn taken(&self, rows: &[NewRow]) -> Option<Taken> {
        let (mut versions, mut ids, mut claims) = (HashSet::new(), HashSet::new(), HashSet::new());
        rows.iter().find_map(|row| {
            let last = self.streams.get(&row.stream).map_or(0, Vec::len);
            let version_taken = row.version.0 as usize <= last || !versions.insert((&row.stream, row.version));
            let id_taken = row.command.is_some_and(|mark| self.commands.contains_key(&mark.id) || !ids.insert(mark.id));
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
            if let Some(mark) = row.command {
                self.commands.insert(mark.id, (mark, event.position));
            }
            self.claims.extend(row.claim.clone());
            self.log.push(event);
        }
    }

    fn read_after(&self, after: Position, limit: i64) -> Vec<Recorded> {
        self.log.iter().skip(after.0.max(0) as usize).take(limit.max(0) as usize).cloned().collect()
    }

    fn load(&self, stream: &StreamId, shape: i64) -> Vec<Piece> {
        let Some(positions) = self.streams.get(stream) else { return Vec::new() };
        let usable = |snapshot: &&Snapshot| {
            let last = self.event(stream, snapshot.version);
            snapshot.shape == shape
                && last.is_some_and(|e| (e.position, e.incarnation) == (snapshot.position, snapshot.incarnation))
        };
        let snapshot = self.snapshots.get(stream).filter(usable);
        let from = snapshot.map_or(Version::NONE, |snapshot| snapshot.version);
        let events = positions.iter().skip(from.0 as usize).map(|position| self.log[position.0 as usize - 1].clone());
        snapshot.cloned().map(Piece::Snapshot).into_iter().chain(events.map(Piece::Event)).collect()
    }

    fn event(&self, stream: &StreamId, version: Version) -> Option<&Recorded> {
        let position = self.streams.get(stream)?.get((version.0 as usize).checked_sub(1)?)?;
        self.log.get(position.0 as usize - 1)
    }
}
