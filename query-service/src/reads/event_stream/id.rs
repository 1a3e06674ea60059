//! The id of an event in a stream, which a reader sends as `Last-Event-ID` to resume.
//!
//! It is the position of the event. In later incarnations of the log the incarnation follows: `951.2`. So a position that a
//! reader received before a failover is distinguished from the event that has the position now.

use events::{Incarnation, LogPosition, MAX_EXACT, Position};

/// The incarnation of ids without one.
const FIRST: Incarnation = Incarnation(1);

/// The id of the event at this log position.
pub fn of(at: LogPosition) -> String {
    match at.incarnation {
        FIRST => at.position.to_string(),
        incarnation => format!("{}.{incarnation}", at.position),
    }
}

/// The log position of an id; `None` if the text is not an id.
pub fn parse(text: &str) -> Option<LogPosition> {
    let (position, incarnation) = match text.split_once('.') {
        Some((position, incarnation)) => (position, Incarnation(whole(incarnation)?.try_into().ok()?)),
        None => (text, FIRST),
    };
    let position = whole(position).filter(|position| *position <= MAX_EXACT)?;
    (incarnation >= FIRST).then_some(LogPosition { incarnation, position: Position(position) })
}

fn whole(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    #[test]
    fn an_id_is_the_position_and_in_later_incarnations_also_the_incarnation() {
        for (id, log_position) in [("951", at(1, 951)), ("0", at(1, 0)), ("951.2", at(2, 951))] {
            assert_eq!((of(log_position), parse(id)), (id.to_owned(), Some(log_position)));
        }
    }

    #[test]
    fn other_texts_are_not_ids() {
        for text in ["", "x", "-1", "+1", "1.", ".2", "1.0", "1.2.3", "9007199254740992", "1.99999999999", " 1"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
