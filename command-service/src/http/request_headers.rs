//! The headers and query parameters that accompany a command, and the writer's request that results from them.
//!
//! | header or parameter | meaning |
//! |---|---|
//! | `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) | idempotency key of the command, bare or as a quoted string |
//! | `If-Match` (RFC 9110, 13.1.1) | expected version: one strong entity tag of a command's response or of a document, or `*` for any version |
//! | `Prefer: return=…` (RFC 7240, 4.2) | `minimal`: the default response; `representation`: the response includes the state after the command |
//! | `?dry_run=true` | decide the command without appending events; the idempotency key is not used |

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

/// The headers that apply to a command, or to all commands of a batch.
#[derive(Debug)]
pub(super) struct RequestHeaders {
    want: Want,
    /// The preference that the response can honour; none for a dry run.
    pub(super) preference: Option<Preference>,
    correlation_id: Option<String>,
    traceparent: Option<String>,
}

/// The content of the response that the caller prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Minimal,
    Representation,
}

/// The preconditions of one command, as the caller sent them.
#[derive(Debug, Default)]
pub(super) struct CommandPreconditions<'a> {
    pub(super) idempotency_key: Option<&'a str>,
    pub(super) if_match: Option<&'a str>,
}

/// The preconditions that a command must be sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequiredPreconditions {
    pub(super) idempotency_key: bool,
    pub(super) version: bool,
}

impl RequestHeaders {
    /// Parses the headers. `is_dry_run` comes from the query string.
    pub(super) fn read(headers: &HeaderMap, is_dry_run: bool) -> RequestHeaders {
        let preference = preference(headers);
        let want = match (is_dry_run, preference) {
            (true, _) => Want::DryRun,
            (false, Some(Preference::Representation)) => Want::Representation,
            (false, Some(Preference::Minimal) | None) => Want::Minimal,
        };
        RequestHeaders {
            want,
            preference: preference.filter(|_| !is_dry_run),
            correlation_id: visible(headers, "x-correlation-id", MAX_CORRELATION_CHARS),
            traceparent: visible(headers, "traceparent", TRACEPARENT_CHARS),
        }
    }

    /// The writer's request for a command. Fails if a required precondition is missing.
    pub(super) fn request(
        &self,
        preconditions: &CommandPreconditions<'_>,
        required: RequiredPreconditions,
        command: Command,
    ) -> Result<Request, Problem> {
        let key = match preconditions.idempotency_key.map(unquoted) {
            Some(key) => Key::named(key, &command).map_err(|error| problems::invalid_key(&error))?,
            // A dry run has no effect that could be repeated.
            None if required.idempotency_key && self.want != Want::DryRun => return Err(problems::key_missing()),
            None => Key::anonymous(&command),
        };
        let expected = match preconditions.if_match {
            Some(tag) => expected_version(tag)?,
            None if required.version => return Err(problems::precondition_required()),
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

impl<'a> CommandPreconditions<'a> {
    /// The preconditions in the headers. A header that is not text or that is repeated is passed on as an empty, invalid value.
    pub(super) fn read(headers: &'a HeaderMap) -> CommandPreconditions<'a> {
        let only = |name: &str| {
            let mut lines = headers.get_all(name).iter();
            let first = lines.next()?;
            Some(if lines.next().is_some() { "" } else { first.to_str().unwrap_or_default() })
        };
        CommandPreconditions { idempotency_key: only("idempotency-key"), if_match: only("if-match") }
    }
}

/// Boolean query parameters of commands. Unknown parameters and other values are rejected: a misspelt `dry_run` would execute the
/// command.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueryFlags {
    pub(super) dry_run: bool,
    pub(super) atomic: bool,
}

impl QueryFlags {
    /// Parses a query string. `known` lists the parameters of the route.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<QueryFlags, Problem> {
        let mut flags = QueryFlags::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_true = match value {
                "true" => true,
                "false" => false,
                _ => return Err(problems::invalid_query_flag(name, known)),
            };
            match name {
                "dry_run" if known.contains(&name) => flags.dry_run = is_true,
                "atomic" if known.contains(&name) => flags.atomic = is_true,
                _ => return Err(problems::invalid_query_flag(name, known)),
            }
        }
        Ok(flags)
    }
}

/// The key without quotes. A key in quotes is a structured field's string (RFC 9651, 3.3.3) and is the same key.
pub(super) fn unquoted(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key)
}

