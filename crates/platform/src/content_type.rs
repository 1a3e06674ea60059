//! The media type of a request body. All supported bodies are text in UTF-8, so another charset is rejected. Used by [`crate::json`] and by
//! handlers that accept other media types.

use axum::http::{HeaderMap, HeaderValue, header};

/// Names of encodings whose bytes are UTF-8 (encoding.spec.whatwg.org, 4.2; US-ASCII is a part of it).
const UTF_8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

/// Type and subtype of the body, in lower case. `Err` contains the found value if it is not exactly one type in UTF-8.
pub fn of_text(headers: &HeaderMap) -> Result<String, String> {
    let value = only(headers)?;
    let text = value.to_str().map_err(|_| format!("{value:?}"))?;
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    match parts.all(|part| is_utf8(&part)) {
        true => Ok(essence),
        false => Err(format!("{value:?}")),
    }
}

/// The header, which must occur exactly once: recipients disagree on which of two counts.
pub(crate) fn only(headers: &HeaderMap) -> Result<&HeaderValue, String> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    match (lines.next(), lines.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err("none".to_owned()),
        (Some(one), Some(two)) => Err(format!("{one:?} and {two:?}")),
    }
}

fn is_utf8(parameter: &str) -> bool {
    let charset = parameter.split_once('=').filter(|(name, _)| name.trim() == "charset");
    charset.is_none_or(|(_, charset)| UTF_8.contains(&charset.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn essence(lines: &[&'static str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(line));
        }
        of_text(&headers)
    }

    #[test]
    fn one_type_in_utf8() {
        for good in ["text/csv", "Text/CSV; charset=utf8", "text/csv;charset=\"UTF-8\"; header=present", "text/csv;"] {
            assert_eq!(essence(&[good]).as_deref(), Ok("text/csv"), "{good}");
        }
        for bad in [&[][..], &["text/csv; charset=latin1"], &["text/csv", "text/csv"]] {
            assert!(essence(bad).is_err(), "{bad:?}");
        }
    }
}
