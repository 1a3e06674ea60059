//! What a caller says beside the command, in headers and in the query, and the request that it makes of a command.
//!
//! | says | means |
//! |---|---|
//! | `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) | the command's name, bare or as a quoted string |
//! | `If-Match` (RFC 9110, 13.1.1) | the version that was seen: one strong tag of a command's answer or of a document, or `*` for any |
//! | `Prefer: return=…` (RFC 7240, 4.2) | `minimal`: the answer as always; `representation`: the state after it, too |
//! | `?dry_run=true` | what would happen; nothing is done and no key is used |

use axum::http::HeaderMap;
use events::{Metadata, Version};
use platform::problem::Problem;

use super::problems;
use crate::writer::key::Key;
use crate::writer::{Request, Want};
use domain::command::Command;

/// Longest correlation id, in characters.
const MAX_CORRELATION_CHARS: usize = 128;

/// Length of a `traceparent` of version 00 (W3C Trace Context, 3.2).
const TRACEPARENT_CHARS: usize = 55;

/// What is said for one command, or for all of a batch.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) want: Want,
    /// The preference that can be honoured.
    pub(super) preference: Option<Preference>,
    correlation_id: Option<String>,
    traceparent: Option<String>,
}

/// What a caller prefers to get back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Minimal,
    Representation,
}

/// What is said for one command only.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) if_match: Option<&'a str>,
}

/// What the command must come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) key: bool,
    pub(super) version: bool,
}

impl Asked {
    /// Reads what is said for all; what the query may say is `dry_run`, and `atomic` where there are several commands.
    pub(super) fn read(headers: &HeaderMap, is_dry_run: bool) -> Asked {
        let preference = preference(headers);
        let want = match (is_dry_run, preference) {
            (true, _) => Want::DryRun,
            (false, Some(Preference::Representation)) => Want::Representation,
            (false, Some(Preference::Minimal) | None) => Want::Minimal,
        };
        Asked {
            want,
            preference: preference.filter(|_| !is_dry_run),
            correlation_id: visible(headers, "x-correlation-id", MAX_CORRELATION_CHARS),
            traceparent: visible(headers, "traceparent", TRACEPARENT_CHARS),
        }
    }

    /// The request that the writer gets, if all is said that is needed.
    pub(super) fn request(&self, said: &Said<'_>, needs: Needs, command: Command) -> Result<Request, Problem> {
        let key = match said.key.map(bare) {
            Some(key) => Key::named(key, &command).map_err(|error| problems::invalid_key(&error))?,
            // What is only tried needs no name.
            None if needs.key && self.want != Want::DryRun => return Err(problems::key_missing()),
            None => Key::anonymous(&command),
        };
        let expected = match said.if_match {
            Some(tag) => expected(tag)?,
            None if needs.version => return Err(problems::precondition_required()),
            None => None,
        };
        let metadata = Metadata {
            occurred_at: command.occurred_at(),
            correlation_id: self.correlation_id.clone(),
            causation_id: None,
            traceparent: self.traceparent.clone(),
        };
        Ok(Request { metadata, expected, want: self.want, ..Request::new(key, command) })
    }
}

impl<'a> Said<'a> {
    /// Of headers. One that is no text, or comes twice, is wrong in any case.
    pub(super) fn read(headers: &'a HeaderMap) -> Said<'a> {
        let only = |name: &str| {
            let mut lines = headers.get_all(name).iter();
            let first = lines.next()?;
            Some(if lines.next().is_some() { "" } else { first.to_str().unwrap_or_default() })
        };
        Said { key: only("idempotency-key"), if_match: only("if-match") }
    }
}

/// A switch of the query: `dry_run=true`. Not a guess: what is misspelt would do what was only to be tried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switches {
    pub(super) dry_run: bool,
    pub(super) atomic: bool,
}

impl Switches {
    /// Reads a query string; `known` are those that mean something here.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Switches, Problem> {
        let mut switches = Switches::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_on = match value {
                "true" => true,
                "false" => false,
                _ => return Err(problems::invalid_switch(name, known)),
            };
            match name {
                "dry_run" if known.contains(&name) => switches.dry_run = is_on,
                "atomic" if known.contains(&name) => switches.atomic = is_on,
                _ => return Err(problems::invalid_switch(name, known)),
            }
        }
        Ok(switches)
    }
}

/// A key in quotes is a structured field's string (RFC 9651, 3.3.3); the same key with and without them.
pub(super) fn bare(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key)
}

