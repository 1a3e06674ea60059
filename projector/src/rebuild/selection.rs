//! The streams that a rebuild folds from the log. A rebuild of some streams copies the rows of all others.

use std::collections::BTreeSet;

use events::{Category, Position};
use read_model::Generation;

use crate::frame::month::{Month, first_id};

/// Table with the ids of the streams that are folded because they have an event at or after a position, in the schema of the
/// rebuilt generation.
pub const FOLDED_STREAMS: &str = "folded_streams";

/// The streams that a rebuild folds from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All streams.
    All,
    /// Streams with an event at or after this position.
    Since(Position),
    /// Streams whose ids contain an instant in these months.
    Months(BTreeSet<Month>),
}

impl Selection {
    /// The streams with an event at or after a position, or else those of months, or else all.
    pub fn of(from: Option<i64>, months: Vec<Month>) -> Selection {
        match from {
            Some(position) => Selection::Since(Position(position)),
            None if months.is_empty() => Selection::All,
            None => Selection::Months(months.into_iter().collect()),
        }
    }

    /// Whether the rows of other streams are copied.
    pub fn is_partial(&self) -> bool {
        *self != Selection::All
    }

    /// Whether all streams whose ids contain an instant in a month are folded.
    pub fn contains_month(&self, month: Month) -> bool {
        matches!(self, Selection::Months(months) if months.contains(&month))
    }

    /// The ids of the streams of the months, each range from an id (inclusive) to another (exclusive).
    pub fn id_ranges(&self, category: Category) -> Vec<(String, String)> {
        let Selection::Months(months) = self else { return Vec::new() };
        let id = |instant| format!("{}-{}", category.as_str(), first_id(instant));
        months.iter().map(|month| (id(month.begin()), id(month.next().begin()))).collect()
    }

    /// The SQL condition that a stream is folded, where `stream_id` is an expression of its id.
    pub fn condition(&self, generation: Generation, stream_id: &str) -> String {
        match self {
            Selection::All => "true".to_owned(),
            Selection::Since(_) => {
                let schema = generation.schema();
                format!("exists (select from {schema}.{FOLDED_STREAMS} f where f.stream_id = {stream_id})")
            }
            Selection::Months(_) => {
                let ranges = self.id_ranges(generation.projection.category());
                let conditions =
                    ranges.iter().map(|(first, end)| format!("({stream_id}) >= '{first}' and ({stream_id}) < '{end}'"));
                format!("({})", conditions.collect::<Vec<_>>().join(" or "))
            }
        }
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Selection::All => f.write_str("all streams"),
            Selection::Since(position) => write!(f, "the streams with an event at or after position {position}"),
            Selection::Months(months) => {
                let months: Vec<String> = months.iter().map(Month::to_string).collect();
                write!(f, "the streams of {}", months.join(", "))
            }
        }
    }
}
