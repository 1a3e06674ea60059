//! Request headers of every query: the required consistency, the longest wait for it, and the `ETag` that the reader has.
//!
//! `Consistency-Token: P` requires a result that contains every event up to log position P; the response of a command carries
//! such a token. `Prefer: wait=S` (RFC 7240, 4.3) lets the request wait up to S whole seconds for such a result. It is a
//! preference: an invalid value is ignored, and a longer wait than `WAIT_MAX` is shortened. Without it the request does not
//! wait: it is answered at once, or refused at once with 503 `projection-lag`. A token far beyond the end of the log is
//! refused with 400.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use events::{MAX_EXACT, Position};
use platform::problem::Problem;
use tokio::time::Instant;

use crate::http::app::App;
use crate::http::parameters::Parameters;
use crate::http::problems;
use crate::reads::consistency::Required;

const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preconditions of a query. As an extractor it refuses all query parameters; a handler with parameters calls
/// [`Preconditions::read`] and [`Parameters::read`].
#[derive(Debug, Clone, Default)]
pub(super) struct Preconditions {
    /// The consistency that the reader requires.
    pub(super) consistency: Option<Required>,
    /// The `ETag`s of the representations that the reader has.
    if_none_match: Option<HeaderValue>,
}

impl Preconditions {
    /// Parses the headers; a wait is shortened to `wait_max`.
    pub(super) fn read(headers: &HeaderMap, wait_max: Duration) -> Result<Preconditions, Problem> {
        let if_none_match = headers.get(header::IF_NONE_MATCH).cloned();
        let mut tokens = headers.get_all(CONSISTENCY_TOKEN).iter();
        let Some(token) = tokens.next() else { return Ok(Preconditions { consistency: None, if_none_match }) };
        if tokens.next().is_some() {
            return Err(problems::invalid_token("given more than once"));
        }
        let text = token.to_str().unwrap_or_default().trim();
        let position = position(text).ok_or_else(|| problems::invalid_token(text))?;
        let wait = wait(headers).map_or(Duration::ZERO, |wait| wait.min(wait_max));
        let consistency = Some(Required { position, wait, deadline: Instant::now() + wait });
        Ok(Preconditions { consistency, if_none_match })
    }

    /// Whether the reader already has the representation with this `ETag`, compared weakly (RFC 9110, 13.1.2).
    pub(super) fn matches(&self, etag: &HeaderValue) -> bool {
        let Some(given) = self.if_none_match.as_ref() else { return false };
        if given == etag {
            return true;
        }
        let (Ok(given), Ok(etag)) = (given.to_str(), etag.to_str()) else { return false };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        given.trim() == "*" || given.split(',').any(|tag| opaque(tag) == opaque(etag))
    }
}

/// Parses a position: a whole number from 0 to [`MAX_EXACT`].
fn position(text: &str) -> Option<Position> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok().filter(|position| *position <= MAX_EXACT).map(Position)).flatten()
}

/// Finds `wait=S` among the preferences; the first one counts (RFC 7240, section 2).
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(',')).filter_map(|it| it.split_once('='));
    let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    let seconds = value.split(';').next()?.trim().trim_matches('"');
    seconds.parse().ok().map(Duration::from_secs)
}

impl FromRequestParts<App> for Preconditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            Parameters::read(&parts.uri, &[])?;
        }
        Preconditions::read(&parts.headers, app.wait_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    fn read(lines: &[(HeaderName, &'static str)]) -> Result<Preconditions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        Preconditions::read(&headers, LONGEST)
    }

    fn waits(preferences: &[&'static str]) -> Duration {
        let mut lines = vec![(CONSISTENCY_TOKEN, "7")];
        lines.extend(preferences.iter().map(|it| (PREFER, *it)));
        read(&lines).expect("the token is fine").consistency.expect("there is a token").wait
    }

    #[test]
    fn a_preferred_wait_is_taken_cut_or_ignored() {
        assert_eq!(waits(&["wait=2"]), Duration::from_secs(2));
        assert_eq!(waits(&["return=minimal, Wait = 3 ; x=y"]), Duration::from_secs(3));
        assert_eq!(waits(&["respond-async", "wait=\"4\"", "wait=9"]), Duration::from_secs(4));
        assert_eq!(waits(&["wait=3600"]), LONGEST);
        for unreadable in ["wait=soon", "wait", "wait=-1", "wait=1.5", "await=2"] {
            assert_eq!(waits(&[unreadable]), Duration::ZERO, "{unreadable}");
        }
        assert_eq!(waits(&[]), Duration::ZERO);
    }

    #[test]
    fn a_token_is_one_whole_number() {
        assert_eq!(
            read(&[(CONSISTENCY_TOKEN, " 12 ")]).expect("fine").consistency.expect("there").position,
            Position(12)
        );
        assert!(read(&[(PREFER, "wait=2")]).expect("fine").consistency.is_none());
        for wrong in ["", "-1", "+1", "1.0", "0x1", "abc", "9223372036854775808", "9007199254740992", "1 2"] {
            assert!(read(&[(CONSISTENCY_TOKEN, wrong)]).is_err(), "{wrong}");
        }
        assert!(read(&[(CONSISTENCY_TOKEN, "1"), (CONSISTENCY_TOKEN, "2")]).is_err());
    }

    #[test]
    fn tags_are_compared_weakly_and_one_of_many_suffices() {
        let etag = HeaderValue::from_static("\"1-7\"");
        for held in ["\"1-7\"", "W/\"1-7\"", "\"1-6\", \"1-7\"", "*"] {
            assert!(read(&[(header::IF_NONE_MATCH, held)]).expect("fine").matches(&etag), "{held}");
        }
        for held in ["\"1-77\"", "1-7", "", "\"1-6\",\"1-8\""] {
            assert!(!read(&[(header::IF_NONE_MATCH, held)]).expect("fine").matches(&etag), "{held}");
        }
    }
}
