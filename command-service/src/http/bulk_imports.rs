//! `POST /v1/imports/{kind}`: starts a bulk import. The body is stored while it is received; the response is the job that will execute
//! the rows ([`super::jobs`]).

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use http_body_util::BodyExt;
use platform::body::{self, coding::Coding};
use platform::content_type;
use platform::metric_names;
use platform::openapi::{Operation, Parameter, Routes};
use platform::params::{Path, Query};
use platform::problem::{Problem, ProblemType, types};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::parameters::IdempotencyKey;
use super::problem_types::*;
use super::state::{BulkImports, HttpState};
use super::{bulk_import_problems as problems, jobs, problems as command_problems, responses};
use crate::jobs::import::{ImportKind, ImportOptions, OnError, RowFormat, StockEffect};
use crate::jobs::store::{Accepted, New};
use crate::jobs::upload::{Packing, Upload, WAITING_MAX};
use crate::writer::key::Key;

/// The route, with its version and without. Its limits differ from those of other routes.
pub const PATHS: [&str; 2] = [PATH, "/imports/{kind}"];
const PATH: &str = "/v1/imports/{kind}";

/// Time limit of an upload.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// An upload is ended if the client sends nothing for this time.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Routes<HttpState> {
    let columns = [ImportKind::Orders, ImportKind::Products, ImportKind::Stock, ImportKind::Customers]
        .map(|kind| format!("Columns of `{}`: {}.", kind.as_str(), crate::jobs::kind::columns(kind)));
    let operation = Operation::new("import", "Start a bulk import")
        .paragraph(NOTES)
        .paragraph(ROWS)
        .paragraph(REPEATED_ROWS)
        .paragraph(&columns.join("\n\n"))
        .path::<ImportKind>()
        .takes([
            Parameter::query::<OnError>("on_error", "Effect of rows that are rejected on the other rows."),
            Parameter::query::<StockEffect>("stock", "Effect of imported orders on stock."),
            Parameter::query::<bool>("dry_run", "`true`: check the rows without applying them."),
            Parameter::header::<IdempotencyKey>(
                "Idempotency-Key",
                "Identifies the bulk import. Send a new UUID for each bulk import. A repeat has no effect: it returns the same job, or 410 \
                 once the job has been deleted.",
            )
            .required(),
            Parameter::header::<ContentEncoding>("Content-Encoding", "Compression of the body."),
        ])
        .body_as::<String>("application/x-ndjson")
        .body_as::<String>("text/csv")
        .answers::<jobs::Job>(202, "The rows are stored, and the job is queued.", &jobs::ACCEPTED_HEADERS)
        .refuses(PROBLEMS);
    Routes::about("imports", "Bulk imports of orders, products, stock and customers.").route(
        Method::POST,
        PATH,
        import,
        operation,
    )
}

const NOTES: &str = "Stores the rows of the body and executes them in the background as a job. `application/x-ndjson`: one JSON document per \
    line; for `orders`, `products` and `customers` the body of the corresponding `POST`, for `stock` the body of a receipt or an adjustment \
    with `sku` and `location`. `text/csv` (RFC 4180, UTF-8): the first row is a header, the columns can be in any order. A CSV row of \
    `orders` is one order line; the rows of one order have the same `external_ref` and follow each other directly. Every row either takes \
    effect or is listed in the rejection report of the job. With `on_error=reject_all`, all rows are checked first, and no row is applied if \
    one is rejected. Up to 500 documents that require up to 1,000 commands (an existing product requires one command, and one per price) are \
    then applied atomically; in a larger bulk import, a row can still be rejected if its stock was reserved by others in the meantime.";

const ROWS: &str = "A row ends at a line break outside quotes: CR, LF or CRLF, which can be mixed in one file. Lines that contain only white \
    space are ignored, as is a byte order mark before a row. A row that is not exactly one record is rejected as a whole (`malformed-csv`, \
    `malformed-json`): a quote is not closed, text follows a closing quote, the number of values differs from the header, the text is not \
    UTF-8, or the row repeats the header. The same rules apply with `dry_run`. A header has at most 256 columns.";

const REPEATED_ROWS: &str = "Several rows can refer to the same thing. Each row of `stock` is a separate stock movement. A later row of a \
    product updates the product of an earlier row. A second customer with the same e-mail address is rejected. An order whose CSV rows do \
    not follow each other directly is rejected with all its rows (`rows-not-adjacent`), because an order without some of its lines would be \
    wrong: sort the file by `external_ref` and import it again. An order of more than 500 rows or 4 MiB is rejected, too. Of several NDJSON \
    documents with the same `external_ref`, the first is placed; the rejection report of the others contains its line.";

