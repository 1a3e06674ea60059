//! `POST /v1/imports/{kind}`: takes a body of many rows and answers at once with the job that will work it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use platform::body::{self, coding::Coding};
use platform::content_type;
use platform::metric_names;
use platform::openapi::{Operation, Parameter, Routes};
use platform::params::{Path, Query};
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::jobs::{self, Imports};
use super::operation::{self, Refusal};
use super::{MailboxSlot, problems, reply};
use crate::jobs::import::{Asked, Format, Kind, OnError, Stock};
use crate::jobs::store::{Accepted, New};
use crate::jobs::upload::{Packing, Refused, UPLOADS_MAX, Upload, WAITING_MAX};
use crate::writer::key::Key;

/// The route, with its version and without; it has limits of its own.
pub const PATHS: [&str; 2] = [PATH, "/imports/{kind}"];
const PATH: &str = "/v1/imports/{kind}";

/// Longest that an upload may take.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// Seconds after which an upload may have ended, and after which an import may have.
const UPLOAD_RETRY_SECONDS: u64 = 5;
const WAITING_RETRY_SECONDS: u64 = 30;

/// A client that sends nothing for so long has gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Routes<MailboxSlot> {
    let columns = [Kind::Orders, Kind::Products, Kind::Stock, Kind::Customers]
        .map(|kind| format!("Columns of `{}`: {}.", kind.as_str(), crate::jobs::columns(kind)));
    let operation = Operation::new("import", "Takes many rows and works them as a job")
        .paragraph(NOTES)
        .paragraph(ROWS)
        .paragraph(REPEATS)
        .paragraph(&columns.join("\n\n"))
        .path::<Kind>()
        .takes([
            Parameter::query::<OnError>("on_error", "What rows that cannot take effect mean to the others."),
            Parameter::query::<Stock>("stock", "What orders do to stock."),
            Parameter::query::<bool>("dry_run", "Only to know what would happen."),
            Parameter::header::<operation::Key>(
                "Idempotency-Key",
                "A fresh UUID per import. A repeat has no effect: it returns the same job, or 410 once the job has been deleted.",
            )
            .required(),
            Parameter::header::<ContentEncoding>("Content-Encoding", "How the body is packed."),
        ])
        .body_as::<String>("application/x-ndjson")
        .body_as::<String>("text/csv")
        .answers::<jobs::Job>(202, "It is kept and waits for a worker.", &jobs::ACCEPTED_HEADERS)
        .refuses(REFUSALS);
    Routes::about("imports", "Many rows at once.").route(Method::POST, PATH, import, operation)
}

const NOTES: &str = "Rows as `application/x-ndjson` are documents, one per line: for `orders`, `products` and `customers` the \
    bodies of the corresponding `POST`, for `stock` the body of a receipt or an adjustment with `sku` and `location`. Rows as \
    `text/csv` (RFC 4180, UTF-8) begin with a header, the columns in any order. A row of an order is one of its lines, and the \
    rows of one order stand directly below each other with the same `external_ref`. Every row takes effect or is in the job's report. \
    With `on_error=reject_all` all rows are checked first, and nothing is applied if one cannot be; up to 500 documents that \
    need up to 1,000 commands (a product that exists needs one, and one for each of its prices) are then applied together or not \
    at all, of more a row whose stock was taken by another meanwhile can still end in the report.";

const ROWS: &str = "A row ends at a line break outside quotes: CR, LF or CRLF, also mixed in one file. A line of nothing but white \
    space is not a row, and a byte order mark before a row is ignored. A row is rejected with everything in it (`malformed-csv`, \
    `malformed-json`) if it is not exactly one record: a quote is not closed, text follows a closing quote, the number of values \
    is not that of the header, the text is not UTF-8, or the row repeats the header. `dry_run` reads the same rows. A header names \
    at most 256 columns.";

const REPEATS: &str = "Rows may concern the same thing. Each row of `stock` is a movement of its own. A later row of a product \
    changes what an earlier row said. A second customer with the same e-mail address is rejected. An order whose rows stand in \
    more than one place of a CSV file is rejected with all its rows (`rows-not-adjacent`), because an order without some of its \
    lines would be wrong: sort the file by `external_ref` and import it again. So is an order of more than 500 rows or 4 MiB. Of several NDJSON documents with the same \
    `external_ref` the first is placed, and the report of the others names its line.";

const REFUSALS: [Refusal; 15] = [
    (400, "idempotency-key-missing"),
    (400, "idempotency-key-invalid"),
    (400, "invalid-query"),
    (400, "malformed-gzip"),
    (410, "job-forgotten"),
    (413, "too-many-rows"),
    (413, "row-too-long"),
    (415, "content-encoding"),
    (422, "idempotency-key-reused"),
    (422, "invalid-header"),
    (422, "no-rows"),
    (503, "database-unavailable"),
    (503, "starting"),
    (503, "too-many-imports"),
    (503, "too-many-uploads"),
];

/// How a body may be packed.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ContentEncoding {
    Identity,
    Gzip,
}

/// Parameters of an import.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    on_error: OnError,
    #[serde(default)]
    stock: Stock,
    #[serde(default)]
    dry_run: bool,
}

