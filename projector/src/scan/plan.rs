//! Divides the streams of a category into segments of about the same number of events.

use events::{Category, Position};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// A part of the streams of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// The streams with these ids.
    Streams(Vec<String>),
    /// Streams with ids in a range.
    Ids {
        /// Id of the first stream.
        first: String,
        /// The id after the last stream.
        end: String,
    },
    /// Streams with an event at or after a position, by the positions of their first such events.
    Changed {
        /// Prefix of the ids.
        prefix: String,
        /// The position at or after which the streams have events.
        since: Position,
        /// The first position of the segment.
        first: Position,
        /// The position after the last one of the segment.
        end: Position,
    },
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Segment::Streams(ids) => write!(f, "the streams {}", ids.join(", ")),
            Segment::Ids { first, end } => write!(f, "the streams from {first} to {end}"),
            Segment::Changed { prefix, first, end, .. } => {
                write!(f, "the streams {prefix}* that changed first between positions {first} and {end}")
            }
        }
    }
}

/// Number of events in the log per segment: a segment is written in one transaction, and is repeated after a kill.
pub const EVENTS_PER_SEGMENT: i64 = 100_000;

/// Maximum number of segments per prefix of streams.
const SEGMENTS_MAX: i64 = 2_000;

/// Divides the streams of a category that have events up to a position. The ids at evenly distributed positions of the log
/// are the bounds: where ids contain their time, the segments have about the same size.
pub async fn plan(
    connection: &mut PgConnection,
    category: Category,
    upto: Position,
    segment_events: i64,
) -> sqlx::Result<Vec<Segment>> {
    let ranges: Vec<_> = category.prefixes().iter().map(|prefix| ((*prefix).to_owned(), after(prefix))).collect();
    plan_ranges(connection, category, &ranges, upto, segment_events).await
}

/// Divides the streams of a category with ids in ranges, each from an id (inclusive) to another (exclusive).
pub async fn plan_ranges(
    connection: &mut PgConnection,
    category: Category,
    ranges: &[(String, String)],
    upto: Position,
    segment_events: i64,
) -> sqlx::Result<Vec<Segment>> {
    let mut evenly = Vec::new();
    for prefix in category.prefixes() {
        evenly.extend(list_ids(connection, prefix, upto, parts(upto.0, segment_events)).await?);
    }
    let in_range = |(first, end): &(String, String)| {
        let between = evenly.iter().filter(|id| *id > first && *id < end).cloned();
        let mut bounds: Vec<String> = between.chain([first.clone(), end.clone()]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let pairs = bounds.iter().zip(bounds.iter().skip(1));
        pairs.map(|(first, end)| Segment::Ids { first: first.clone(), end: end.clone() }).collect::<Vec<_>>()
    };
    Ok(ranges.iter().flat_map(in_range).collect())
}

/// Divides the streams of a category that have an event from position `since` to position `upto`.
pub fn plan_changed(category: Category, since: Position, upto: Position, segment_events: i64) -> Vec<Segment> {
    let positions = upto.0 + 1 - since.0;
    let parts = parts(positions, segment_events);
    let bound = |part| Position(since.0 + positions * part / parts);
    let of_prefix = |prefix: &&'static str| {
        let prefix = (*prefix).to_owned();
        (0..parts).map(move |part| {
            let (prefix, first, end) = (prefix.clone(), bound(part), bound(part + 1));
            Segment::Changed { prefix, since, first, end }
        })
    };
    category.prefixes().iter().flat_map(of_prefix).collect()
}

fn parts(events: i64, segment_events: i64) -> i64 {
    (events / segment_events.max(1)).clamp(1, SEGMENTS_MAX)
}

/// The ids of streams at evenly distributed positions.
async fn list_ids(
    connection: &mut PgConnection,
    prefix: &str,
    upto: Position,
    parts: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select distinct e.stream_id
         from generate_series(1, $3::bigint - 1) as part
         cross join lateral (
             select stream_id from events
             where position > part * $2 / $3 and position <= $2 and starts_with(stream_id, $1)
             order by position limit 1
         ) as e",
    )
    .bind(prefix)
    .bind(upto.0)
    .bind(parts)
    .fetch_all(connection)
    .await
}

/// The smallest text that is greater than every text with this prefix, which ends with an ASCII character.
fn after(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    if let Some(last) = chars.last_mut() {
        *last = char::from_u32(u32::from(*last) + 1).unwrap_or(*last);
    }
    chars.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_after_all_its_ids() {
        assert_eq!(after("order-"), "order.");
        assert!("order-ffffffff" < &*after("order-"));
    }

    #[test]
    fn segments_of_changed_streams_cover_all_positions_once() {
        let segments = plan_changed(Category::Order, Position(11), Position(30), 6);
        let bounds: Vec<_> = segments
            .iter()
            .map(|segment| match segment {
                Segment::Changed { first, end, .. } => (first.0, end.0),
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(bounds, [(11, 17), (17, 24), (24, 31)]);
        assert_eq!(plan_changed(Category::Customer, Position(30), Position(30), 6).len(), 2, "one for each prefix");
    }
}
