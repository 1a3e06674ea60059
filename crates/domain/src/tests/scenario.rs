//! `given([...]).when(command).then([...])`, with streams loaded as the writer loads them.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use events::{Event, OrderId, StreamId};

use crate::command::Command;
use crate::decide;
use crate::decision::{Context, NewEvent};
use crate::reader::{MAX_LOAD_ROUNDS, MissingStreams, Reader};
use crate::rejection::Rejection;
use crate::world::World;

/// An event of a stream.
pub(crate) type Past = (StreamId, Event);

/// The current instant of all tests: 2024-06-01T12:00:00Z.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_717_243_200, 0).unwrap()
}

/// The generated id, for commands without an id.
pub(crate) fn new_id() -> OrderId {
    OrderId::new(now(), [9; 10])
}

pub(crate) fn empty_world() -> World {
    World::new(NonZeroUsize::MAX)
}

pub(crate) struct Given(World);

pub(crate) struct When(pub(crate) Result<Vec<NewEvent>, Rejection>);

pub(crate) fn given<const N: usize>(past: [Vec<Past>; N]) -> Given {
    let mut world = empty_world();
    for (stream, event) in past.into_iter().flatten() {
        world.evolve(&stream, &event);
    }
    Given(world)
}

impl Given {
    pub(crate) fn selling_through(mut self, channels: &str) -> Given {
        self.0.set_channels(channels.parse().unwrap());
        self
    }

    pub(crate) fn when(self, command: Command) -> When {
        self.when_at(now(), command)
    }

    pub(crate) fn when_at(self, now: DateTime<Utc>, command: Command) -> When {
        When(decide_at(now, &self.0, &command, new_id()))
    }
}

impl When {
    #[track_caller]
    pub(crate) fn then<const N: usize>(self, expected: [Vec<Past>; N]) -> Vec<NewEvent> {
        let events = self.0.expect("the command is not rejected");
        let found: Vec<Past> = events.iter().map(|new| (new.stream.clone(), new.event.clone())).collect();
        assert_eq!(found, expected.into_iter().flatten().collect::<Vec<Past>>());
        events
    }

    /// The command has no effect.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn then_rejected(self, expected: Rejection) {
        assert_eq!(self.0, Err(expected));
    }

    #[track_caller]
    pub(crate) fn rejection(self) -> Rejection {
        self.0.expect_err("the command is rejected")
    }
}

/// Decides as the writer does: loads the streams that are missing, then decides again.
pub(crate) fn decide_at(
    now: DateTime<Utc>,
    world: &World,
    command: &Command,
    new_id: OrderId,
) -> Result<Vec<NewEvent>, Rejection> {
    let context = Context { now, new_id: new_id.into() };
    let mut loaded = empty_world();
    loaded.restore_numbers(world.settled_numbers());
    loaded.set_channels(world.channels().clone());
    for _ in 0..=MAX_LOAD_ROUNDS {
        match decide::decide(command, &context, &Reader::new(&loaded)) {
            Ok(decision) => {
                decision.iter().for_each(|events| check_streams(events, command, new_id, &loaded));
                return decision;
            }
            Err(MissingStreams(streams)) => {
                for stream in streams {
                    assert!(loaded.find(&stream).is_none(), "{stream} was loaded");
                    let slot = world.find(&stream).cloned().unwrap_or_default();
                    loaded.put(stream, slot);
                }
            }
        }
    }
    panic!("not decided after {MAX_LOAD_ROUNDS} rounds of loading: {command:?}")
}

fn check_streams(events: &[NewEvent], command: &Command, new_id: OrderId, loaded: &World) {
    let addressed = command.target(new_id.into());
    assert!(events.first().is_none_or(|first| first.stream == addressed));
    // New versions continue from streams in memory; only a stream whose id was generated for the decision is known to
    // be new.
    let is_known = |new: &NewEvent| loaded.find(&new.stream).is_some() || new.stream == addressed;
    assert!(events.iter().all(is_known));
}
