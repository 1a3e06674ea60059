//! Documentation of the headers and query parameters that all commands accept ([`super::request_headers`] parses them).

use platform::openapi::Parameter;
use schemars::JsonSchema;

/// An idempotency key.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct IdempotencyKey(#[schemars(length(min = 1, max = 255), regex(pattern = r"^[!-~]+$"))] String);

/// A strong entity tag with a version, or `*`.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct EntityTag(#[schemars(regex(pattern = r#"^(\*|"[0-9]{1,9}(-erased)?")$"#))] String);

/// Description of `Idempotency-Key` where the key is required.
pub(super) const KEY_REQUIRED: &str = "Identifies the intended effect. Send a new UUID for each intended effect and the same UUID with every repeat of the request: \
     the command then takes effect at most once.";

/// Description of `Idempotency-Key` where the key is optional.
pub(super) const KEY_OPTIONAL: &str = "Identifies the intended effect. Send a new UUID for each intended effect and the same UUID with every repeat of the request: \
     a repeat then returns the first response. Optional, because repeating the command has no further effect.";

/// The header `If-Match`.
pub(super) const IF_MATCH: Parameter = Parameter::header::<EntityTag>(
    "If-Match",
    "Expected version: the `ETag` of a command's response or of a document, or `*` for any version. If the current version differs, the \
     command is rejected (412). A repeat with the same idempotency key returns the first response, whatever this header contains.",
);

/// The header `Idempotency-Key`.
pub(super) const fn idempotency_key(description: &'static str) -> Parameter {
    Parameter::header::<IdempotencyKey>("Idempotency-Key", description)
}

/// The query parameter `dry_run`.
pub(super) const DRY_RUN: Parameter = Parameter::query::<bool>(
    "dry_run",
    "`true`: decide the command and return its events without appending them. Neither requires nor uses an idempotency key.",
);

/// The other parameters of every command. An unusable value of a header that is only recorded is left out.
pub(super) const OF_ANY_COMMAND: [Parameter; 4] = [
    DRY_RUN,
    Parameter::header::<String>(
        "Prefer",
        "`return=representation`: include the state after the command in the response; `return=minimal`: the default response \
         (RFC 7240).",
    ),
    Parameter::header::<String>(
        "X-Correlation-Id",
        "Correlation id. Recorded in the metadata of the command's events.",
    ),
    Parameter::header::<String>("traceparent", "W3C Trace Context. Recorded in the metadata of the command's events."),
];
