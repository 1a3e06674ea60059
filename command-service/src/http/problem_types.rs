//! The problem types of the command service: slug, status and title of each, written once. The functions in [`super::problems`]
//! and [`super::bulk_import_problems`] respond with these types, and the documentation of each operation lists them. The types
//! that all services share are in [`platform::problem::types`].
//! [`super::rejection_types`] assigns them to the rejections.

use axum::http::StatusCode;
use platform::problem::ProblemType;

// Responses to any command and to a batch of commands.
pub(super) const IDEMPOTENCY_KEY_MISSING: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "idempotency-key-missing", "Idempotency key missing");
pub(super) const IDEMPOTENCY_KEY_INVALID: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "idempotency-key-invalid", "Invalid idempotency key");
pub(super) const IF_MATCH_INVALID: ProblemType =
    ProblemType::new(StatusCode::BAD_REQUEST, "if-match-invalid", "Invalid If-Match header");
pub(super) const IDEMPOTENCY_IN_PROGRESS: ProblemType = ProblemType::new(
    StatusCode::CONFLICT,
    "idempotency-in-progress",
    "Command with the same idempotency key in progress",
);
pub(super) const IDEMPOTENCY_KEY_REUSED: ProblemType = ProblemType::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "idempotency-key-reused",
    "Idempotency key already used for another command",
);
pub(super) const PRECONDITION_REQUIRED: ProblemType =
    ProblemType::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "If-Match header required");
pub(super) const SKIPPED: ProblemType =
    ProblemType::new(StatusCode::FAILED_DEPENDENCY, "skipped", "Another command of the atomic batch was rejected");
pub(super) const UNKNOWN_KEY: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-key", "No outcome for this idempotency key");
pub(super) const BATCH_TOO_LARGE: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "batch-too-large", "Too many commands in the batch");
pub(super) const UNKNOWN_COMMAND: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-command", "Unknown command");
pub(super) const UNREADABLE: ProblemType =
    ProblemType::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", "Command could not be decided");
pub(super) const LOG_UNREACHABLE: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "log-unreachable", "Log unavailable");
pub(super) const STARTING: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "Service is starting");
pub(super) const OUTCOME_UNKNOWN: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", "Outcome of the command unknown");

// Responses to bulk imports and jobs.
pub(super) const UNKNOWN_JOB: ProblemType = ProblemType::new(StatusCode::NOT_FOUND, "unknown-job", "Job not found");
pub(super) const JOB_STATE: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "job-state", "Not allowed in the current state of the job");
pub(super) const JOB_FORGOTTEN: ProblemType =
    ProblemType::new(StatusCode::GONE, "job-forgotten", "Job has been deleted");
pub(super) const TOO_MANY_ROWS: ProblemType =
    ProblemType::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-rows", "Too many rows");
pub(super) const ROW_TOO_LONG: ProblemType =
    ProblemType::new(StatusCode::PAYLOAD_TOO_LARGE, "row-too-long", "Row too long");
pub(super) const NO_ROWS: ProblemType = ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "no-rows", "No rows");
pub(super) const INVALID_HEADER: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-header", "Invalid CSV header");
pub(super) const DATABASE_UNAVAILABLE: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "Database unavailable");
pub(super) const TOO_MANY_UPLOADS: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-uploads", "Too many bulk imports being uploaded");
pub(super) const TOO_MANY_IMPORTS: ProblemType =
    ProblemType::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-imports", "Too many bulk imports waiting");

// Rejections by the rules. 404: the addressed thing does not exist; 409: its state does not allow the command; 410: it was erased;
// 412: it has changed; 422: the body is inconsistent or names things that do not exist.
pub(super) const UNKNOWN_PRODUCT: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-product", "Product not found");
pub(super) const UNKNOWN_ORDER: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-order", "Order not found");
pub(super) const UNKNOWN_CUSTOMER: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-customer", "Customer not found");
pub(super) const UNKNOWN_HOLD: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-hold", "Stock hold not found");
pub(super) const UNKNOWN_PAYMENT: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-payment", "Payment not found");
pub(super) const UNKNOWN_FULFILMENT: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-fulfilment", "Fulfilment not found");
pub(super) const UNKNOWN_RETURN: ProblemType =
    ProblemType::new(StatusCode::NOT_FOUND, "unknown-return", "Return not found");
