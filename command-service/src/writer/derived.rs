//! Everything in the writer's memory that is derived from the log, and void if the log is replaced.

use events::Recorded;

use super::replay::Replays;
use super::snapshots::Snapshots;
use crate::log::End;
use crate::log::snapshot::OrderNumbers;
use domain::world;
use domain::world::World;

/// States, replies to repeats, and snapshots to save.
#[derive(Debug)]
pub(super) struct Derived {
    /// States of streams and order numbers. The world contains the effects of decided batches before the log does.
    pub(super) world: World,
    pub(super) replays: Replays,
    pub(super) snapshots: Snapshots,
    /// Number of next batches whose keys are looked up in the log before the batch is decided.
    pub(super) lookup_batches: u32,
}

impl Derived {
    /// Forgets everything, because the log was replaced by one with these order numbers.
    pub(super) fn reset(&mut self, numbers: OrderNumbers) {
        self.world.clear();
        self.world.restore_numbers(numbers.last);
        self.replays.clear();
        self.snapshots.restart(numbers.saved);
        self.lookup_batches = 0;
    }

    /// Applies events that other writers appended.
    pub(super) fn apply<'a>(&mut self, events: impl Iterator<Item = &'a Recorded> + Clone) {
        self.replays.remember_keys(events.clone().filter_map(|recorded| recorded.command_id));
        events.for_each(|recorded| self.apply_one(recorded));
    }

    /// Decodes an event only if the world needs it: the numbers of orders, and events of streams in memory.
    fn apply_one(&mut self, recorded: &Recorded) {
        if let Some(code) = world::code_of(recorded) {
            self.world.count_code(&code);
        }
        if self.world.find(&recorded.stream).is_none() {
            return;
        }
        match recorded.decode() {
            Ok(event) => self.world.follow(&recorded.stream, recorded.version, &event),
            Err(_) => self.world.forget(&recorded.stream),
        }
    }

    pub(super) fn save_numbers(&mut self, end: End) {
        self.snapshots.save_numbers(end, self.world.settled_numbers());
    }
}