async fn import(
    imports: Imports,
    Path(kind): Path<Kind>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let asked = match asked(kind, &parameters, &parts.headers) {
        Ok(asked) => asked,
        Err(problem) => {
            // Unread bytes would reset the connection under the answer.
            body::discard(body).await;
            return Err(problem);
        }
    };
    let _place = match begin(&imports).await {
        Ok(place) => place,
        Err(problem) => {
            body::discard(body).await;
            return Err(problem);
        }
    };
    let upload = Upload::begin(imports.store.clone(), asked.asked, asked.packing, imports.limits.clone());
    let id = upload.id();
    let new = match receive(upload, body, asked.key).await {
        Ok(new) => new,
        Err(problem) => {
            Upload::undo(&imports.store, id).await;
            return Err(problem);
        }
    };
    let accepted = imports.store.accept(&new).await;
    let is_needed = match &accepted {
        Ok(Accepted::Queued(_)) => true,
        Ok(Accepted::Known(_) | Accepted::Forgotten(_) | Accepted::KeyReused) => false,
        // Without an answer the import may be queued, now or in a moment: then its rows must stay.
        Err(error) => !error.was_not_asked(),
    };
    if !is_needed {
        Upload::undo(&imports.store, id).await;
    }
    match accepted.map_err(|error| jobs::unavailable(&error))? {
        Accepted::Queued(import) => Ok(jobs::accepted(&import)),
        Accepted::Known(import) => Ok(reply::replayed(jobs::accepted(&import))),
        Accepted::Forgotten(id) => Err(forgotten(id)),
        Accepted::KeyReused => Err(problems::key_reused()),
    }
}

/// A place for an upload, if there is one for the upload and for what it brings.
async fn begin(imports: &Imports) -> Result<SemaphorePermit<'_>, Problem> {
    let place = imports.uploads.try_acquire().map_err(|_| too_many_uploads())?;
    let waiting = imports.store.waiting_bytes().await.map_err(|error| jobs::unavailable(&error))?;
    match waiting < imports.limits.bytes.saturating_mul(WAITING_MAX) {
        true => Ok(place),
        false => Err(too_many_imports(waiting)),
    }
}

fn too_many_uploads() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-uploads", "Too many imports are being uploaded")
        .detail(format!(
            "{UPLOADS_MAX} uploads are received at once. This one was not accepted. Repeat the request with the same Idempotency-Key after \
             a short while."
        ))
        .retry_after(UPLOAD_RETRY_SECONDS)
}

fn too_many_imports(waiting_bytes: u64) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-imports", "Too many imports are waiting")
        .detail(format!(
            "Imports that have not ended hold {waiting_bytes} bytes. This one was not accepted. Repeat the request with the same \
             Idempotency-Key when some of them have ended, or retry or cancel those that failed."
        ))
        .retry_after(WAITING_RETRY_SECONDS)
}

fn forgotten(id: Uuid) -> Problem {
    Problem::new(StatusCode::GONE, "job-forgotten", "The import ended some time ago and its job was deleted")
        .detail(format!(
            "The import with this Idempotency-Key was job {id}; its rows took effect then, or not, as its report said. Nothing \
             was done now. Send what you want to import now with a key of its own."
        ))
        .with("job", id)
}

/// What the head of a request says.
struct Head {
    asked: Asked,
    packing: Packing,
    key: Uuid,
}

fn asked(kind: Kind, parameters: &Parameters, headers: &HeaderMap) -> Result<Head, Problem> {
    let Parameters { on_error, stock, dry_run } = *parameters;
    let asked = Asked { kind, format: format(headers)?, on_error, stock, dry_run };
    let key = headers.get("idempotency-key").ok_or_else(problems::key_missing)?;
    let key = Key::id_of(key.to_str().unwrap_or_default()).map_err(|error| problems::invalid_key(&error))?;
    Ok(Head { asked, packing: packing(headers)?, key })
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let found = content_type::of_text(headers).unwrap_or_else(|found| found);
    match found.as_str() {
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Ndjson),
        "text/csv" => Ok(Format::Csv),
        _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "The body's type is not supported")
            .detail(format!(
                "Send rows with one header Content-Type: application/x-ndjson or text/csv, in UTF-8 (found: {found})."
            ))),
    }
}

fn packing(headers: &HeaderMap) -> Result<Packing, Problem> {
    Coding::of(headers).map(|coding| match coding {
        Coding::Identity => Packing::Plain,
        Coding::Gzip => Packing::Gzip,
    })
}

async fn receive(mut upload: Upload, mut body: Body, key: Uuid) -> Result<New, Problem> {
    loop {
        let Ok(frame) = tokio::time::timeout(STALL_TIMEOUT, body.frame()).await else { return Err(body::too_slow()) };
        let Some(frame) = frame else { return upload.finish(key).await.map_err(|refused| problem_of(&refused)) };
        let frame = frame.map_err(|error| body::problem_of(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        metrics::counter!(metric_names::IMPORT_BYTES_TOTAL).increment(data.len() as u64);
        if let Err(error) = upload.take(&data).await {
            body::discard(body).await;
            return Err(problem_of(&error));
        }
    }
}

fn problem_of(refused: &Refused) -> Problem {
    let (status, kind, title) = match refused {
        Refused::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
        Refused::TooManyRows(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-many-rows", "The body has too many rows"),
        Refused::RowTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "row-too-long", "A row is too long"),
        Refused::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "no-rows", "The body has no rows"),
        Refused::Gzip(_) => (StatusCode::BAD_REQUEST, "malformed-gzip", "The body cannot be unpacked"),
        Refused::Header(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-header", "The first row is not a header"),
        Refused::Store(error) => return jobs::unavailable(error),
    };
    let detail = match refused {
        Refused::TooLarge(max) => format!("Unpacked it may have {max} bytes. Split it."),
        Refused::TooManyRows(max) => format!("It may have {max} rows. Split it."),
        Refused::Header(error) => format!("In the header: {error}."),
        Refused::Gzip(error) => format!("It is not what gzip makes: {error}."),
        Refused::RowTooLong { .. } | Refused::Empty | Refused::Store(_) => format!("Nothing was taken: {refused}."),
    };
    Problem::new(status, kind, title).detail(detail)
}
