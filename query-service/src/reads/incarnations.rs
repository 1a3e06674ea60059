//! The incarnations of the log. A failover may lose the end of the log; what was cached of the lost events is void.
//!
//! An event is identified by the incarnation of the log and its position. After a failover that lost events the operator
//! raises the incarnation, and the positions of the lost events are assigned again. So whatever was kept of an earlier
//! incarnation, in a cache or on a replica, is valid only below the position where the next incarnation begins.

use events::{Incarnation, LogPosition, Position};

/// The position where each incarnation of the log begins, as far as known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incarnations {
    current: Incarnation,
    /// The first position of each incarnation after the first one, oldest first; incarnations without an event are left out.
    begins: Vec<(Incarnation, Position)>,
}

impl Default for Incarnations {
    /// No incarnation is known, so nothing is known to be void.
    fn default() -> Self {
        Incarnations::new(Incarnation(0), Vec::new())
    }
}

impl Incarnations {
    /// The incarnations up to `current`; `begins` in ascending order, without the first incarnation.
    pub fn new(current: Incarnation, begins: Vec<(Incarnation, Position)>) -> Incarnations {
        Incarnations { current, begins }
    }

    /// The newest incarnation.
    pub fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether the log still contains the event at this log position. An unknown incarnation is newer than all known ones.
    pub fn include(&self, at: LogPosition) -> bool {
        let next = self.begins.iter().find(|(incarnation, _)| *incarnation > at.incarnation);
        next.is_none_or(|(_, begin)| at.position < *begin)
    }

    /// The last position up to which the log still contains the events that it contained at this log position.
    pub fn last_kept(&self, at: LogPosition) -> Position {
        let next = self.begins.iter().find(|(incarnation, _)| *incarnation > at.incarnation);
        next.map_or(at.position, |(_, begin)| at.position.min(Position(begin.0 - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    #[test]
    fn lost_events_are_void_and_kept_events_are_not() {
        let incarnations = Incarnations::new(Incarnation(2), vec![(Incarnation(2), Position(951))]);
        assert!(
            incarnations.include(at(1, 950)) && !incarnations.include(at(1, 951)) && !incarnations.include(at(1, 1000))
        );
        assert!(incarnations.include(at(2, 951)) && incarnations.include(at(2, 5000)));
        assert!(incarnations.include(at(3, 900)), "the incarnation began after the last observation");
        let kept = [at(1, 1000), at(1, 950), at(1, 7), at(2, 1000)].map(|it| incarnations.last_kept(it).0);
        assert_eq!(kept, [950, 950, 7, 1000]);
    }

    #[test]
    fn an_incarnation_ends_where_the_next_one_begins_and_not_where_the_last_one_does() {
        let begins = vec![(Incarnation(2), Position(951)), (Incarnation(4), Position(1000))];
        let incarnations = Incarnations::new(Incarnation(4), begins);
        assert!(!incarnations.include(at(1, 980)), "void since the second incarnation");
        assert!(incarnations.include(at(2, 980)) && !incarnations.include(at(2, 1000)));
        assert!(!incarnations.include(at(3, 1000)), "the third incarnation has no events left");
    }

    #[test]
    fn in_the_first_incarnation_nothing_is_void() {
        assert!(
            Incarnations::default().include(at(1, 7)) && Incarnations::new(Incarnation(1), vec![]).include(at(1, 7))
        );
    }
}
