//! Jobs as callers see them: how far each has come, which rows it refused, and how to stop it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use platform::json::Json;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::params::{Path, Query};
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::operation::Refusal;
use super::{MailboxSlot, problems};
use crate::jobs::import::{Format, Import, Kind, OnError, Phase, Rows, State as JobState, Stock};
use crate::jobs::store::{self, Filter, Store};
use crate::jobs::upload::UPLOADS_MAX;
use crate::jobs::{Limits, report};

/// Jobs of a page where nothing is said, and at most.
const PAGE: (i64, i64) = (20, 100);

/// Seconds after which it makes sense to try again, and to look at a job again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What the routes of jobs and imports work with.
#[derive(Debug, Clone)]
pub struct Imports {
    /// Where imports are.
    pub store: Store,
    /// How large they may be.
    pub limits: Limits,
    /// Permits for uploads that come in at once.
    pub(super) uploads: Arc<Semaphore>,
}

impl Imports {
    /// Imports that are kept in `store`.
    pub fn new(store: Store, limits: Limits) -> Imports {
        Imports { store, limits, uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }
}

impl FromRequestParts<MailboxSlot> for Imports {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, slot: &MailboxSlot) -> Result<Imports, Problem> {
        slot.imports.clone().ok_or_else(problems::starting)
    }
}

pub(super) fn routes() -> Routes<MailboxSlot> {
    Routes::about("jobs", "What became of imports.")
        .get("/v1/jobs", list, listing())
        .get("/v1/jobs/{id}", show, about("get_job", "Shows a job").answers::<Job>(200, "The job.", &[]))
        .route(
            Method::DELETE,
            "/v1/jobs/{id}",
            cancel,
            about("cancel_job", "Has a job stop")
                .paragraph("One under way stops after its batch; what it has applied stands.")
                .answers::<Job>(200, "It has stopped.", &[])
                .answers::<Job>(202, "It stops after the batch under way.", &ACCEPTED_HEADERS)
                .refuses([(409, "job-state")]),
        )
        .route(
            Method::POST,
            "/v1/jobs/{id}/retry",
            retry,
            about("retry_job", "Has a job tried again that is out of attempts")
                .paragraph("For operators. It gets all attempts again and goes on where it was.")
                .answers::<Job>(202, "It waits for a worker.", &ACCEPTED_HEADERS)
                .refuses([(409, "job-state")]),
        )
        .get(
            "/v1/jobs/{id}/rejections",
            rejections,
            about("get_rejections", "Downloads the rows that took no effect")
                .paragraph(
                    "In the order of their lines, each with its key, the kind of the problem, what is wrong and the row as it \
                     came. Rows of customers are personal data and are left out: find them in the file by their line. As `text/csv`, or as `application/x-ndjson` where `format` or `Accept` say so.",
                )
                .paragraph(
                    "In CSV an apostrophe stands where a spreadsheet would begin a formula (`'=1+1`); NDJSON has the text without. \
                     Bytes that are not UTF-8, and U+0000 in a key, are shown as U+FFFD.",
                )
                .takes([
                    Parameter::query::<Format>("format", "Instead of what `Accept` says."),
                    Parameter::header::<String>("Accept", "`application/x-ndjson` for that; otherwise CSV."),
                ])
                .answers_as::<String>(200, "The report.", "text/csv", &[DISPOSITION])
                .refuses([(400, "invalid-query")]),
        )
}

fn about(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary).path::<Uuid>().refuses([(404, "unknown-job")]).refuses(UNAVAILABLE)
}

fn listing() -> Operation {
    Operation::new("list_jobs", "Lists jobs, the newest first")
        .takes([
            Parameter::query::<Kind>("kind", "Only of this kind."),
            Parameter::query::<JobState>("state", "Only those that stand so."),
            Parameter::query::<PageLimit>("limit", "Jobs of the page; 20 if left out."),
            Parameter::query::<Uuid>("cursor", "`next_cursor` of the page before."),
        ])
        .answers::<Page>(200, "A page.", &[])
        .refuses([(400, "invalid-query")])
        .refuses(UNAVAILABLE)
}

const UNAVAILABLE: [Refusal; 2] = [(503, "database-unavailable"), (503, "starting")];

const DISPOSITION: Header = Header::always::<String>("Content-Disposition", "A name for the file.");

/// Headers of a job that goes on.
pub(super) const ACCEPTED_HEADERS: [Header; 3] = [
    Header::always::<String>("Location", "The job."),
    Header::always::<u64>("Retry-After", "Seconds after which it makes sense to look at it."),
    Header::sometimes::<bool>("Idempotent-Replayed", "`true` where the job is there from an earlier time."),
];

/// How many jobs a page has.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct PageLimit(#[schemars(range(min = 1, max = 100))] i64);

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Job {
    id: Uuid,
    kind: Kind,
    state: JobState,
    format: Format,
    on_error: OnError,
    stock: Stock,
    dry_run: bool,
    progress: Progress,
    attempt: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    links: Links,
}

/// How far a job has come.
#[derive(Debug, Serialize, JsonSchema)]
struct Progress {
    phase: Phase,
    #[serde(flatten)]
    rows: Rows,
    /// Since it was first begun.
    rows_per_second: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancelling: bool,
}

