//! The parameters of a query: known by name, given once, each read with a problem of its own.
//!
//! Not a `serde` struct: that ignores what it does not know, and a filter that is ignored answers another question.

use axum::extract::Query;
use axum::http::Uri;
use platform::problem::Problem;

use crate::problems;

/// Longest value of any parameter, in bytes; longer than every name, code, reference and cursor.
const VALUE_MAX: usize = 512;

/// The parameters that were given.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of an address; `allowed` are all that may be there.
    pub fn read(uri: &Uri, allowed: &[&str]) -> Result<Parameters, Problem> {
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
            if value.contains('\0') || value.contains('\u{FFFD}') || value.len() > VALUE_MAX {
                let form = format!("text of at most {VALUE_MAX} bytes in UTF-8, without NUL");
                return Err(problems::invalid_parameter(name, value, &form));
            }
        }
        Ok(Parameters(given))
    }

    /// A parameter as it was given; an empty one counts as none.
    pub fn text(&self, name: &str) -> Option<&str> {
        let given = self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        given.filter(|value| !value.is_empty())
    }

    /// A parameter read by `parse`; `form` completes "It must be …".
    pub fn read_as<T>(
        &self,
        name: &str,
        form: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| problems::invalid_parameter(name, text, form))
    }

    /// All that were given and are not in `except`, in the order of their names: the same for the same question.
    pub fn canonical(&self, except: &[&str]) -> String {
        let mut kept: Vec<_> =
            self.0.iter().filter(|(name, value)| !except.contains(&name.as_str()) && !value.is_empty()).collect();
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
        for wrong in ["lifecycel=open", "lifecycle=open&lifecycle=open", "lifecycle=a%00b", "lifecycle=%ff", "x"] {
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
    fn the_same_question_has_one_canonical_form() {
        let (a, b) = (
            read("lifecycle=open&placed_at[gte]=1").expect("fine"),
            read("placed_at%5bgte%5d=1&lifecycle=open").expect("fine"),
        );
        assert_eq!(a.canonical(&[]), b.canonical(&[]));
        assert_ne!(a.canonical(&[]), a.canonical(&["lifecycle"]));
        assert_eq!(read("lifecycle=").expect("fine").canonical(&[]), "");
    }
}
