//! Jobs, which execute bulk imports: list, progress, cancellation, retry and the report of rejected rows.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use platform::json::Json;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::params::{Path, Query};
use platform::problem::{Problem, ProblemType, types};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bulk_import_problems as problems;
use super::problem_types::{DATABASE_UNAVAILABLE, JOB_STATE, STARTING, UNKNOWN_JOB};
use super::state::{BulkImports, HttpState};
use crate::jobs::import::{Import, ImportKind, JobPhase, JobState, OnError, RowFormat, Rows, StockEffect};
use crate::jobs::report;
use crate::jobs::store::{Filter, Store};

/// Default and maximum number of jobs per page.
const PAGE: (i64, i64) = (20, 100);

pub(super) fn routes() -> Routes<HttpState> {
    Routes::about("jobs", "Jobs, which execute bulk imports.")
        .get("/v1/jobs", list, list_operation())
        .get("/v1/jobs/{id}", show, operation("get_job", "Get a job").answers::<Job>(200, "The job.", &[]))
        .route(
            Method::DELETE,
            "/v1/jobs/{id}",
            cancel,
            operation("cancel_job", "Cancel a job")
                .paragraph("A running job stops after its current batch. The rows that were applied before stay applied.")
                .answers::<Job>(200, "The job is cancelled.", &[])
                .answers::<Job>(202, "The job stops after its current batch.", &ACCEPTED_HEADERS)
                .refuses([JOB_STATE]),
        )
        .route(
            Method::POST,
            "/v1/jobs/{id}/retry",
            retry,
            operation("retry_job", "Retry a failed job")
                .paragraph("For operators: queues a job that failed after its last attempt. The job continues where it failed.")
                .answers::<Job>(202, "The job is queued.", &ACCEPTED_HEADERS)
                .refuses([JOB_STATE]),
        )
        .get(
            "/v1/jobs/{id}/rejections",
            rejections,
            operation("get_rejections", "Download the rejected rows of a job")
                .paragraph(
                    "The rejected rows in the order of their lines, each with its line, its key, the problem type, the reason and the original \
                     row. The rows of customers are personal data and are left out; the line identifies the row in the imported file. The \
                     report is `text/csv`, or `application/x-ndjson` if `format` or `Accept` ask for it.",
                )
                .paragraph(
                    "In CSV, text that a spreadsheet would execute as a formula starts with an apostrophe (`'=1+1`); NDJSON contains the text \
                     unchanged. Bytes that are not UTF-8, and U+0000 in a key, are replaced by U+FFFD.",
                )
                .takes([
                    Parameter::query::<RowFormat>("format", "Format of the report; takes precedence over `Accept`."),
                    Parameter::header::<String>("Accept", "`application/x-ndjson` for NDJSON; CSV otherwise."),
                ])
                .answers_as::<String>(200, "The rejection report.", "text/csv", &[DISPOSITION])
                .refuses([types::INVALID_QUERY]),
        )
}

/// An operation on one job.
fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary).path::<Uuid>().refuses([UNKNOWN_JOB]).refuses(UNAVAILABLE)
}

fn list_operation() -> Operation {
    Operation::new("list_jobs", "List jobs, newest first")
        .takes([
            Parameter::query::<ImportKind>("kind", "Return only jobs that import this kind of rows."),
            Parameter::query::<JobState>("state", "Return only jobs in this state."),
            Parameter::query::<PageLimit>("limit", "Maximum number of jobs in the page; 20 by default."),
            Parameter::query::<Uuid>("cursor", "`next_cursor` of the previous page."),
        ])
        .answers::<JobPage>(200, "A page of jobs.", &[])
        .refuses([types::INVALID_QUERY])
        .refuses(UNAVAILABLE)
}

const UNAVAILABLE: [ProblemType; 2] = [DATABASE_UNAVAILABLE, STARTING];

const DISPOSITION: Header = Header::always::<String>("Content-Disposition", "File name of the report.");

/// Headers of the response for a job that has not ended.
pub(super) const ACCEPTED_HEADERS: [Header; 3] = [
    Header::always::<String>("Location", "Path of the job."),
    Header::always::<u64>("Retry-After", "Seconds to wait before requesting the job."),
    Header::sometimes::<bool>(
        "Idempotent-Replayed",
        "`true` if an earlier request with the same idempotency key created the job.",
    ),
];

/// Maximum number of jobs in a page.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct PageLimit(#[schemars(range(min = 1, max = 100))] i64);

/// A job, which executes a bulk import.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Job {
    /// Id of the job: a UUID version 7.
    id: Uuid,
    kind: ImportKind,
    state: JobState,
    format: RowFormat,
    on_error: OnError,
    stock: StockEffect,
    /// Whether the rows are checked without applying them.
    dry_run: bool,
    progress: JobProgress,
    /// Number of times that a worker started the job.
    attempt: i32,
    /// Error of the last failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Instant at which the bulk import was accepted.
    created_at: DateTime<Utc>,
    /// Instant at which a worker first started the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    /// Instant at which the job ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    links: JobLinks,
}

/// Progress of a job.
#[derive(Debug, Serialize, JsonSchema)]
struct JobProgress {
    phase: JobPhase,
    #[serde(flatten)]
    rows: Rows,
    /// Rows processed per second since the job was first started.
    rows_per_second: f64,
    /// Whether the job is about to stop, because it was cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancelling: bool,
}

