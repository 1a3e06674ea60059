//! Translates the messages of parsers for callers. `serde` and `serde_json` name Rust types ("expected i64", "expected struct
//! CreateProductBody"), which mean nothing to a caller; all of their messages are translated before they are sent.
//!
//! The messages are those of serde 1 (`serde::de::Error`, `Unexpected`) and serde_json 1 (`ErrorCode`). The messages of our own types are
//! kept.

use crate::shown::shown;

/// Longer values are cut where a message repeats them.
const FOUND_MAX_CHARS: usize = 100;

/// The translation of a parser's message, without a full stop.
pub fn for_callers(message: &str) -> String {
    let message = without_place(message);
    for (prefix, explain) in KNOWN {
        if let Some(rest) = message.strip_prefix(prefix) {
            return explain(rest);
        }
    }
    syntax(message).map_or_else(|| message.to_owned(), str::to_owned)
}

type Explain = fn(&str) -> String;

/// Prefixes of messages about data, and the translation of the rest.
const KNOWN: [(&str, Explain); 9] = [
    ("invalid type: ", other_value),
    ("invalid value: ", other_value),
    ("invalid length ", other_length),
    ("unknown field ", |rest| unknown("there is no field", rest)),
    ("unknown variant ", unknown_word),
    ("missing field ", |rest| format!("the field {rest} is missing")),
    ("duplicate field ", |rest| format!("the field {rest} is present more than once")),
    ("data did not match any variant of untagged enum", |_| "this is not one of the allowed values".to_owned()),
    ("invalid digit found in string", |_| "must be a whole number, in digits".to_owned()),
];

/// `X, expected Y`
fn other_value(rest: &str) -> String {
    match rest.rsplit_once(", expected ") {
        Some((found, expected)) => format!("must be {}, and is {}", wanted(expected), given(found)),
        None => "this value is not allowed here".to_owned(),
    }
}

/// `N, expected Y`
fn other_length(rest: &str) -> String {
    match rest.split_once(", expected ") {
        Some((_, expected)) => format!("must be {}, and is a list", wanted(expected)),
        None => "this list is too long or too short".to_owned(),
    }
}

/// `` `x`, expected one of `a`, `b` `` or `` `x`, there are no fields ``
fn unknown(what: &str, rest: &str) -> String {
    match split_known(rest) {
        Some((name, known)) => format!("{what} {name}; known are {known}"),
        None => format!("{what} {} here", rest.split("`, there are").next().unwrap_or(rest).trim_matches('`')),
    }
}

fn unknown_word(rest: &str) -> String {
    match split_known(rest) {
        Some((name, known)) => format!("{name} is not one of {known}"),
        None => "this value is not allowed here".to_owned(),
    }
}

/// The unknown name and the list of known names.
fn split_known(rest: &str) -> Option<(String, &str)> {
    let (name, known) = rest.rsplit_once(", expected ")?;
    let known = known.strip_prefix("one of ").unwrap_or(known);
    Some((format!("`{}`", shown(name.trim_matches('`'), FOUND_MAX_CHARS)), known))
}

/// The JSON name of a Rust type. Names of our own types are kept.
fn wanted(expected: &str) -> &str {
    const OBJECTS: [&str; 5] = ["struct ", "internally tagged enum", "adjacently tagged enum", "struct variant", "map"];
    const LISTS: [&str; 4] = ["tuple", "a tuple", "a sequence", "sequence"];
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u128" | "u64" | "usize" => {
            "a whole number that is not too large"
        }
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "a nonzero u32" => "a whole number from 0 to 4294967295",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "string or map" | "a character" | "variant identifier"
        | "field identifier" => "a string",
        "a boolean" => "true or false",
        "a map" => "an object",
        "unit" => "null",
        "any value" | "any valid JSON value" => "a JSON value",
        "a formatted UUID string" | "a UUID string" => "a UUID with hyphens",
        _ if OBJECTS.iter().any(|prefix| expected.starts_with(prefix)) => "an object",
        _ if LISTS.iter().any(|prefix| expected.starts_with(prefix)) => "a list",
        _ if expected.starts_with("enum ") || expected.starts_with("variant") => "one of the allowed values",
        own => own,
    }
}

