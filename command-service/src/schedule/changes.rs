//! [`ScheduleChanges`]: the net changes that a range of events makes to the schedule. Pure.
//!
//! The [`rules`](super::rules) decide on each event alone, without the state of its stream. The writer decides on the state when the
//! command is due: a command that comes too early is rejected, and is scheduled again by the next event that may change the decision.

use std::collections::BTreeMap;

use events::{DecodeError, Position, Recorded, StreamId};
use uuid::Uuid;

use super::action::Action;
use super::backorder_changes::BackorderChanges;
use super::command::ScheduledCommand;
use super::config::Delays;
use super::rules;

/// An action and the event that caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryChange {
    pub action: Action,
    /// Position of the event.
    pub position: Position,
    /// Id of the event.
    pub cause: Uuid,
}

/// The net changes that a range of events makes to the schedule.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScheduleChanges {
    /// Changes of schedule entries, by stream and command.
    pub entries: BTreeMap<(StreamId, ScheduledCommand), EntryChange>,
    /// Changes of the backordered units of orders.
    pub backorders: BackorderChanges,
}

impl ScheduleChanges {
    /// Adds the changes of the next event.
    pub fn add(&mut self, recorded: &Recorded, delays: Delays) -> Result<(), DecodeError> {
        let event = recorded.decode()?;
        let (position, cause) = (recorded.position, recorded.id().uuid());
        for (command, action) in rules::actions(recorded, &event, delays) {
            let key = (recorded.stream.clone(), command);
            let entry = self.entries.entry(key).or_insert(EntryChange { action, position, cause });
            *entry = EntryChange { action: entry.action.then(action), position, cause };
        }
        self.backorders.add(recorded, &event);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
