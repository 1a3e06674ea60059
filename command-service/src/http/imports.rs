//! `POST /v1/imports/{kind}`: takes a body of many rows and answers at once with the job that will work it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use http_body_util::BodyExt;
use platform::body;
use platform::metric_names;
use platform::params::{Path, Query};
use platform::problem::Problem;
use serde::Deserialize;
use uuid::Uuid;

use super::jobs::{self, Imports};
use super::reply;
use crate::jobs::import::{Asked, Format, Kind, OnError, Stock};
use crate::jobs::store::{Accepted, New};
use crate::jobs::upload::{Packing, Refused, Upload};
use crate::writer::key;

/// The route; it has limits of its own.
pub const PATH: &str = "/v1/imports/{kind}";

/// Longest that an upload may take.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// A client that sends nothing for so long has gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Imports> {
    Router::new().route(PATH, post(import))
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
    State(imports): State<Imports>,
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
    let upload = Upload::begin(imports.store.clone(), asked.asked, asked.packing, imports.limits.clone());
    let id = upload.id();
    let accepted = match receive(upload, body, asked.key).await {
        Ok(new) => imports.store.accept(&new).await.map_err(|error| jobs::unavailable(&error)),
        Err(problem) => Err(problem),
    };
    if !matches!(accepted, Ok(Accepted::Queued(_))) {
        Upload::undo(&imports.store, id).await;
    }
    match accepted? {
        Accepted::Queued(import) => Ok(jobs::accepted(&import)),
        Accepted::Known(import) => Ok(reply::replayed(jobs::accepted(&import))),
        Accepted::KeyReused => Err(reply::key_reused()),
    }
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
    let key = headers.get("idempotency-key").ok_or_else(reply::key_missing)?;
    let key = key::id_of(key.to_str().unwrap_or_default()).map_err(|error| reply::invalid_key(&error))?;
    Ok(Head { asked, packing: packing(headers)?, key })
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let mut parts = found.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = parts.all(|part| part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8"));
    match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" if is_utf8 => Ok(Format::Ndjson),
        "text/csv" if is_utf8 => Ok(Format::Csv),
        _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "The body's type is not supported")
            .detail(format!(
                "Send rows with the header Content-Type: application/x-ndjson or text/csv, in UTF-8 (found: {found})."
            ))),
    }
}

fn packing(headers: &HeaderMap) -> Result<Packing, Problem> {
    let found = headers.get(header::CONTENT_ENCODING).map_or(Ok("identity"), |value| value.to_str());
    match found.unwrap_or("unreadable").trim().to_ascii_lowercase().as_str() {
        "identity" => Ok(Packing::Plain),
        "gzip" => Ok(Packing::Gzip),
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding",
            "The body's encoding is not supported",
        )
        .detail(format!("Send the body as it is or with Content-Encoding: gzip (found: {other})."))),
    }
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
