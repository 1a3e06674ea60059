//! All problem types of the query service: slug, status and title. Used for responses and for their documentation alike. The
//! problem types of the HTTP server itself, such as `overloaded`, are in `platform`.

use axum::http::StatusCode;
use platform::problem::Problem;

/// A problem type (RFC 9457): its type is `/problems/{slug}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProblemType {
    slug: &'static str,
    status: StatusCode,
    title: &'static str,
}

impl ProblemType {
    const fn new(slug: &'static str, status: StatusCode, title: &'static str) -> ProblemType {
        ProblemType { slug, status, title }
    }

    /// A problem of this type; `detail` says what happened and what the client can do.
    pub(super) fn problem(self, detail: impl Into<String>) -> Problem {
        Problem::new(self.status, self.slug, self.title).detail(detail)
    }

    /// Status and slug, for the documentation of an operation.
    pub(super) const fn documented(self) -> (u16, &'static str) {
        (self.status.as_u16(), self.slug)
    }
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// A query parameter is unknown, repeated or empty, or has an invalid value.
pub(super) const INVALID_QUERY: ProblemType = ProblemType::new("invalid-query", BAD_REQUEST, "Invalid query parameter");
/// The cursor was not issued by this service, or for another list or other filters.
pub(super) const INVALID_CURSOR: ProblemType = ProblemType::new("invalid-cursor", BAD_REQUEST, "Invalid cursor");
/// The path has neither an order id nor an order code.
pub(super) const INVALID_ORDER_KEY: ProblemType =
    ProblemType::new("invalid-order-key", BAD_REQUEST, "Invalid order id or order code");
/// The path has an invalid SKU.
pub(super) const INVALID_SKU: ProblemType = ProblemType::new("invalid-sku", BAD_REQUEST, "Invalid SKU");
/// The path has an invalid customer id.
pub(super) const INVALID_CUSTOMER_ID: ProblemType =
    ProblemType::new("invalid-customer-id", BAD_REQUEST, "Invalid customer id");
/// The path has an invalid id of a stock hold.
pub(super) const INVALID_STOCK_HOLD_ID: ProblemType =
    ProblemType::new("invalid-stock-hold-id", BAD_REQUEST, "Invalid stock hold id");
/// The path has an invalid location.
pub(super) const INVALID_LOCATION: ProblemType =
    ProblemType::new("invalid-location", BAD_REQUEST, "Invalid stock location");
/// `Consistency-Token` is not a position, or is far beyond the end of the log.
pub(super) const INVALID_CONSISTENCY_TOKEN: ProblemType =
    ProblemType::new("invalid-consistency-token", BAD_REQUEST, "Invalid consistency token");

/// No order has this id or order code.
pub(super) const ORDER_NOT_FOUND: ProblemType = ProblemType::new("order-not-found", NOT_FOUND, "Order not found");
/// No product has this SKU.
pub(super) const PRODUCT_NOT_FOUND: ProblemType = ProblemType::new("product-not-found", NOT_FOUND, "Product not found");
/// The SKU never had stock, or not at this location.
pub(super) const STOCK_NOT_FOUND: ProblemType = ProblemType::new("stock-not-found", NOT_FOUND, "Stock not found");
/// No customer has this id.
pub(super) const CUSTOMER_NOT_FOUND: ProblemType =
    ProblemType::new("customer-not-found", NOT_FOUND, "Customer not found");
/// No stock hold has this id.
pub(super) const STOCK_HOLD_NOT_FOUND: ProblemType =
    ProblemType::new("stock-hold-not-found", NOT_FOUND, "Stock hold not found");
/// No event was ever written with this type and schema version.
pub(super) const SCHEMA_NOT_FOUND: ProblemType =
    ProblemType::new("schema-not-found", NOT_FOUND, "Event schema not found");

/// The result would be older than the consistency token.
pub(super) const PROJECTION_LAG: ProblemType =
    ProblemType::new("projection-lag", UNAVAILABLE, "The requested position is not available yet");
/// Neither database can be reached.
pub(super) const DATABASE_DOWN: ProblemType =
    ProblemType::new("database-down", UNAVAILABLE, "The database cannot be reached");
/// All database connections are in use.
pub(super) const DATABASE_BUSY: ProblemType =
    ProblemType::new("database-busy", UNAVAILABLE, "Too many queries at once");
/// The query exceeded its time limit.
pub(super) const QUERY_TOO_SLOW: ProblemType =
    ProblemType::new("query-too-slow", UNAVAILABLE, "The query took too long");
/// The log does not contain the requested position.
pub(super) const POSITION_BEYOND_LOG: ProblemType =
    ProblemType::new("position-beyond-log", BAD_REQUEST, "The position is beyond the end of the log");
/// Too many events were recorded after the requested position.
pub(super) const POSITION_TOO_OLD: ProblemType =
    ProblemType::new("position-too-old", BAD_REQUEST, "The position is too far back");
/// `Last-Event-ID` is not the id of an event.
pub(super) const INVALID_LAST_EVENT_ID: ProblemType =
    ProblemType::new("invalid-last-event-id", BAD_REQUEST, "Invalid id of the last event");
/// Events that the reader has were lost in a failover.
pub(super) const EVENTS_LOST: ProblemType =
    ProblemType::new("events-lost", StatusCode::GONE, "Events were lost in a failover");
/// Too many streams are open.
pub(super) const TOO_MANY_STREAMS: ProblemType =
    ProblemType::new("too-many-streams", UNAVAILABLE, "Too many open streams");
/// The service is shutting down.
pub(super) const STREAMS_ENDING: ProblemType =
    ProblemType::new("streams-ending", UNAVAILABLE, "The service is shutting down");
/// No database has been reached since the service started, or none can be reached now.
pub(super) const FRESHNESS_UNKNOWN: ProblemType =
    ProblemType::new("freshness-unknown", UNAVAILABLE, "The freshness of the projections is unknown");
/// The service has no key with which it could find e-mail addresses.
pub(super) const EMAIL_SEARCH_OFF: ProblemType = ProblemType::new(
    "email-search-off",
    StatusCode::NOT_IMPLEMENTED,
    "This installation does not search for e-mail addresses",
);

/// The service has no store for exports.
pub(super) const EXPORTS_OFF: ProblemType =
    ProblemType::new("exports-off", StatusCode::NOT_IMPLEMENTED, "Exports are not available");
/// The store of exports does not answer.
pub(super) const EXPORTS_UNAVAILABLE: ProblemType =
    ProblemType::new("exports-unavailable", UNAVAILABLE, "The store of exports cannot be reached");
/// Too many exports are waiting.
pub(super) const TOO_MANY_EXPORTS: ProblemType =
    ProblemType::new("too-many-exports", UNAVAILABLE, "Too many exports are waiting");
/// No export has this id.
pub(super) const EXPORT_NOT_FOUND: ProblemType = ProblemType::new("export-not-found", NOT_FOUND, "Export not found");
/// The link to a file is not signed.
pub(super) const INVALID_EXPORT_LINK: ProblemType =
    ProblemType::new("invalid-export-link", StatusCode::FORBIDDEN, "Invalid link to a file");
/// The link to a file has expired.
pub(super) const EXPORT_LINK_EXPIRED: ProblemType =
    ProblemType::new("export-link-expired", StatusCode::GONE, "The link to the file has expired");
/// The file had personal data that is erased.
pub(super) const EXPORT_FILE_DELETED: ProblemType =
    ProblemType::new("export-file-deleted", StatusCode::GONE, "The file is deleted");
/// No recurring export has this id.
pub(super) const EXPORT_SCHEDULE_NOT_FOUND: ProblemType =
    ProblemType::new("export-schedule-not-found", NOT_FOUND, "Recurring export not found");
/// There are too many recurring exports.
pub(super) const TOO_MANY_EXPORT_SCHEDULES: ProblemType =
    ProblemType::new("too-many-export-schedules", StatusCode::CONFLICT, "Too many recurring exports");
/// The idempotency key is malformed.
pub(super) const IDEMPOTENCY_KEY_INVALID: ProblemType =
    ProblemType::new("idempotency-key-invalid", BAD_REQUEST, "Invalid idempotency key");
/// The idempotency key was used for another export.
pub(super) const IDEMPOTENCY_KEY_REUSED: ProblemType = ProblemType::new(
    "idempotency-key-reused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Idempotency key already used for another export",
);

/// A defect of this service.
pub(super) const INTERNAL: ProblemType =
    ProblemType::new("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
