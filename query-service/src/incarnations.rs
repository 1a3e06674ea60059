//! The incarnations of the log: what a failover lost of one of them is void in the next.
//!
//! An event is named by the incarnation of the log and its position. After a failover that lost a tail the operator raises
//! the incarnation, and the positions of the tail are given again. So whatever was kept of an earlier incarnation, in a cache
//! or on a replica that went another way, holds only up to where the next incarnation began.

use events::{Incarnation, LogPosition, Position};

/// Where each incarnation of the log began, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incarnations {
    current: Incarnation,
    /// First position of each incarnation after the first one, the oldest first; incarnations without an event are left out.
    begins: Vec<(Incarnation, Position)>,
}

impl Default for Incarnations {
    /// Nothing is known, and so nothing is known to be void.
    fn default() -> Self {
        Incarnations::new(Incarnation(0), Vec::new())
    }
}

impl Incarnations {
    /// The incarnations up to `current`; `begins` in their order, without the first one.
    pub fn new(current: Incarnation, begins: Vec<(Incarnation, Position)>) -> Incarnations {
        Incarnations { current, begins }
    }

    /// The newest one.
    pub fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether the log still has what has this stamp. An incarnation that nobody has heard of yet is newer than all that are
    /// known.
    pub fn include(&self, stamp: LogPosition) -> bool {
        let next = self.begins.iter().find(|(incarnation, _)| *incarnation > stamp.incarnation);
        next.is_none_or(|(_, begin)| stamp.position < *begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(life: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(life), position: Position(position) }
    }

    #[test]
    fn what_was_lost_is_void_and_what_was_kept_is_not() {
        let incarnations = Incarnations::new(Incarnation(2), vec![(Incarnation(2), Position(951))]);
        assert!(
            incarnations.include(stamp(1, 950))
                && !incarnations.include(stamp(1, 951))
                && !incarnations.include(stamp(1, 1000))
        );
        assert!(incarnations.include(stamp(2, 951)) && incarnations.include(stamp(2, 5000)));
        assert!(incarnations.include(stamp(3, 900)), "it began after this was learnt");
    }

    #[test]
    fn a_life_ends_where_the_next_one_begins_and_not_where_the_last_one_does() {
        let begins = vec![(Incarnation(2), Position(951)), (Incarnation(4), Position(1000))];
        let incarnations = Incarnations::new(Incarnation(4), begins);
        assert!(!incarnations.include(stamp(1, 980)), "void since the second life");
        assert!(incarnations.include(stamp(2, 980)) && !incarnations.include(stamp(2, 1000)));
        assert!(!incarnations.include(stamp(3, 1000)), "of the third life nothing is left");
    }

    #[test]
    fn in_the_first_life_nothing_is_void() {
        assert!(
            Incarnations::default().include(stamp(1, 7))
                && Incarnations::new(Incarnation(1), vec![]).include(stamp(1, 7))
        );
    }
}
