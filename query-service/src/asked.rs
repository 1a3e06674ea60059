//! What a reader says in headers: how new the answer must be, how long they wait for that, and what they hold already.
//!
//! `Consistency-Token: P` asks for an answer that is not older than log position P: a command's answer carries one.
//! `Prefer: wait=S` (RFC 7240, 4.3) says that the reader waits up to S whole seconds for it. It is a preference: one that
//! cannot be read is ignored, one that is too long is cut to our longest wait. Without it nobody waits: the answer is
//! there at once, or at once refused with 503 `projection-lag`. A token far beyond the end of the log is refused with 400.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use events::{MAX_EXACT, Position};
use platform::problem::Problem;
use tokio::time::Instant;

use crate::problems;
use crate::serve::App;

const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The headers of one query that takes no parameters; one that does takes them with [`crate::parameters`].
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// How new the answer must be, if that matters.
    pub wanted: Option<Wanted>,
    /// What the reader holds already.
    pub if_none_match: Option<HeaderValue>,
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Not older than this.
    pub position: Position,
    /// How long the reader waits for it.
    pub wait: Duration,
    /// When that will be over.
    pub until: Instant,
}

impl Asked {
    /// Reads the headers; `wait_max` is our longest wait.
    pub fn read(headers: &HeaderMap, wait_max: Duration) -> Result<Asked, Problem> {
        let if_none_match = headers.get(header::IF_NONE_MATCH).cloned();
        let mut tokens = headers.get_all(CONSISTENCY_TOKEN).iter();
        let Some(token) = tokens.next() else { return Ok(Asked { wanted: None, if_none_match }) };
        if tokens.next().is_some() {
            return Err(problems::invalid_token("more than one"));
        }
        let text = token.to_str().unwrap_or_default().trim();
        let position = position(text).ok_or_else(|| problems::invalid_token(text))?;
        let wait = wait(headers).map_or(Duration::ZERO, |wait| wait.min(wait_max));
        let wanted = Wanted { position, wait, until: Instant::now() + wait };
        Ok(Asked { wanted: Some(wanted), if_none_match })
    }

    /// Whether the reader holds the representation with this tag already (RFC 9110, 13.1.2: compared weakly).
    pub fn holds(&self, etag: &HeaderValue) -> bool {
        let Some(held) = self.if_none_match.as_ref() else { return false };
        if held == etag {
            return true;
        }
        let (Ok(held), Ok(etag)) = (held.to_str(), etag.to_str()) else { return false };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        held.trim() == "*" || held.split(',').any(|tag| opaque(tag) == opaque(etag))
    }
}

/// A position: a whole number from 0 to [`MAX_EXACT`].
fn position(text: &str) -> Option<Position> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok().filter(|position| *position <= MAX_EXACT).map(Position)).flatten()
}

/// `wait=S` among the preferences; the first one counts (RFC 7240, section 2).
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(',')).filter_map(|it| it.split_once('='));
    let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    let seconds = value.split(';').next()?.trim().trim_matches('"');
    seconds.parse().ok().map(Duration::from_secs)
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            crate::parameters::Parameters::read(&parts.uri, &[])?;
        }
        Asked::read(&parts.headers, app.wait_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    fn read(lines: &[(HeaderName, &'static str)]) -> Result<Asked, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        Asked::read(&headers, LONGEST)
    }

    fn waits(preferences: &[&'static str]) -> Duration {
        let mut lines = vec![(CONSISTENCY_TOKEN, "7")];
        lines.extend(preferences.iter().map(|it| (PREFER, *it)));
        read(&lines).expect("the token is fine").wanted.expect("there is a token").wait
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
        assert_eq!(read(&[(CONSISTENCY_TOKEN, " 12 ")]).expect("fine").wanted.expect("there").position, Position(12));
        assert!(read(&[(PREFER, "wait=2")]).expect("fine").wanted.is_none());
        for wrong in ["", "-1", "+1", "1.0", "0x1", "abc", "9223372036854775808", "9007199254740992", "1 2"] {
            assert!(read(&[(CONSISTENCY_TOKEN, wrong)]).is_err(), "{wrong}");
        }
        assert!(read(&[(CONSISTENCY_TOKEN, "1"), (CONSISTENCY_TOKEN, "2")]).is_err());
    }

    #[test]
    fn tags_are_compared_weakly_and_one_of_many_suffices() {
        let etag = HeaderValue::from_static("\"1-7\"");
        for held in ["\"1-7\"", "W/\"1-7\"", "\"1-6\", \"1-7\"", "*"] {
            assert!(read(&[(header::IF_NONE_MATCH, held)]).expect("fine").holds(&etag), "{held}");
        }
        for held in ["\"1-77\"", "1-7", "", "\"1-6\",\"1-8\""] {
            assert!(!read(&[(header::IF_NONE_MATCH, held)]).expect("fine").holds(&etag), "{held}");
        }
    }
}
