//! Limits of the writer.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::database::DEFAULT_TIMEOUT;
use domain::world::Room;

/// Most commands that a caller may submit as one group: some ten milliseconds of the writer's time. A mailbox has room for at
/// least this many commands.
pub const GROUP_MAX: usize = 1_000;

/// Limits of the mailbox, of a batch and of the memory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands that may wait in the mailbox; more are refused. At least [`GROUP_MAX`], or larger groups would always be refused.
    pub mailbox: usize,
    /// Commands in one batch, about: limits the size of a statement, and how long the first command of a batch waits for the last.
    /// A group is never split, so the last group may exceed this limit.
    pub batch: usize,
    /// Events in one batch, about: large orders reach this limit long before the number of commands. The last group may exceed
    /// this limit.
    pub events: usize,
    /// Bytes of JSON in one batch, about. The last group may exceed this limit.
    pub bytes: usize,
    /// States of streams that are kept in memory between batches.
    pub room: Room,
    /// Answers that are kept in memory for repeated commands.
    pub answers: NonZeroUsize,
    /// How long the log may be silent before commands are refused at once.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let room = Room { streams: nonzero(50_000), bytes: 128 << 20 };
        Limits {
            mailbox: 4096,
            batch: 512,
            // A third of a second of work for PostgreSQL on two slow cores, and ten times a full batch of typical orders.
            events: 16_384,
            // Far below the largest message that PostgreSQL accepts; three copies of a batch exist at a time.
            bytes: 16 << 20,
            room,
            answers: nonzero(500_000),
            silence: DEFAULT_TIMEOUT,
        }
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}