/// Paths of related resources.
#[derive(Debug, Serialize, JsonSchema)]
struct JobLinks {
    /// The job.
    #[serde(rename = "self")]
    this: String,
    /// The report of rejected rows.
    rejections: String,
    /// `POST` to this path retries the job. Present if the job failed after its last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Serialize, JsonSchema)]
struct JobPage {
    /// The jobs, newest first.
    jobs: Vec<Job>,
    /// `cursor` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

impl From<&Import> for Job {
    fn from(import: &Import) -> Job {
        let this = format!("/v1/jobs/{}", import.id);
        let links = JobLinks {
            rejections: format!("{this}/rejections"),
            retry: import.is_dead.then(|| format!("{this}/retry")),
            this,
        };
        Job {
            id: import.id,
            kind: import.options.kind,
            state: import.state,
            format: import.options.format,
            on_error: import.options.on_error,
            stock: import.options.stock,
            dry_run: import.options.dry_run,
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

fn progress(import: &Import) -> JobProgress {
    let end = import.finished_at.unwrap_or_else(Utc::now);
    let took = import.started_at.map_or(0.0, |start| (end - start).as_seconds_f64());
    let rate = if took > 0.0 { f64::from(import.rows.read) / took } else { 0.0 };
    let cancelling = import.cancel_requested && !import.state.is_final();
    JobProgress { phase: import.phase, rows: import.rows, rows_per_second: (rate * 10.0).round() / 10.0, cancelling }
}

/// The response 202 with the job.
pub(super) fn accepted(import: &Import) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(Job::from(import))).into_response();
    let location = format!("/v1/jobs/{}", import.id);
    let headers = response.headers_mut();
    headers
        .insert(header::LOCATION, HeaderValue::try_from(location).expect("a path with a UUID is a valid header value"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(problems::RETRY_AFTER_SECONDS));
    response
}

async fn show(imports: BulkImports, Path(id): Path<Uuid>) -> Result<Json<Job>, Problem> {
    let import = find(&imports.store, id).await?;
    Ok(Json(Job::from(&import)))
}

/// Query parameters of the list of jobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    kind: Option<ImportKind>,
    state: Option<JobState>,
    limit: Option<i64>,
    cursor: Option<Uuid>,
}

async fn list(imports: BulkImports, Query(parameters): Query<ListParameters>) -> Result<Json<JobPage>, Problem> {
    let ListParameters { kind, state, limit, cursor } = parameters;
    let limit = limit.unwrap_or(PAGE.0);
    if !(1..=PAGE.1).contains(&limit) {
        return Err(problems::invalid_page_limit(PAGE.1));
    }
    // One more job than requested shows whether there is a next page.
    let filter = Filter { kind, state, before: cursor, limit: limit + 1 };
    let mut found = imports.store.list(filter).await.map_err(|error| problems::database_unavailable(&error))?;
    let has_more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| has_more).map(|import| import.id);
    Ok(Json(JobPage { jobs: found.iter().map(Job::from).collect(), next_cursor }))
}

/// Applied rows stay applied. Cancelling a cancelled job has no effect.
async fn cancel(imports: BulkImports, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    imports.store.cancel(id).await.map_err(|error| problems::database_unavailable(&error))?;
    let import = find(&imports.store, id).await?;
    match import.state {
        JobState::Cancelled => Ok(Json(Job::from(&import)).into_response()),
        JobState::Queued | JobState::Running => Ok(accepted(&import)),
        JobState::Succeeded | JobState::Failed => {
            Err(problems::job_state(&import, "The job has ended. Only a queued or running job can be cancelled."))
        }
    }
}

/// Queues a failed job again, with the full number of attempts.
async fn retry(imports: BulkImports, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let before = find(&imports.store, id).await?;
    if !before.is_dead {
        return Err(problems::job_state(&before, "Only a job that failed after its last attempt can be retried."));
    }
    imports.store.retry(id).await.map_err(|error| problems::database_unavailable(&error))?;
    Ok(accepted(&find(&imports.store, id).await?))
}

/// Query parameters of the rejection report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParameters {
    format: Option<RowFormat>,
}

async fn rejections(
    imports: BulkImports,
    Path(id): Path<Uuid>,
    Query(parameters): Query<ReportParameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let import = find(&imports.store, id).await?;
    let format = parameters.format.unwrap_or_else(|| accepted_format(&headers));
    let (media_type, extension) = match format {
        RowFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        RowFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let name = format!("attachment; filename=\"{}-{id}-rejections.{extension}\"", import.options.kind.as_str());
    let mut response = Response::new(Body::from_stream(report::stream(imports.store, &import, format)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let name = HeaderValue::try_from(name).expect("a file name with a UUID is a valid header value");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// The format that `Accept` asks for; CSV by default, because people read the report.
fn accepted_format(headers: &HeaderMap) -> RowFormat {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match accept.contains("ndjson") {
        true => RowFormat::Ndjson,
        false => RowFormat::Csv,
    }
}

async fn find(store: &Store, id: Uuid) -> Result<Import, Problem> {
    let found = store.find(id).await.map_err(|error| problems::database_unavailable(&error))?;
    found.ok_or_else(|| problems::unknown_job(id))
}
