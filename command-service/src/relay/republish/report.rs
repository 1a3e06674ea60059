//! [`Report`]: what was published again, by topic.

use std::fmt;
use std::ops::RangeInclusive;

use events::{Category, Position, topics};

/// What was published again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// First and last position of the range.
    pub range: RangeInclusive<Position>,
    /// Number of events by topic, without topics that were not requested.
    pub topics: Vec<(String, u64)>,
}

impl Report {
    pub(super) fn new(
        range: RangeInclusive<Position>,
        prefix: &str,
        counts: impl Iterator<Item = (Category, u64)>,
    ) -> Report {
        Report { range, topics: counts.map(|(category, count)| (topics::topic(prefix, category), count)).collect() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: u64 = self.topics.iter().map(|(_, count)| count).sum();
        write!(f, "published {events} events of positions {} to {} again:", self.range.start(), self.range.end())?;
        for (index, (topic, count)) in self.topics.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator} {topic} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_one_line_with_the_events_of_every_topic() {
        let counts = [(Category::Order, 3), (Category::Stock, 0)].into_iter();
        let report = Report::new(Position(5)..=Position(9), "eu.", counts);
        assert_eq!(report.to_string(), "published 3 events of positions 5 to 9 again: eu.orders.v1 3, eu.stock.v1 0");
    }
}