const PROBLEMS: [ProblemType; 15] = [
    IDEMPOTENCY_KEY_MISSING,
    IDEMPOTENCY_KEY_INVALID,
    types::INVALID_QUERY,
    types::MALFORMED_GZIP,
    JOB_FORGOTTEN,
    TOO_MANY_ROWS,
    ROW_TOO_LONG,
    types::CONTENT_ENCODING,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_HEADER,
    NO_ROWS,
    DATABASE_UNAVAILABLE,
    STARTING,
    TOO_MANY_IMPORTS,
    TOO_MANY_UPLOADS,
];

/// Values of `Content-Encoding`.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ContentEncoding {
    Identity,
    Gzip,
}

/// Query parameters of a bulk import.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    on_error: OnError,
    #[serde(default)]
    stock: StockEffect,
    #[serde(default)]
    dry_run: bool,
}

async fn import(
    imports: BulkImports,
    Path(kind): Path<ImportKind>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let started = match ImportRequest::parse(kind, &parameters, &parts.headers) {
        Ok(request) => reserve_upload(&imports).await.map(|permit| (request, permit)),
        Err(problem) => Err(problem),
    };
    let (request, _permit) = match started {
        Ok(started) => started,
        Err(problem) => {
            // Unread bytes would reset the connection before the client reads the response.
            body::discard(body).await;
            return Err(problem);
        }
    };
    let upload = Upload::begin(imports.store.clone(), request.options, request.packing, imports.limits.clone());
    let id = upload.id();
    let new = match receive(upload, body, request.key).await {
        Ok(new) => new,
        Err(problem) => {
            Upload::undo(&imports.store, id).await;
            return Err(problem);
        }
    };
    let accepted = imports.store.accept(&new).await;
    let are_rows_needed = match &accepted {
        Ok(Accepted::Queued(_)) => true,
        Ok(Accepted::Known(_) | Accepted::Forgotten(_) | Accepted::KeyReused) => false,
        // Without a reply of the database, the job may be queued now or in a moment: then its rows are needed.
        Err(error) => !error.was_not_sent(),
    };
    if !are_rows_needed {
        Upload::undo(&imports.store, id).await;
    }
    match accepted.map_err(|error| problems::database_unavailable(&error))? {
        Accepted::Queued(import) => Ok(jobs::accepted(&import)),
        Accepted::Known(import) => Ok(responses::replayed(jobs::accepted(&import))),
        Accepted::Forgotten(id) => Err(problems::job_deleted(id)),
        Accepted::KeyReused => Err(command_problems::key_reused()),
    }
}

/// A permit for an upload, if the limits of concurrent uploads and of waiting rows allow it.
async fn reserve_upload(imports: &BulkImports) -> Result<SemaphorePermit<'_>, Problem> {
    let permit = imports.uploads.try_acquire().map_err(|_| problems::too_many_uploads())?;
    let waiting = imports.store.waiting_bytes().await.map_err(|error| problems::database_unavailable(&error))?;
    match waiting < imports.limits.bytes.saturating_mul(WAITING_MAX) {
        true => Ok(permit),
        false => Err(problems::too_many_imports(waiting)),
    }
}

/// The request for a bulk import, without the body.
struct ImportRequest {
    options: ImportOptions,
    packing: Packing,
    key: Uuid,
}

impl ImportRequest {
    fn parse(kind: ImportKind, parameters: &Parameters, headers: &HeaderMap) -> Result<ImportRequest, Problem> {
        let Parameters { on_error, stock, dry_run } = *parameters;
        let options = ImportOptions { kind, format: format(headers)?, on_error, stock, dry_run };
        let key = headers.get("idempotency-key").ok_or_else(command_problems::key_missing)?;
        let key =
            Key::id_of(key.to_str().unwrap_or_default()).map_err(|error| command_problems::invalid_key(&error))?;
        Ok(ImportRequest { options, packing: packing(headers)?, key })
    }
}

fn format(headers: &HeaderMap) -> Result<RowFormat, Problem> {
    let found = content_type::of_text(headers).unwrap_or_else(|found| found);
    match found.as_str() {
        "application/x-ndjson" | "application/ndjson" => Ok(RowFormat::Ndjson),
        "text/csv" => Ok(RowFormat::Csv),
        _ => Err(problems::unsupported_format(&found)),
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
        let Some(frame) = frame else {
            return upload.finish(key).await.map_err(|refused| problems::upload_refused(&refused));
        };
        let frame = frame.map_err(|error| body::problem_of(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        metrics::counter!(metric_names::IMPORT_BYTES_TOTAL).increment(data.len() as u64);
        if let Err(refused) = upload.take(&data).await {
            body::discard(body).await;
            return Err(problems::upload_refused(&refused));
        }
    }
}
