//! Divides the streams of a category into segments of about the same number of events.

use events::{Category, Position, StreamId};
use sqlx::PgConnection;

/// Streams with ids from `first` (inclusive) to `end` (exclusive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Id of the first stream.
    pub first: String,
    /// The id after the last stream.
    pub end: String,
}

impl Segment {
    /// The segment of one stream.
    pub(super) fn of_stream(stream: &StreamId) -> Segment {
        // No id contains a control character, so no id is between the two.
        Segment { first: stream.to_string(), end: format!("{stream}\u{1}") }
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
    let parts = (upto.0 / segment_events.max(1)).clamp(1, SEGMENTS_MAX);
    let mut segments = Vec::new();
    for prefix in category.prefixes() {
        let mut bounds: Vec<String> = sqlx::query_scalar(
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
        .fetch_all(&mut *connection)
        .await?;
        bounds.extend([(*prefix).to_owned(), after(prefix)]);
        bounds.sort_unstable();
        bounds.dedup();
        let pairs = bounds.iter().zip(bounds.iter().skip(1));
        segments.extend(pairs.map(|(first, end)| Segment { first: first.clone(), end: end.clone() }));
    }
    Ok(segments)
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
}