pub(super) const ORDER_STATE: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "order-state", "Not allowed in the current state of the order");
pub(super) const INSUFFICIENT_STOCK: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "insufficient-stock", "Insufficient stock");
pub(super) const INACTIVE_PRODUCT: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "inactive-product", "Product is discontinued");
pub(super) const DUPLICATE_SKU: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-sku", "SKU already in use");
pub(super) const DUPLICATE_ORDER: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-order", "Order id already in use");
pub(super) const DUPLICATE_HOLD: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-hold", "Stock hold id already in use");
pub(super) const DUPLICATE_CUSTOMER: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-customer", "Customer id already in use");
pub(super) const DUPLICATE_EMAIL: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-email", "E-mail address already in use");
pub(super) const DUPLICATE_EXTERNAL_REF: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-external-ref", "External reference already in use");
pub(super) const DUPLICATE_PAYMENT_REFERENCE: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "duplicate-payment-reference", "Payment reference already recorded");
pub(super) const HOLD_GONE: ProblemType = ProblemType::new(StatusCode::CONFLICT, "hold-gone", "Stock hold has ended");
pub(super) const BELOW_ZERO: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "below-zero", "Units on hand would be negative");
pub(super) const ORDER_OF_ERASED_CUSTOMER: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "customer-erased", "Customer has been erased");
pub(super) const PERSONAL_DATA_ERASED: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "personal-data-erased", "Personal data of the order has been erased");
pub(super) const CUSTOMER_ERASED: ProblemType =
    ProblemType::new(StatusCode::GONE, "customer-erased", "Customer has been erased");
pub(super) const STALE_EXPECTED: ProblemType =
    ProblemType::new(StatusCode::PRECONDITION_FAILED, "stale-expected", "Stock differs from the expected quantity");
pub(super) const STALE_VERSION: ProblemType =
    ProblemType::new(StatusCode::PRECONDITION_FAILED, "stale-version", "Version has changed");
pub(super) const PRODUCT_NOT_FOUND_IN_BODY: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-product", "Product not found");
pub(super) const CUSTOMER_NOT_FOUND_IN_BODY: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-customer", "Customer not found");
pub(super) const PRICE_MISSING: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "price-missing", "Product has no price in this currency");
pub(super) const STOCK_LIMIT: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "stock-limit", "Stock limit exceeded");
pub(super) const SAME_LOCATION: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "same-location", "Transfer within one location");
pub(super) const TOO_MANY_ATTRIBUTES: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-attributes", "Too many attributes");
pub(super) const UNKNOWN_CHANNEL: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-channel", "Sales channel not found");
pub(super) const WRONG_CURRENCY: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-currency", "Currency not accepted by the sales channel");
pub(super) const CURRENCY_WITHDRAWN: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "currency-withdrawn", "Currency has been withdrawn");
pub(super) const TOTAL_MISMATCH: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "total-mismatch", "Order total differs from the expected total");
pub(super) const DISCOUNT_EXCEEDED: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "discount-exceeded", "Discount too large");
pub(super) const UNKNOWN_LINE: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-line", "Order line not found");
pub(super) const QUANTITY_EXCEEDED: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "quantity-exceeded", "Quantity exceeds the available quantity");
pub(super) const SEVERAL_LOCATIONS: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "several-locations", "Lines are stocked at several locations");
pub(super) const WRONG_LOCATION: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-location", "Stock is reserved at another location");
pub(super) const METHOD_MISSING: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "method-missing", "Payment method missing");
pub(super) const AMOUNT_EXCEEDED: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "amount-exceeded", "Amount exceeds the available amount");
pub(super) const AMOUNT_OVERFLOW: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "amount-overflow", "Amount too large");
pub(super) const INSTANT_OUT_OF_RANGE: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "instant-out-of-range", "Instant out of range");
pub(super) const EXCLUSIVE_FIELDS: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "exclusive-fields", "Mutually exclusive fields");
pub(super) const REPEATED_LINE: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "repeated-line", "Order line named more than once");
pub(super) const BELOW_FULFILLED: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "below-fulfilled", "Quantity below the fulfilled quantity");
pub(super) const NOTHING_LEFT: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing-left", "Amendment would leave no units in the order");
pub(super) const TOO_MANY_LINES: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-lines", "Too many order lines");
pub(super) const ORDER_TOO_LARGE: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "order-too-large", "Order too large");
pub(super) const TOO_MANY_PARTS: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-parts", "Limit of the order exceeded");
