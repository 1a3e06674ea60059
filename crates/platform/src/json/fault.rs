//! The problems of JSON bodies that do not parse: not JSON (400, with line and column) or invalid values (422, with a JSON pointer).
//! Parses the body a second time to find the place of the error, so that only rejected requests pay for it.

use super::words;
use crate::problem::{Problem, types};
use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// Longer explanations are cut. Lists of known fields are shorter.
const REASON_MAX_CHARS: usize = 600;

/// The problem of a body that did not parse, or of the part of the body at `place`.
pub(super) fn explain<'de, T: Deserialize<'de>>(bytes: &'de [u8], place: &str, error: &serde_json::Error) -> Problem {
    if bytes.is_empty() {
        return malformed("The body is empty. Send a JSON document.");
    }
    if let Err(not_utf8) = std::str::from_utf8(bytes) {
        let offset = not_utf8.valid_up_to();
        return malformed(&format!("The body is not valid UTF-8 at byte {offset}. Send JSON in UTF-8."))
            .with("offset", offset);
    }
    match error.classify() {
        Category::Data => explain_data::<T>(bytes, place, error),
        Category::Syntax | Category::Eof | Category::Io => {
            let (line, column) = (error.line(), error.column());
            malformed(&format!("At line {line}, column {column}: {}. Correct the document there.", reason(error)))
                .with("line", line)
                .with("column", column)
        }
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::of(types::MALFORMED_JSON).detail(detail)
}

fn explain_data<'de, T: Deserialize<'de>>(bytes: &'de [u8], place: &str, error: &serde_json::Error) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let pointer = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(located) => format!("{place}{}", pointer(located.path())),
        Ok(_) => place.to_owned(),
    };
    invalid(&pointer, &reason(error))
}

/// The problem of a value that is not an object.
pub(super) fn no_object(pointer: &str) -> Problem {
    invalid(pointer, "must be an object")
}

/// The problem of a document with an invalid value at this JSON pointer; `reason` continues the sentence "At …: …".
pub(super) fn invalid(pointer: &str, reason: &str) -> Problem {
    let place = if pointer.is_empty() { "the document" } else { pointer };
    Problem::of(types::INVALID_BODY).detail(format!("At {place}: {reason}.")).with("pointer", pointer)
}

/// The JSON pointer (RFC 6901) of this path.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

/// The reason for callers, without the place, which the problem contains separately.
fn reason(error: &serde_json::Error) -> String {
    let text = words::for_callers(&error.to_string());
    if text.chars().count() <= REASON_MAX_CHARS {
        return text;
    }
    text.chars().take(REASON_MAX_CHARS).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only parsed")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[expect(dead_code, reason = "only parsed")]
        quantity: u32,
    }

    fn refused(body: &[u8]) -> Value {
        parse::<Order>(body).expect_err("the body is wrong").to_json()
    }

    #[test]
    fn broken_json_has_line_and_column() {
        let problem = refused(b"{\n  \"lines\": [}");
        assert_eq!((&problem["status"], &problem["type"]), (&400.into(), &"/problems/malformed-json".into()));
        assert_eq!((&problem["line"], &problem["column"]), (&2.into(), &13.into()));
        assert_eq!(problem["detail"], "At line 2, column 13: a value is expected. Correct the document there.");
    }

    #[test]
    fn a_wrong_type_has_a_pointer() {
        let problem = refused(br#"{"lines": [{"quantity": 1}, {"quantity": -2}]}"#);
        assert_eq!(problem["status"], 422);
        assert_eq!(problem["pointer"], "/lines/1/quantity");
        assert_eq!(
            problem["detail"],
            "At /lines/1/quantity: must be a whole number from 0 to 4294967295, and is the number -2."
        );
    }

    #[test]
    fn an_unknown_field_is_named() {
        let problem = refused(br#"{"lines": [{"quantity": 1, "a/b": 2}]}"#);
        assert_eq!(problem["status"], 422);
        assert_eq!(problem["pointer"], "/lines/0/a~1b");
    }

    #[test]
    fn a_missing_field_points_to_its_parent() {
        let problem = refused(br#"{"lines": [{}]}"#);
        assert_eq!(problem["pointer"], "/lines/0");
        assert_eq!(problem["detail"], "At /lines/0: the field `quantity` is missing.");
    }

    #[test]
    fn other_text_than_utf8_and_no_text_at_all_are_malformed() {
        assert_eq!(refused(b"{\"lines\": \"\xff\"}")["offset"], 11);
        assert_eq!(refused(b"")["detail"], "The body is empty. Send a JSON document.");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{{\"lines\": {}", "[".repeat(100_000));
        assert!(matches!(refused(deep.as_bytes())["status"].as_u64(), Some(400 | 422)));
        let problem = parse::<Value>("[".repeat(100_000).as_bytes()).expect_err("too deep").to_json();
        assert_eq!(problem["status"], 400);
    }

    #[test]
    fn a_huge_wrong_value_is_not_repeated() {
        let body = format!("{{\"lines\": \"{}\"}}", "x".repeat(10_000));
        let detail = refused(body.as_bytes())["detail"].to_string();
        assert!(detail.len() < 400, "{}", detail.len());
    }
}
