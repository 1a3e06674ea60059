//! Integers with a fraction of zero or an exponent: `1.0` and `1e2` are integers in JSON Schema (2020-12, 6.1.1), and some clients can only
//! write this form. They are rewritten as digits, exactly, without floating point.
//!
//! Only bodies that do not parse otherwise are rewritten, so that all other bodies are parsed once.

/// Maximum number of digits of a rewritten integer; no field accepts more.
const DIGITS_MAX: usize = 20;

/// The document with every integer as digits; `None` if nothing changes. The document must be valid JSON.
pub(super) fn written_out(json: &[u8]) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(json.len());
    let mut rest = json;
    let mut is_changed = false;
    while let Some(&first) = rest.first() {
        let length = match first {
            b'"' => string(rest),
            b'-' | b'0'..=b'9' => {
                rest.iter().take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        match whole(token) {
            Some(digits) => {
                is_changed = true;
                written.extend_from_slice(digits.as_bytes());
            }
            None => written.extend_from_slice(token),
        }
        rest = after;
    }
    is_changed.then_some(written)
}

/// The length of the string that starts here, including its quotation marks.
fn string(json: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = json.iter().skip(1).position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

/// The digits of an integer that is not written as digits.
fn whole(token: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(token).ok().filter(|text| !text.starts_with('"'))?;
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |unsigned| ("-", unsigned));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let mut digits = format!("{before}{after}");
    let point = i64::try_from(before.len()).ok()?.checked_add(exponent)?;
    if digits.bytes().all(|digit| digit == b'0') {
        return Some("0".to_owned());
    }
    let point = usize::try_from(point).ok().filter(|point| *point <= DIGITS_MAX)?;
    match digits.get(point..) {
        Some(fraction) if fraction.bytes().any(|digit| digit != b'0') => return None,
        Some(_) => digits.truncate(point),
        None => digits.extend(std::iter::repeat_n('0', point - digits.len())),
    }
    let digits = digits.trim_start_matches('0');
    Some(format!("{sign}{digits}"))
}

#[cfg(test)]
mod tests {
    use super::written_out;

    fn written(json: &str) -> Option<String> {
        written_out(json.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("text stays text"))
    }

    #[test]
    fn integers_are_written_as_digits() {
        for (number, digits) in [
            ("1.0", "1"),
            ("-1.0", "-1"),
            ("1e2", "100"),
            ("1.5E+1", "15"),
            ("120e-1", "12"),
            ("-0.0", "0"),
            ("0e9", "0"),
            ("0.03e2", "3"),
            ("9007199254740993.0", "9007199254740993"),
            ("1e15", "1000000000000000"),
        ] {
            assert_eq!(written(number).as_deref(), Some(digits), "{number}");
        }
    }

    #[test]
    fn everything_else_is_unchanged() {
        for number in ["1", "-7", "1.5", "1e-1", "1e21", "1e99999999999999999999", "0.1"] {
            assert_eq!(written(number), None, "{number}");
        }
        let json = r#"{"a\"1.0":"2.0 \\","b":[3.0,true,null,{"c":-4.00}]}"#;
        assert_eq!(written(json).as_deref(), Some(r#"{"a\"1.0":"2.0 \\","b":[3,true,null,{"c":-4}]}"#));
    }
}