/// The JSON name of the found value.
fn given(found: &str) -> String {
    let number = found.strip_prefix("integer `").or_else(|| found.strip_prefix("floating point `"));
    if let Some(number) = number {
        return format!("the number {}", number.trim_end_matches('`'));
    }
    if let Some(boolean) = found.strip_prefix("boolean `") {
        return boolean.trim_end_matches('`').to_owned();
    }
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the string {}", shown(text, FOUND_MAX_CHARS));
    }
    let name = match found {
        "map" => "an object",
        "sequence" => "a list",
        "null" | "unit value" | "Option value" => "null",
        "number" => "a number",
        _ => "something else",
    };
    name.to_owned()
}

/// The translation of a syntax error.
fn syntax(message: &str) -> Option<&'static str> {
    Some(match message {
        "EOF while parsing a list" => "the document ends in the middle of a list",
        "EOF while parsing an object" => "the document ends in the middle of an object",
        "EOF while parsing a string" => "the document ends in the middle of a string",
        "EOF while parsing a value" => "the document ends where a value is expected",
        "expected value" => "a value is expected",
        "expected ident" => "true, false or null is expected",
        "key must be a string" => "the name of a field must be a string in double quotes",
        "trailing comma" => "there is a trailing comma",
        "trailing characters" => "there are characters after the end of the document",
        "recursion limit exceeded" => "lists and objects are nested too deeply",
        "number out of range" => "the number is too large",
        "invalid number" => "this is not a number",
        "invalid escape" => "invalid escape sequence in a string",
        "invalid unicode code point" | "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "an escape sequence in a string is not a complete character"
        }
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "a control character in a string must be escaped"
        }
        "number too large to fit in target type" => "the number is too large",
        "number too small to fit in target type" => "the number is too small",
        "cannot parse integer from empty string" => "must be a whole number, and is empty",
        "invalid float literal" | "cannot parse float from empty string" => "must be a number",
        "provided string was not `true` or `false`" => "must be true or false",
        _ => return None,
    })
}

/// The message without line and column, which the problem contains separately.
fn without_place(message: &str) -> &str {
    let Some((said, place)) = message.rsplit_once(" at line ") else { return message };
    let is_place =
        place.split(" column ").all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if is_place { said } else { message }
}

#[cfg(test)]
mod tests {
    use super::for_callers;

    #[test]
    fn messages_name_json_types_and_not_rust_types() {
        for (message, said) in [
            (
                "invalid type: string \"7\", expected i64",
                "must be a whole number that is not too large, and is the string \"7\"",
            ),
            (
                "invalid type: map, expected u32 at line 1 column 7",
                "must be a whole number from 0 to 4294967295, and is an object",
            ),
            ("invalid type: sequence, expected struct CreateProductBody", "must be an object, and is a list"),
            ("invalid length 0, expected struct Line with 2 elements", "must be an object, and is a list"),
            ("invalid value: floating point `1.5`, expected a price", "must be a price, and is the number 1.5"),
            ("invalid type: null, expected string or map", "must be a string, and is null"),
            ("invalid type: boolean `true`, expected a sequence", "must be a list, and is true"),
            ("unknown field `a`, expected one of `b`, `c`", "there is no field `a`; known are `b`, `c`"),
            ("unknown field `a`, expected `b` or `c`", "there is no field `a`; known are `b` or `c`"),
            ("unknown field `a`, there are no fields", "there is no field a here"),
            ("unknown variant `x`, expected `y`", "`x` is not one of `y`"),
            ("missing field `sku`", "the field `sku` is missing"),
            ("duplicate field `sku`", "the field `sku` is present more than once"),
            ("must be 1 to 64 characters", "must be 1 to 64 characters"),
        ] {
            assert_eq!(for_callers(message), said, "{message}");
        }
    }

    #[test]
    fn found_text_cannot_imitate_the_expected_type() {
        let said = for_callers("invalid type: string \"a, expected b\", expected u8");
        assert_eq!(said, "must be a whole number from 0 to 255, and is the string \"a, expected b\"");
        assert_eq!(for_callers("broken at line up"), "broken at line up");
    }
}
