//! `/v1/export-schedules`: recurring exports. [`crate::exports::schedules`] creates their exports.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use platform::json::Json;
use platform::openapi::{Header, Operation, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exports::job::Format;
use crate::exports::occurrence::Occurrence;
use crate::exports::schedule::{Range, Schedule};
use crate::exports::schedules::ScheduleWithLast;
use crate::http::app::App;
use crate::http::exports::operation;
use crate::http::page::{self, PageBody, PageRequest};
use crate::http::parameters::Parameters;
use crate::http::problem_types::{EXPORT_SCHEDULE_NOT_FOUND, INVALID_CURSOR, INVALID_QUERY, TOO_MANY_EXPORT_SCHEDULES};
use crate::http::reports::parameters::TIME_ZONE;
use crate::http::{documentation, export_problems, export_query, problems};

/// The routes that take a body, whose size is limited.
pub(crate) const PATHS: [&str; 2] = [PATH, "/export-schedules"];
const PATH: &str = "/v1/export-schedules";

const TIME_OF_DAY: &str = "a time of day in the form HH:MM, from 00:00 to 23:59";

/// A recurring export to be created.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewExportSchedule {
    /// Path and query of the list or report, without its range of time, `limit`, `cursor` and `format`.
    #[schemars(length(min = 1, max = 4_000))]
    query: String,
    /// Format of the files.
    format: Format,
    /// How often the export runs, and the range of time: of a report `from` and `to`, of orders the time of placement. Products,
    /// customers, stock and the report of customers are exported as they are.
    range: Range,
    /// Local time of day at which the export runs, such as `02:30`: every day, every Monday, or on every first day of a month.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    at: String,
    /// Time zone of `at` and of the range (IANA time zone database), such as `Europe/Berlin`.
    #[schemars(length(min = 1, max = 64))]
    timezone: String,
}

/// A recurring export.
#[derive(Debug, Serialize, JsonSchema)]
struct ExportSchedule {
    /// Id of the recurring export.
    id: Uuid,
    /// Path and query of the list or report, without its range of time.
    query: String,
    /// Format of the files.
    format: Format,
    /// How often the export runs, and the range of time.
    range: Range,
    /// Local time of day at which the export runs.
    at: String,
    /// Time zone of `at` and of the range.
    timezone: &'static str,
    /// When the recurring export was created.
    created_at: DateTime<Utc>,
    /// The next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Run>,
    /// The last run that was due; missing before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Run>,
    /// Id of the export of the last run that was created. The export is deleted after some time.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_export_id: Option<Uuid>,
}

/// A run of a recurring export.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportRun")]
struct Run {
    /// When it is due.
    at: DateTime<Utc>,
    /// Path and query of its export.
    query: String,
}

const LOCATION: Header = Header::always::<String>("Location", "Path of the recurring export.");
const LINK: Header = Header::sometimes::<String>("Link", "The URI of the next page, with `rel=\"next\"` (RFC 8288).");

/// The routes of recurring exports.
pub(super) fn routes() -> Routes<App> {
    let create = operation("create_export_schedule", "Create a recurring export")
        .paragraph(
            "Exports a list or report every day, week or month. After a downtime, only the last run that was missed is executed. A \
             time of day that clocks skip is the end of the skipped time; of a time that clocks show twice, the first one counts.",
        )
        .body::<NewExportSchedule>()
        .example(serde_json::json!({
            "query": "/v1/reports/sales?group_by=hour",
            "format": "csv",
            "range": "previous_day",
            "at": "02:30",
            "timezone": "Europe/Berlin",
        }))
        .answers::<ExportSchedule>(201, "The recurring export is created.", &[LOCATION])
        .refuses([INVALID_QUERY.documented(), TOO_MANY_EXPORT_SCHEDULES.documented()]);
    let list = operation("list_export_schedules", "List recurring exports, newest first")
        .takes(documentation::PAGING)
        .answers::<PageBody<'static, ExportSchedule>>(200, "A page of recurring exports.", &[LINK])
        .refuses([INVALID_QUERY.documented(), INVALID_CURSOR.documented()]);
    let show = of_one("show_export_schedule", "Get a recurring export").answers::<ExportSchedule>(
        200,
        "The recurring export.",
        &[],
    );
    let delete = of_one("delete_export_schedule", "Delete a recurring export")
        .paragraph("Exports that it created are kept.")
        .answers_nothing(204, "The recurring export is deleted.", &[]);
    Routes::about("exports", "Exports of whole lists and reports to files.")
        .route(Method::POST, PATH, self::create, create)
        .get(PATH, self::list, list)
        .get("/v1/export-schedules/{id}", self::show, show)
        .route(Method::DELETE, "/v1/export-schedules/{id}", self::delete, delete)
}

