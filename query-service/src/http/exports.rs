//! `/v1/exports`: exports of whole lists and reports to files. [`document`] is an export as clients see it, [`file`] the download;
//! [`crate::exports`] executes the exports.

pub(super) mod document;
mod file;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use platform::json::Json;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::exports::job::Format;
use crate::exports::jobs::{Created, NewExport};
use crate::http::app::App;
use crate::http::export_query;
use crate::http::page::{self, PageBody, PageRequest};
use crate::http::parameters::Parameters;
use crate::http::problem_types::{
    EXPORT_FILE_DELETED, EXPORT_LINK_EXPIRED, EXPORT_NOT_FOUND, EXPORTS_OFF, EXPORTS_UNAVAILABLE,
    IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, INVALID_CURSOR, INVALID_EXPORT_LINK, INVALID_QUERY,
    TOO_MANY_EXPORTS,
};
use crate::http::{documentation, export_problems};
use document::Export;

/// The routes that take a body, whose size is limited.
pub(crate) const PATHS: [&str; 2] = [PATH, "/exports"];
const PATH: &str = "/v1/exports";
/// Largest body of a request: a query and a few short members.
pub(crate) const BODY_BYTES_MAX: u64 = 16 << 10;
/// Characters of the longest idempotency key.
const KEY_CHARS_MAX: usize = 255;
/// The header of idempotency keys.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An export to be created.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewExportBody {
    /// Path and query of the list or report, without `limit`, `cursor` and `format`: `/v1/orders`, `/v1/products`, `/v1/customers`,
    /// `/v1/stock`, or a report, such as `/v1/reports/sales?from=2026-01-01&to=2026-02-01`.
    #[schemars(length(min = 1, max = 4_000))]
    query: String,
    /// Format of the file.
    format: Format,
}

/// An idempotency key.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct IdempotencyKey(#[schemars(length(min = 1, max = 255), regex(pattern = r"^[!-~]+$"))] String);

const ACCEPTED_HEADERS: [Header; 3] = [
    Header::always::<String>("Location", "Path of the export."),
    Header::always::<u64>("Retry-After", "Seconds to wait before requesting the export."),
    Header::sometimes::<bool>(
        "Idempotent-Replayed",
        "`true` if an earlier request with the same idempotency key created the export.",
    ),
];

const LINK: Header = Header::sometimes::<String>("Link", "The URI of the next page, with `rel=\"next\"` (RFC 8288).");

/// The routes of exports.
pub(super) fn routes() -> Routes<App> {
    let create = operation("create_export", "Start an export")
        .paragraph(
            "Exports a whole list or report to a file: all rows that match, in the order of the list, from one snapshot of the read \
             model. The filters are those of the list or report and are checked at once. The file is written in the background; \
             request the export until its state is `complete`, and download `file.href`.",
        )
        .paragraph(
            "`ndjson` has the documents of the list or the rows of the report, one a line. `csv` and `parquet` have flat columns \
             without personal data; sets and maps, such as `tags` and `prices`, are JSON texts.",
        )
        .takes([Parameter::header::<IdempotencyKey>(
            "Idempotency-Key",
            "Identifies the export. A repeat with the same key and body returns the same export, as long as it is kept. Send a new \
             UUID for each export.",
        )])
        .body::<NewExportBody>()
        .example(serde_json::json!({ "query": "/v1/orders?channel=web", "format": "csv" }))
        .answers::<Export>(202, "The export is created.", &ACCEPTED_HEADERS)
        .refuses([
            INVALID_QUERY.documented(),
            IDEMPOTENCY_KEY_INVALID.documented(),
            IDEMPOTENCY_KEY_REUSED.documented(),
            TOO_MANY_EXPORTS.documented(),
        ]);
    let list = operation("list_exports", "List exports, newest first")
        .takes(documentation::PAGING)
        .answers::<PageBody<'static, Export>>(200, "A page of exports.", &[LINK])
        .refuses([INVALID_QUERY.documented(), INVALID_CURSOR.documented()]);
    let show = of_one("show_export", "Get an export")
        .paragraph("Each response has a new link to the file, which is valid for one hour.")
        .answers::<Export>(200, "The export.", &[]);
    let delete = of_one("delete_export", "Cancel and delete an export")
        .paragraph("Deletes the file; an export that is queued or running is cancelled.")
        .answers_nothing(204, "The export is deleted.", &[]);
    let download = of_one("download_export", "Download the file of an export")
        .paragraph("The link is `file.href` of the export.")
        .takes(file::parameters())
        .answers_as::<String>(200, "The file.", "application/octet-stream", &file::HEADERS)
        .refuses([INVALID_EXPORT_LINK.documented(), EXPORT_LINK_EXPIRED.documented(), EXPORT_FILE_DELETED.documented()])
        .refuses(documentation::DATABASE_PROBLEMS);
    Routes::about("exports", "Exports of whole lists and reports to files.")
        .route(Method::POST, PATH, self::create, create)
        .get(PATH, self::list, list)
        .get("/v1/exports/{id}", self::show, show)
        .route(Method::DELETE, "/v1/exports/{id}", self::delete, delete)
        .get("/v1/exports/{id}/file", file::download, download)
}

