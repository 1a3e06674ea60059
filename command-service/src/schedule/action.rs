//! [`Action`]: what an event changes in the schedule entry of a stream and a command. Pure.

use chrono::{DateTime, Utc};

/// What an event changes in the schedule entry of a stream and a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The command is due at this instant, or at a later instant if it is already scheduled for later.
    Schedule(DateTime<Utc>),
    /// Like `Schedule`, but only if the schedule has an entry.
    Reschedule(DateTime<Utc>),
    /// Like `Schedule`, but only if orders have backordered units of the stock item.
    ScheduleIfBackordered(DateTime<Utc>),
    /// The entry is removed.
    Remove,
}

impl Action {
    /// Both actions in one.
    pub(super) fn then(self, next: Action) -> Action {
        match (self, next) {
            (_, Action::Remove) | (Action::Remove, Action::Reschedule(_)) => Action::Remove,
            (Action::Remove, Action::Schedule(_) | Action::ScheduleIfBackordered(_)) => next,
            (Action::Schedule(a), Action::Schedule(b) | Action::Reschedule(b) | Action::ScheduleIfBackordered(b))
            | (Action::Reschedule(a) | Action::ScheduleIfBackordered(a), Action::Schedule(b)) => {
                Action::Schedule(a.max(b))
            }
            (Action::Reschedule(a), Action::Reschedule(b)) => Action::Reschedule(a.max(b)),
            (Action::ScheduleIfBackordered(a), Action::ScheduleIfBackordered(b) | Action::Reschedule(b))
            | (Action::Reschedule(a), Action::ScheduleIfBackordered(b)) => Action::ScheduleIfBackordered(a.max(b)),
        }
    }
}