fn of_one(id: &'static str, summary: &'static str) -> Operation {
    operation(id, summary).path::<Uuid>().refuses([INVALID_QUERY.documented(), EXPORT_SCHEDULE_NOT_FOUND.documented()])
}

async fn create(State(app): State<App>, uri: Uri, Json(body): Json<NewExportSchedule>) -> Result<Response, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    let now = exports.jobs.now();
    let schedule = read(body, now)?;
    if !exports.schedules.create(&schedule).await.map_err(|error| export_problems::store(&error))? {
        return Err(export_problems::too_many_export_schedules());
    }
    let location = format!("{PATH}/{}", schedule.id);
    let document = ExportSchedule::of(ScheduleWithLast { schedule, last: None }, now);
    let mut response = (StatusCode::CREATED, Json(document)).into_response();
    let location = HeaderValue::try_from(location).expect("a path with a UUID is a header value");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Checks the query with the range of the next run, which has the same parameters as that of every other run.
fn read(body: NewExportSchedule, now: DateTime<Utc>) -> Result<Schedule, Problem> {
    let at = NaiveTime::parse_from_str(&body.at, "%H:%M").ok().filter(|_| body.at.len() == "00:00".len());
    let schedule = Schedule {
        id: Uuid::now_v7(),
        sets: export_query::range_parameters(&body.query)?,
        at: at.ok_or_else(|| problems::invalid_parameter("at", &body.at, TIME_OF_DAY))?,
        timezone: body
            .timezone
            .parse::<Tz>()
            .map_err(|_| problems::invalid_parameter("timezone", &body.timezone, TIME_ZONE))?,
        query: body.query,
        format: body.format,
        range: body.range,
        created_at: now,
    };
    let query = schedule.next(now).map_or_else(|| schedule.query.clone(), |next| schedule.query_of(&next));
    export_query::parse(&query)?;
    Ok(schedule)
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let exports = app.exports()?;
    let (request, _) = PageRequest::read(app.clone(), uri, &headers, &page::PARAMETERS)?;
    let before: Option<Uuid> = request.after(|key| Uuid::from_slice(key).ok())?;
    let mut found = exports.schedules.list().await.map_err(|error| export_problems::store(&error))?;
    found.retain(|it| before.is_none_or(|before| it.schedule.id < before));
    let has_next = found.len() > usize::from(request.limit);
    found.truncate(usize::from(request.limit));
    let last = found.last().filter(|_| has_next).map(|it| it.schedule.id.as_bytes().to_vec());
    let now = exports.jobs.now();
    let items: Vec<ExportSchedule> = found.into_iter().map(|it| ExportSchedule::of(it, now)).collect();
    request.respond_live(&items, last.as_deref())
}

async fn show(State(app): State<App>, Path(id): Path<Uuid>, uri: Uri) -> Result<Json<ExportSchedule>, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    let found = exports.schedules.find(id).await.map_err(|error| export_problems::store(&error))?;
    let found = found.ok_or_else(|| export_problems::export_schedule_not_found(id))?;
    Ok(Json(ExportSchedule::of(found, exports.jobs.now())))
}

async fn delete(State(app): State<App>, Path(id): Path<Uuid>, uri: Uri) -> Result<StatusCode, Problem> {
    let exports = app.exports()?;
    Parameters::read(&uri, &[])?;
    match exports.schedules.delete(id).await.map_err(|error| export_problems::store(&error))? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(export_problems::export_schedule_not_found(id)),
    }
}

impl ExportSchedule {
    fn of(ScheduleWithLast { schedule, last }: ScheduleWithLast, now: DateTime<Utc>) -> ExportSchedule {
        let run = |occurrence: Occurrence| Run { at: occurrence.at, query: schedule.query_of(&occurrence) };
        ExportSchedule {
            id: schedule.id,
            format: schedule.format,
            range: schedule.range,
            at: schedule.at.format("%H:%M").to_string(),
            timezone: schedule.timezone.name(),
            created_at: schedule.created_at,
            next: schedule.next(now).map(run),
            last: schedule.last(now).map(run),
            last_export_id: last.map(|last| last.export_id),
            query: schedule.query,
        }
    }
}
