//! The parameter `as_of`: a position of the log or an instant.

use chrono::{DateTime, TimeDelta, Utc};
use events::{MAX_EXACT, Position};
use platform::problem::Problem;

use crate::http::parameters::Parameters;
use crate::reads::moment::Moment;

const FORM: &str = "a position of the log (a whole number from 1) or a time in the format of RFC 3339 that is not in the future, such as \
                    2026-01-31T00:00:00Z (send a + in it as %2B)";
/// An instant may be this far in the future, because the clock of the client may be ahead.
const CLOCK_DIFFERENCE_MAX: TimeDelta = TimeDelta::seconds(5);

/// The moment of a request; `None` for the present.
pub(super) fn read(parameters: &Parameters) -> Result<Option<Moment>, Problem> {
    parameters.parsed("as_of", FORM, |text| parse(text, Utc::now()))
}

/// The events that will be recorded up to an instant in the future are not known.
fn parse(text: &str, now: DateTime<Utc>) -> Option<Moment> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = text.parse().ok().filter(|position| (1..=MAX_EXACT).contains(position))?;
        return Some(Moment::Position(Position(position)));
    }
    let instant = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (instant <= now + CLOCK_DIFFERENCE_MAX).then_some(Moment::Instant(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_or_an_instant_that_has_passed() {
        let now: DateTime<Utc> = "2026-03-05T10:00:00Z".parse().expect("an instant");
        assert_eq!(parse("12", now), Some(Moment::Position(Position(12))));
        assert_eq!(parse("2026-03-05T10:00:00Z", now), Some(Moment::Instant(now)));
        assert_eq!(parse("2026-03-05T12:00:00+02:00", now), Some(Moment::Instant(now)));
        for wrong in ["0", "-1", "1.5", "9007199254740992", "2026-03-05", "2026-03-05T10:01:00Z", "yesterday", ""] {
            assert_eq!(parse(wrong, now), None, "{wrong}");
        }
    }
}