/// The documentation of an operation on exports.
pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary).refuses([EXPORTS_OFF.documented(), EXPORTS_UNAVAILABLE.documented()])
}

fn of_one(id: &'static str, summary: &'static str) -> Operation {
    operation(id, summary).path::<Uuid>().refuses([INVALID_QUERY.documented(), EXPORT_NOT_FOUND.documented()])
}

async fn create(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<NewExportBody>,
) -> Result<Response, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    let key = idempotency_key(&headers)?;
    export_query::parse(&body.query)?;
    let new = NewExport { query: body.query, format: body.format };
    let (export, is_repeat) =
        match exports.jobs.create(new, key).await.map_err(|error| export_problems::store(&error))? {
            Created::New(export) => (export, false),
            Created::Known(export) => (export, true),
            Created::KeyReused => return Err(export_problems::idempotency_key_reused()),
            Created::QueueFull => return Err(export_problems::too_many_exports()),
        };
    let location = format!("{PATH}/{}", export.job.id);
    let mut response = (StatusCode::ACCEPTED, Json(Export::of(exports, &export))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::try_from(location).expect("a path with a UUID is a header value"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
    if is_repeat {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = key.to_str().ok().filter(|text| (1..=KEY_CHARS_MAX).contains(&text.len()));
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    match (text, headers.get_all(IDEMPOTENCY_KEY).iter().count()) {
        (Some(text), 1) => Ok(Some(text)),
        _ => Err(export_problems::invalid_idempotency_key(KEY_CHARS_MAX)),
    }
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let exports = app.exports()?;
    let (request, _) = PageRequest::read(app.clone(), uri, &headers, &page::PARAMETERS)?;
    let before = request.after(|key| Uuid::from_slice(key).ok())?;
    let found = exports.jobs.list(before, usize::from(request.limit)).await;
    let (found, last) = found.map_err(|error| export_problems::store(&error))?;
    let items: Vec<Export> = found.iter().map(|export| Export::of(exports, export)).collect();
    request.respond_live(&items, last.map(|id| id.as_bytes().to_vec()).as_deref())
}

async fn show(State(app): State<App>, Path(id): Path<Uuid>, uri: Uri) -> Result<Json<Export>, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    let found = exports.jobs.find(id).await.map_err(|error| export_problems::store(&error))?;
    let found = found.ok_or_else(|| export_problems::export_not_found(id))?;
    Ok(Json(Export::of(exports, &found)))
}

async fn delete(State(app): State<App>, Path(id): Path<Uuid>, uri: Uri) -> Result<StatusCode, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    match exports.jobs.delete(id).await.map_err(|error| export_problems::store(&error))? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(export_problems::export_not_found(id)),
    }
}
