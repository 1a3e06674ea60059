//! Query parameters: each must be known and given once, and each invalid value has a problem that names it.
//!
//! Not a `serde` struct, because `serde` ignores unknown names: ignoring a misspelt filter would return a wrong result.

use axum::extract::Query;
use axum::http::Uri;
use platform::problem::Problem;
use read_model::search::SearchPatterns;

use crate::http::problems;
use crate::reads::label::Label;

/// Longest value of a parameter, in bytes; longer than every name, code, reference and cursor.
const VALUE_MAX: usize = 512;

const SEARCHED: &str = "at most 100 characters in at most 8 words, each of at least two letters or digits (one Chinese, Japanese or \
                        Korean character)";

/// The query parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses the query of a URI; `allowed` are the names of all known parameters.
    pub(super) fn read(uri: &Uri, allowed: &[&str]) -> Result<Parameters, Problem> {
        Parameters::read_within(VALUE_MAX, uri, allowed)
    }

    /// Reads the parameters of a query, whose values may have up to `value_max` bytes.
    pub(super) fn read_within(value_max: usize, uri: &Uri, allowed: &[&str]) -> Result<Parameters, Problem> {
        let Ok(Query(given)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(problems::unknown_parameter(uri.query().unwrap_or_default(), allowed));
        };
        for (at, (name, value)) in given.iter().enumerate() {
            if !allowed.contains(&name.as_str()) {
                return Err(problems::unknown_parameter(name, allowed));
            }
            if given[..at].iter().any(|(before, _)| before == name) {
                return Err(problems::repeated_parameter(name));
            }
            if value.is_empty() {
                return Err(problems::empty_parameter(name));
            }
            if value.contains('\0') || value.contains('\u{FFFD}') || value.len() > value_max {
                let form = format!("text of at most {value_max} bytes in UTF-8, without NUL");
                return Err(problems::invalid_parameter(name, value, &form));
            }
        }
        Ok(Parameters(given))
    }

    /// The value of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter as a tag or external reference.
    pub(super) fn label(&self, name: &str) -> Result<Option<Label>, Problem> {
        let Some(given) = self.text(name) else { return Ok(None) };
        Label::of(given).map(Some).ok_or_else(|| problems::empty_parameter(name))
    }

    /// The value of a parameter as a text to search for.
    pub(super) fn searched(&self, name: &str) -> Result<Option<SearchPatterns>, Problem> {
        self.parsed(name, SEARCHED, SearchPatterns::of)
    }

    /// The value of a parameter, parsed; `form` completes "It must be …".
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        form: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| problems::invalid_parameter(name, text, form))
    }

    /// All parameters that are not in `except`, sorted by name, so that equal queries have equal texts.
    pub(super) fn canonical(&self, except: &[&str]) -> String {
        let mut kept: Vec<_> = self.0.iter().filter(|(name, _)| !except.contains(&name.as_str())).collect();
        kept.sort();
        kept.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 2] = ["lifecycle", "placed_at[gte]"];

    fn read(query: &str) -> Result<Parameters, Problem> {
        Parameters::read(&format!("/v1/orders?{query}").parse().expect("an address"), &ALLOWED)
    }

    #[test]
    fn parameters_are_known_given_once_and_text() {
        let given = read("lifecycle=open&placed_at%5Bgte%5D=2026-01-01").expect("both are known");
        assert_eq!(given.text("placed_at[gte]"), Some("2026-01-01"));
        for wrong in [
            "lifecycel=open",
            "lifecycle=open&lifecycle=open",
            "lifecycle=a%00b",
            "lifecycle=%ff",
            "x",
            "lifecycle=",
            "lifecycle",
        ] {
            assert_eq!(read(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }

    #[test]
    fn an_unknown_parameter_is_named_with_those_that_are_known() {
        let problem = read("lifecycel=open").expect_err("it is unknown").to_json();
        assert_eq!(
            problem["detail"],
            "There is no parameter `lifecycel` here. Allowed are: lifecycle, placed_at[gte]."
        );
        assert_eq!(problem["allowed"], serde_json::json!(ALLOWED));
    }

    #[test]
    fn equal_queries_have_one_canonical_form() {
        let (a, b) = (
            read("lifecycle=open&placed_at[gte]=1").expect("fine"),
            read("placed_at%5bgte%5d=1&lifecycle=open").expect("fine"),
        );
        assert_eq!(a.canonical(&[]), b.canonical(&[]));
        assert_ne!(a.canonical(&[]), a.canonical(&["lifecycle"]));
    }

    #[test]
    fn a_label_is_searched_in_its_canonical_form_and_as_given() {
        let forms = |query: &str| {
            let given = read(query).expect("a parameter");
            let label = given.label("lifecycle").expect("visible").expect("given");
            label.forms().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(forms("lifecycle=X"), ["X"]);
        assert_eq!(forms("lifecycle=%20X%E2%80%8E"), ["X", " X\u{200e}"]);
        assert_eq!(forms("lifecycle=e%CC%81"), ["\u{e9}", "e\u{301}"]);
        let blank = read("lifecycle=%20%E2%80%8B").expect("a parameter");
        assert_eq!(blank.label("lifecycle").expect_err("nothing is seen").kind(), "invalid-query");
    }
}
