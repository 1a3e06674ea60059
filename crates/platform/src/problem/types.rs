//! The problem types that every service of the platform can respond with, in one table. A service adds a table of its own.
//! [`super::shell`] builds the problems; the OpenAPI document lists the types ([`crate::openapi`]).

use axum::http::StatusCode;

/// A type of problem document (RFC 9457): what is the same for every occurrence of the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// Last part of the type URI: `order-state` of `/problems/order-state`. Clients decide on the type, so a slug never changes.
    pub slug: &'static str,
    /// Status code of the response.
    pub status: StatusCode,
    /// Short description of the type for people.
    pub title: &'static str,
}

impl ProblemType {
    /// Defines a problem type.
    pub const fn new(status: StatusCode, slug: &'static str, title: &'static str) -> Self {
        ProblemType { slug, status, title }
    }
}

/// Status and slug, as the documentation of an operation lists them.
impl From<ProblemType> for (u16, &'static str) {
    fn from(problem_type: ProblemType) -> Self {
        (problem_type.status.as_u16(), problem_type.slug)
    }
}

pub const NOT_FOUND: ProblemType = ProblemType::new(StatusCode::NOT_FOUND, "not-found", "Resource not found");
pub const METHOD_NOT_ALLOWED: ProblemType =
    ProblemType::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed");
pub const INVALID_HOST: ProblemType = ProblemType::new(StatusCode::BAD_REQUEST, "invalid-host", "Invalid Host header");
pub const TRANSFER_ENCODING: ProblemType =
    ProblemType::new(StatusCode::NOT_IMPLEMENTED, "transfer-encoding", "Transfer coding not supported");
pub const UNSUPPORTED_VERSION: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "unsupported-version", "API version not supported");
pub const OVERLOADED: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Service overloaded");
pub const STOPPING: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Service is shutting down");
pub const TIMEOUT: ProblemType = ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "Request timed out");
pub const INTERNAL: ProblemType =
    ProblemType::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error");
pub const BODY_TOO_LARGE: ProblemType =
    ProblemType::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Request body too large");
pub const BODY_TIMEOUT: ProblemType =
    ProblemType::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", "Request body not received in time");
pub const BODY_UNREADABLE: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "body-unreadable", "Request body could not be read");
pub const CONTENT_ENCODING: ProblemType =
    ProblemType::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", "Content encoding not supported");
pub const MALFORMED_GZIP: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "malformed-gzip", "Request body could not be decompressed");
pub const CONTENT_TYPE: ProblemType =
    ProblemType::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "Content type not supported");
pub const MALFORMED_JSON: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "malformed-json", "Request body is not valid JSON");
pub const INVALID_BODY: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", "Invalid request body");
pub const INVALID_QUERY: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "invalid-query", "Invalid query parameter");
pub const INVALID_PATH: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "invalid-path", "Invalid path parameter");
