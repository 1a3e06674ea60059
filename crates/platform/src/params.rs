//! The query string and the path's variables as types; what does not parse becomes a 400 problem.

use crate::json::words::for_callers;
use crate::problem::Problem;
use crate::shown::shown;
use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// What was sent is repeated to this length.
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
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-query", "A query parameter is wrong")
                .detail(of_query(&rejection))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-path", "A part of the path is wrong")
                .detail(of_path(&rejection))),
        }
    }
}

/// What is wrong with a query string: the name of the parameter, where it is known, and the reason.
fn of_query(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    let said = text.split_once("query string: ").map_or(text.as_str(), |(_, said)| said);
    match said.split_once(": ").filter(|(name, _)| !name.contains([' ', '`'])) {
        Some((name, reason)) => format!("{}: {}.", shown(name, SHOWN_MAX_CHARS), for_callers(reason)),
        None => format!("{}.", for_callers(said)),
    }
}

/// What is wrong with a part of the path.
fn of_path(rejection: &PathRejection) -> String {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return "The path cannot be read.".to_owned();
    };
    let told = |value: &str, reason: String| format!("`{}`: {reason}.", shown(value, SHOWN_MAX_CHARS));
    match failed.kind() {
        ErrorKind::ParseErrorAtKey { value, expected_type, .. }
        | ErrorKind::ParseErrorAtIndex { value, expected_type, .. }
        | ErrorKind::ParseError { value, expected_type } => {
            told(value, for_callers(&format!("invalid type: string {value:?}, expected {expected_type}")))
        }
        ErrorKind::DeserializeError { value, message, .. } => told(value, for_callers(message)),
        ErrorKind::InvalidUtf8InPathParam { .. } => "A part of the path is not UTF-8.".to_owned(),
        ErrorKind::Message(message) => format!("{}.", for_callers(message)),
        _ => "A part of the path cannot be read.".to_owned(),
    }
}