/// Followed the version in the tags that earlier builds gave to documents without their personal data.
const ERASED: &str = "erased";

/// Characters that follow the version in the tag of a document: what the query-service draws from the whole of it.
const DIGEST_CHARS: usize = 24;

/// The version that a tag names; `None` for `*`. Our tags are strong and begin with the version; what follows it in the tag of
/// a document tells apart documents of one version, such as with and without personal data, and not streams.
fn expected(if_match: &str) -> Result<Option<Version>, Problem> {
    let tag = if_match.trim();
    if tag == "*" {
        return Ok(None);
    }
    let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let version = tag.and_then(|tag| match tag.split_once('-') {
        Some((version, of_document)) => (of_document == ERASED || is_digest(of_document)).then_some(version),
        None => Some(tag),
    });
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let version = version.filter(is_number).and_then(|text| text.parse().ok());
    version.map(|version| Some(Version(version))).ok_or_else(|| problems::invalid_if_match(if_match))
}

fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_CHARS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `return=…` among the preferences; the first one counts (RFC 7240, section 2), and one that is unknown is ignored.
fn preference(headers: &HeaderMap) -> Option<Preference> {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(',')).filter_map(|it| it.split_once('='));
    let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("return"))?;
    match value.split(';').next()?.trim().trim_matches('"') {
        "minimal" => Some(Preference::Minimal),
        "representation" => Some(Preference::Representation),
        _ => None,
    }
}

/// A header that only accompanies the command: what is not usable is left out, not refused.
fn visible(headers: &HeaderMap, name: &str, max_chars: usize) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    let usable = !text.is_empty() && text.len() <= max_chars && text.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        headers.extend(lines);
        headers
    }

    #[test]
    fn a_version_is_one_strong_tag_or_any() {
        assert_eq!(expected("\"7\"").unwrap(), Some(Version(7)));
        assert_eq!(expected("\"7-erased\"").unwrap(), Some(Version(7)));
        assert_eq!(expected("\"7-0123456789abcdef01234567\"").unwrap(), Some(Version(7)));
        assert_eq!(expected(" * ").unwrap(), None);
        for wrong in [
            "7",
            "W/\"7\"",
            "\"7\", \"8\"",
            "\"\"",
            "\"-1\"",
            "\"+7\"",
            "\"99999999999\"",
            "\"",
            "",
            "**",
            "\"-erased\"",
            "\"7-8\"",
            "\"7-\"",
            "\"7-0123456789ABCDEF01234567\"",
            "\"-0123456789abcdef01234567\"",
            "\"0123456789abcdef01234567\"",
            "\"7-0123456789abcdef01234567-erased\"",
        ] {
            assert_eq!(expected(wrong).unwrap_err().kind(), "if-match-invalid", "{wrong}");
        }
    }

    #[test]
    fn a_preference_that_is_unknown_is_ignored_and_the_first_counts() {
        let of = |line| preference(&headers(&[("prefer", line)]));
        assert_eq!(of("return=minimal"), Some(Preference::Minimal));
        assert_eq!(of("wait=2, Return = \"representation\"; x=y"), Some(Preference::Representation));
        assert_eq!(of("return=minimal, return=representation"), Some(Preference::Minimal));
        assert_eq!(of("return=nothing"), None);
        assert_eq!(of("respond-async"), None);
    }

    #[test]
    fn a_key_in_quotes_is_the_same_key() {
        assert_eq!(bare("\"abc\""), "abc");
        assert_eq!(bare("abc"), "abc");
        assert_eq!(bare("\""), "\"");
    }

    #[test]
    fn a_header_that_comes_twice_is_no_key() {
        let headers = headers(&[("idempotency-key", "a"), ("idempotency-key", "b"), ("if-match", "*")]);
        let said = Said::read(&headers);
        assert_eq!((said.key, said.if_match), (Some(""), Some("*")));
    }

    #[test]
    fn a_switch_is_known_and_on_or_off() {
        let read = |query| Switches::read(Some(query), &["dry_run"]);
        assert!(read("dry_run=true").unwrap().dry_run);
        assert!(!read("dry_run=false").unwrap().dry_run && !read("").unwrap().dry_run);
        for wrong in ["dryrun=true", "dry_run", "dry_run=1", "atomic=true", "dry_run=true&x=y", "dry_run=TRUE"] {
            assert_eq!(read(wrong).unwrap_err().kind(), "invalid-query", "{wrong}");
        }
    }
}