/// Suffix of the version in entity tags of documents without personal data, as earlier releases wrote them.
const ERASED: &str = "erased";

/// Length of the digest that follows the version in the entity tag of a document of the query service.
const DIGEST_CHARS: usize = 24;

/// The version in an entity tag; `None` for `*`. Our entity tags are strong and begin with the version of the stream. The digest that
/// follows it in the tag of a document distinguishes documents of the same version, for example with and without personal data.
fn expected_version(if_match: &str) -> Result<Option<Version>, Problem> {
    let tag = if_match.trim();
    if tag == "*" {
        return Ok(None);
    }
    let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let version = tag.and_then(|tag| match tag.split_once('-') {
        Some((version, suffix)) => (suffix == ERASED || is_digest(suffix)).then_some(version),
        None => Some(tag),
    });
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let version = version.filter(is_number).and_then(|text| text.parse().ok());
    version.map(|version| Some(Version(version))).ok_or_else(|| problems::invalid_if_match(if_match))
}

fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_CHARS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The value of `return=…` in `Prefer`. The first one counts (RFC 7240, section 2); an unknown value is ignored.
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

/// A header that is recorded with the events. An unusable value is left out; it does not reject the command.
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
    fn an_expected_version_is_one_strong_entity_tag_or_any() {
        assert_eq!(expected_version("\"7\"").unwrap(), Some(Version(7)));
        assert_eq!(expected_version("\"7-erased\"").unwrap(), Some(Version(7)));
        assert_eq!(expected_version("\"7-0123456789abcdef01234567\"").unwrap(), Some(Version(7)));
        assert_eq!(expected_version(" * ").unwrap(), None);
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
            assert_eq!(expected_version(wrong).unwrap_err().kind(), "if-match-invalid", "{wrong}");
        }
    }

    #[test]
    fn an_unknown_preference_is_ignored_and_the_first_one_counts() {
        let of = |line| preference(&headers(&[("prefer", line)]));
        assert_eq!(of("return=minimal"), Some(Preference::Minimal));
        assert_eq!(of("wait=2, Return = \"representation\"; x=y"), Some(Preference::Representation));
        assert_eq!(of("return=minimal, return=representation"), Some(Preference::Minimal));
        assert_eq!(of("return=nothing"), None);
        assert_eq!(of("respond-async"), None);
    }

    #[test]
    fn a_quoted_key_is_the_same_key() {
        assert_eq!(unquoted("\"abc\""), "abc");
        assert_eq!(unquoted("abc"), "abc");
        assert_eq!(unquoted("\""), "\"");
    }

    #[test]
    fn a_repeated_header_is_an_invalid_key() {
        let headers = headers(&[("idempotency-key", "a"), ("idempotency-key", "b"), ("if-match", "*")]);
        let preconditions = CommandPreconditions::read(&headers);
        assert_eq!((preconditions.idempotency_key, preconditions.if_match), (Some(""), Some("*")));
    }

    #[test]
    fn a_query_flag_is_known_and_true_or_false() {
        let read = |query| QueryFlags::read(Some(query), &["dry_run"]);
        assert!(read("dry_run=true").unwrap().dry_run);
        assert!(!read("dry_run=false").unwrap().dry_run && !read("").unwrap().dry_run);
        for wrong in ["dryrun=true", "dry_run", "dry_run=1", "atomic=true", "dry_run=true&x=y", "dry_run=TRUE"] {
            assert_eq!(read(wrong).unwrap_err().kind(), "invalid-query", "{wrong}");
        }
    }
}
