//! The lives that the log has had: what a failover lost of one of them is void in the next.
//!
//! An event is named by the incarnation of the log and its position. After a failover that lost a tail the operator raises
//! the incarnation, and the positions of the tail are given again. So whatever was kept of an earlier life, in a cache or on
//! a replica that went another way, holds only up to where the next life began.

use events::{Incarnation, Position};
use read_model::Stamp;

/// Where each life of the log began, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lives {
    current: Incarnation,
    /// First position of each life after the first one, the oldest first; lives without an event are left out.
    begins: Vec<(Incarnation, Position)>,
}

impl Default for Lives {
    /// Nothing is known, and so nothing is known to be void.
    fn default() -> Self {
        Lives::new(Incarnation(0), Vec::new())
    }
}

impl Lives {
    /// The lives up to `current`; `begins` in their order, without the first one.
    pub fn new(current: Incarnation, begins: Vec<(Incarnation, Position)>) -> Lives {
        Lives { current, begins }
    }

    /// The newest one.
    pub fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether the log still has what has this stamp. A life that nobody has heard of yet is newer than all that are known.
    pub fn include(&self, stamp: Stamp) -> bool {
        let next = self.begins.iter().find(|(life, _)| *life > stamp.incarnation);
        next.is_none_or(|(_, begin)| stamp.position < *begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(life: i32, position: i64) -> Stamp {
        Stamp { incarnation: Incarnation(life), position: Position(position) }
    }

    #[test]
    fn what_was_lost_is_void_and_what_was_kept_is_not() {
        let lives = Lives::new(Incarnation(2), vec![(Incarnation(2), Position(951))]);
        assert!(lives.include(stamp(1, 950)) && !lives.include(stamp(1, 951)) && !lives.include(stamp(1, 1000)));
        assert!(lives.include(stamp(2, 951)) && lives.include(stamp(2, 5000)));
        assert!(lives.include(stamp(3, 900)), "it began after this was learnt");
    }

    #[test]
    fn a_life_ends_where_the_next_one_begins_and_not_where_the_last_one_does() {
        let begins = vec![(Incarnation(2), Position(951)), (Incarnation(4), Position(1000))];
        let lives = Lives::new(Incarnation(4), begins);
        assert!(!lives.include(stamp(1, 980)), "void since the second life");
        assert!(lives.include(stamp(2, 980)) && !lives.include(stamp(2, 1000)));
        assert!(!lives.include(stamp(3, 1000)), "of the third life nothing is left");
    }

    #[test]
    fn in_the_first_life_nothing_is_void() {
        assert!(Lives::default().include(stamp(1, 7)) && Lives::new(Incarnation(1), vec![]).include(stamp(1, 7)));
    }
}
