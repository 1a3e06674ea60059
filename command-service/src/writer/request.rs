//! What the writer is asked, and what it answers.

use chrono::{DateTime, Utc};
use events::{Metadata, Version};

use super::answer::Answer;
use super::key::Key;
use domain::command::Command;
use domain::new_id::NewId;
use domain::rejection::Rejection;
use domain::rules::NewEvent;
use domain::state::State;

/// A command with all that its decision may depend on.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its name, for repeats.
    pub key: Key,
    /// What is asked.
    pub command: Command,
    /// The caller's clock.
    pub now: DateTime<Utc>,
    /// Id of what the command makes, unless it brings one.
    pub new_id: NewId,
    /// What stands around its events.
    pub metadata: Metadata,
    /// The version of the addressed stream that the caller has seen (`If-Match`); with another the command is refused. A
    /// repeat gets the first answer, whatever stands here.
    pub expected: Option<Version>,
    /// What the caller wants of it.
    pub want: Want,
}

impl Request {
    /// A command of now, with nothing around it.
    pub fn new(key: Key, command: Command) -> Request {
        Request {
            key,
            command,
            now: Utc::now(),
            new_id: NewId::now(),
            metadata: Metadata::default(),
            expected: None,
            want: Want::Minimal,
        }
    }
}

/// What a caller wants of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Want {
    /// That it takes effect.
    #[default]
    Minimal,
    /// That it takes effect, and the state after it.
    Representation,
    /// To know what it would do. Nothing is appended, and its key is neither looked at nor used up.
    DryRun,
}

/// How the commands of a group hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// Each stands alone, as if it had been sent alone.
    Each,
    /// They are decided in order, and all of them take effect in one commit or none does. Where one is a dry run, the whole
    /// group is: each sees what those before it would do.
    AllOrNothing,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It took effect, and that is durable.
    Done {
        /// What it did.
        answer: Answer,
        /// Whether this is the answer of an earlier time.
        replayed: bool,
        /// State of the addressed stream after it, where it was wanted and this is not an earlier answer.
        state: Option<Box<State>>,
    },
    /// It would do this; nothing happened.
    Would {
        /// What it would answer; the position is where the log ended when it was decided.
        answer: Answer,
        /// What it would write.
        events: Vec<NewEvent>,
    },
    /// The rules refuse it; nothing happened.
    Rejected(Rejection),
    /// Its key was used for something else; nothing happened.
    KeyReused,
    /// A command with its key is being decided right now: repeat it later to get that one's answer.
    InFlight,
    /// Another command of its group did not take effect, so this one did not; nothing happened.
    Skipped,
    /// The database refuses its data, or a stream that it needs cannot be read; nothing happened.
    Unreadable,
    /// The log could not be reached: it took effect or not, and repeating the key settles which.
    Unknown,
}
