//! A command as it is submitted to the writer, and the reply.

use chrono::{DateTime, Utc};
use events::{Metadata, Version};

use super::answer::Answer;
use super::key::Key;
use domain::command::Command;
use domain::decision::NewEvent;
use domain::new_id::NewId;
use domain::rejection::Rejection;
use domain::state::State;

/// A command with everything that its decision may depend on.
#[derive(Debug, Clone)]
pub struct Request {
    /// Identifies the command if it is repeated.
    pub key: Key,
    /// The command.
    pub command: Command,
    /// Time of the request.
    pub now: DateTime<Utc>,
    /// Id of the order or hold that the command creates, unless the command contains an id.
    pub new_id: NewId,
    /// Metadata of the command's events.
    pub metadata: Metadata,
    /// The version of the addressed stream that the caller has seen (`If-Match`); the command is rejected if the stream has
    /// another version. A repeat gets the first answer, whatever version it expects.
    pub expected: Option<Version>,
    /// What the caller wants besides the effect.
    pub want: Want,
}

impl Request {
    /// A command submitted now, without metadata and without an expected version.
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
    /// The effect.
    #[default]
    Minimal,
    /// The effect, and the state of the addressed stream after it.
    Representation,
    /// A description of the effect. Nothing is appended, and the key is neither looked up nor used.
    DryRun,
}

/// Whether the commands of a group depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// Each command is independent, as if it had been submitted alone.
    Each,
    /// The commands are decided in order, and all of them take effect in one commit, or none. If one is a dry run, the whole
    /// group is: each command sees the effects that those before it would have.
    AllOrNothing,
}

/// The reply to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The command took effect, and its events are durable.
    Done {
        /// The effect.
        answer: Answer,
        /// Whether the command had taken effect before, so that this is its first answer.
        replayed: bool,
        /// State of the addressed stream after the command, if it was requested and this is not the answer to a repeat.
        state: Option<Box<State>>,
    },
    /// Dry run: the effect that the command would have. Nothing happened.
    Would {
        /// The answer that the command would get; its position is the end of the log when the command was decided.
        answer: Answer,
        /// The events that the command would write.
        events: Vec<NewEvent>,
    },
    /// A rule rejected the command; nothing happened.
    Rejected(Rejection),
    /// The key was used for another command; nothing happened.
    KeyReused,
    /// A command with this key is being decided; a later repeat gets the answer of that command.
    InFlight,
    /// Another command of the group did not take effect, so this one did not either; nothing happened.
    Skipped,
    /// PostgreSQL refuses the data of the command, or a stream that the command needs cannot be read; nothing happened.
    Unreadable,
    /// The log could not be reached: the command took effect or not. A repeat with the same key settles the outcome.
    Unknown,
}

/// The reason why a command was not accepted; nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// Too many commands wait; the caller should retry later.
    Full,
    /// The writer accepts no more commands, because this process stops.
    Closed,
    /// The log does not answer.
    Down,
}