/// Where to go from here.
#[derive(Debug, Serialize, JsonSchema)]
struct Links {
    #[serde(rename = "self")]
    this: String,
    rejections: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<String>,
}

/// Some jobs, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
struct Page {
    jobs: Vec<Job>,
    /// For the page after this one, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

impl From<&Import> for Job {
    fn from(import: &Import) -> Job {
        let this = format!("/v1/jobs/{}", import.id);
        let links = Links {
            rejections: format!("{this}/rejections"),
            retry: import.is_dead.then(|| format!("{this}/retry")),
            this,
        };
        Job {
            id: import.id,
            kind: import.asked.kind,
            state: import.state,
            format: import.asked.format,
            on_error: import.asked.on_error,
            stock: import.asked.stock,
            dry_run: import.asked.dry_run,
            progress: progress(import),
            attempt: import.attempt,
            error: import.error.clone(),
            created_at: import.created_at,
            started_at: import.started_at,
            finished_at: import.finished_at,
            links,
        }
    }
}

fn progress(import: &Import) -> Progress {
    let end = import.finished_at.unwrap_or_else(Utc::now);
    let took = import.started_at.map_or(0.0, |start| (end - start).as_seconds_f64());
    let rate = if took > 0.0 { f64::from(import.rows.read) / took } else { 0.0 };
    let cancelling = import.cancel_requested && !import.state.is_final();
    Progress { phase: import.phase, rows: import.rows, rows_per_second: (rate * 10.0).round() / 10.0, cancelling }
}

/// 202 with the job and where to look for it.
pub(super) fn accepted(import: &Import) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(Job::from(import))).into_response();
    let location = format!("/v1/jobs/{}", import.id);
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::try_from(location).expect("a UUID is a header's value"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    response
}

async fn show(imports: Imports, Path(id): Path<Uuid>) -> Result<Json<Job>, Problem> {
    let import = find(&imports.store, id).await?;
    Ok(Json(Job::from(&import)))
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    kind: Option<Kind>,
    state: Option<JobState>,
    limit: Option<i64>,
    cursor: Option<Uuid>,
}

async fn list(imports: Imports, Query(asked): Query<Listed>) -> Result<Json<Page>, Problem> {
    let limit = asked.limit.unwrap_or(PAGE.0);
    if !(1..=PAGE.1).contains(&limit) {
        let detail = format!("limit must be a whole number from 1 to {}.", PAGE.1);
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-query", "A query parameter is wrong").detail(detail));
    }
    // One more than asked for says whether there is a next page.
    let filter = Filter { kind: asked.kind, state: asked.state, before: asked.cursor, limit: limit + 1 };
    let mut found = imports.store.list(filter).await.map_err(|error| unavailable(&error))?;
    let has_more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| has_more).map(|import| import.id);
    Ok(Json(Page { jobs: found.iter().map(Job::from).collect(), next_cursor }))
}

/// What was applied stands; asking again, or of a job that was cancelled, changes nothing.
async fn cancel(imports: Imports, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    imports.store.cancel(id).await.map_err(|error| unavailable(&error))?;
    let import = find(&imports.store, id).await?;
    match import.state {
        JobState::Cancelled => Ok(Json(Job::from(&import)).into_response()),
        JobState::Queued | JobState::Running => Ok(accepted(&import)),
        JobState::Succeeded | JobState::Failed => {
            Err(job_state(&import, "It has ended and what it applied stands; only a job that has not ended can stop."))
        }
    }
}

/// For operators: a job that is out of attempts gets them all again and goes on where it was.
async fn retry(imports: Imports, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let before = find(&imports.store, id).await?;
    if !before.is_dead {
        return Err(job_state(&before, "Only a job that failed because it was out of attempts can be tried again."));
    }
    imports.store.retry(id).await.map_err(|error| unavailable(&error))?;
    Ok(accepted(&find(&imports.store, id).await?))
}

/// How the report is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    format: Option<Format>,
}

async fn rejections(
    imports: Imports,
    Path(id): Path<Uuid>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let import = find(&imports.store, id).await?;
    let format = wanted.format.unwrap_or_else(|| preferred(&headers));
    let (media_type, extension) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let name = format!("attachment; filename=\"{}-{id}-rejections.{extension}\"", import.asked.kind.as_str());
    let mut response = Response::new(Body::from_stream(report::stream(imports.store, &import, format)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let name = HeaderValue::try_from(name).expect("words and a UUID are a header's value");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// CSV for people, unless the client says that it reads JSON lines.
fn preferred(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match accept.contains("ndjson") {
        true => Format::Ndjson,
        false => Format::Csv,
    }
}

async fn find(store: &Store, id: Uuid) -> Result<Import, Problem> {
    let found = store.find(id).await.map_err(|error| unavailable(&error))?;
    found.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "unknown-job", "The job does not exist")
            .detail(format!("There is no job {id}; jobs are forgotten some days after they end."))
    })
}

fn job_state(import: &Import, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "job-state", "The job's state forbids it")
        .detail(detail)
        .with("state", import.state)
}

pub(super) fn unavailable(error: &store::Error) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "imports cannot be reached");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "The database did not answer in time")
        .detail("Repeat the request, a POST with the same Idempotency-Key, after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}
