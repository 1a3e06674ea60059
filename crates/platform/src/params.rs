//! Query strings and path variables as typed values. A value that does not parse results in a 400 problem.

use crate::json::words::for_callers;
use crate::problem::{Problem, types};
use crate::shown::shown;
use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::task::{Context, Poll, Waker};

/// Longer values are cut where a problem repeats them.
const SHOWN_MAX_CHARS: usize = 80;

/// The query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The variables of the matched path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(rejection) => Err(Problem::of(types::INVALID_QUERY).detail(query_detail(&rejection))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(rejection) => Err(Problem::of(types::INVALID_PATH).detail(path_detail(&rejection))),
        }
    }
}

/// The variables of the matched path, for handlers that learn their type at run time.
pub fn of_path<T: DeserializeOwned + Send>(parts: &mut Parts) -> Result<T, Problem> {
    let mut parsing = std::pin::pin!(Path::from_request_parts(parts, &()));
    // Nothing is awaited: the router has stored the variables in the request.
    match parsing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(parsed) => parsed.map(|Path(variables)| variables),
        Poll::Pending => Err(Problem::of(types::INVALID_PATH)),
    }
}

/// The detail of an invalid query string: the name of the parameter, where it is known, and the reason.
fn query_detail(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    let said = text.split_once("query string: ").map_or(text.as_str(), |(_, said)| said);
    match said.split_once(": ").filter(|(name, _)| !name.contains([' ', '`'])) {
        Some((name, reason)) => format!("{}: {}.", shown(name, SHOWN_MAX_CHARS), for_callers(reason)),
        None => format!("{}.", for_callers(said)),
    }
}

/// The detail of an invalid path variable: its value and the reason.
fn path_detail(rejection: &PathRejection) -> String {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return "The path cannot be parsed.".to_owned();
    };
    let invalid = |value: &str, reason: String| format!("`{}`: {reason}.", shown(value, SHOWN_MAX_CHARS));
    match failed.kind() {
        ErrorKind::ParseErrorAtKey { value, expected_type, .. }
        | ErrorKind::ParseErrorAtIndex { value, expected_type, .. }
        | ErrorKind::ParseError { value, expected_type } => {
            invalid(value, for_callers(&format!("invalid type: string {value:?}, expected {expected_type}")))
        }
        ErrorKind::DeserializeError { value, message, .. } => invalid(value, for_callers(message)),
        ErrorKind::InvalidUtf8InPathParam { .. } => "A path segment is not UTF-8.".to_owned(),
        ErrorKind::Message(message) => format!("{}.", for_callers(message)),
        _ => "A path segment cannot be parsed.".to_owned(),
    }
}
