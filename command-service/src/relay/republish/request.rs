//! [`Request`]: which events are published again. Pure.

use events::Position;

use crate::relay::topic_selection::Topics;

/// Which events are published again.
#[derive(Debug, Clone)]
pub struct Request {
    /// First position.
    pub from: Position,
    /// Last position; the relay checkpoint if it is not given.
    pub to: Option<Position>,
    /// The topics to which events are sent.
    pub topics: Topics,
}

/// The positions are not a range of published events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    #[error("--from is {0}, but positions start at 1")]
    BeforeFirst(Position),
    #[error("--from {from} is after --to {to}: give the first and the last position of the range")]
    Reversed { from: Position, to: Position },
    #[error(
        "position {position} is beyond the relay checkpoint, {checkpoint}: the relay will publish the events after its checkpoint. \
         Give positions up to {checkpoint}"
    )]
    BeyondCheckpoint { position: Position, checkpoint: Position },
}

impl Request {
    /// Checks that the relay has published all requested events.
    pub fn check(&self, checkpoint: Position) -> Result<(), BadRange> {
        let (from, to) = (self.from, self.to.unwrap_or(checkpoint));
        if from <= Position::ZERO {
            return Err(BadRange::BeforeFirst(from));
        }
        if let Some(position) = [from, to].into_iter().find(|position| *position > checkpoint) {
            return Err(BadRange::BeyondCheckpoint { position, checkpoint });
        }
        if from > to {
            return Err(BadRange::Reversed { from, to });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: i64, to: Option<i64>) -> Result<(), BadRange> {
        Request { from: Position(from), to: to.map(Position), topics: Topics::all() }.check(Position(10))
    }

    #[test]
    fn only_events_up_to_the_checkpoint_are_published_again() {
        assert_eq!(check(1, None), Ok(()));
        assert_eq!(check(10, Some(10)), Ok(()));
        assert_eq!(check(0, None), Err(BadRange::BeforeFirst(Position(0))));
        assert_eq!(check(5, Some(4)), Err(BadRange::Reversed { from: Position(5), to: Position(4) }));
        for (from, to) in [(11, None), (5, Some(11))] {
            let beyond = BadRange::BeyondCheckpoint { position: Position(11), checkpoint: Position(10) };
            assert_eq!(check(from, to), Err(beyond));
        }
    }
}
