//! The query string and the path's variables as types; what does not parse becomes a 400 problem.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

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
                .detail(sentence(&rejection.body_text()))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-path", "A part of the path is wrong")
                .detail(sentence(&rejection.body_text()))),
        }
    }
}

/// axum's words after their preamble, which the title already says.
fn sentence(text: &str) -> String {
    let said = text.split_once("string: ").or_else(|| text.split_once("URL: ")).map_or(text, |(_, said)| said);
    format!("{said}.")
}
