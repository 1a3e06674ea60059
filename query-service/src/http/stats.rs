//! `GET /v1/stats` and `GET /v1/stats/stream`: statistics for a dashboard, once or as Server-Sent Events. [`crate::reads::stats`] reads
//! and caches them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use chrono_tz::Tz;
use events::Position;
use futures::stream::{StreamExt, iter, unfold};
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::documentation::{self, Text};
use crate::http::event_stream::Item;
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{DATABASE_BUSY, DATABASE_DOWN, INVALID_QUERY, STREAMS_ENDING, TOO_MANY_STREAMS};
use crate::http::reports::parameters::TIME_ZONE;
use crate::http::respond::{PROJECTION_LAG_MS, PROJECTION_POSITION, respond};
use crate::reads::stats::document::Statistics;
use crate::reads::stats::{CachedStats, Stats};

/// Interval between two looks of a stream at the kept result, which one reader of many renews.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

const HEADERS: [Header; 2] = [
    Header::always::<Position>("Projection-Position", "The position that the first document contains."),
    Header::sometimes::<u64>(
        "Projection-Lag-Ms",
        "Lag of the projections and age of the first document, in milliseconds; missing while the lag is unknown.",
    ),
];

/// The route of the statistics.
pub(super) fn routes() -> Routes<App> {
    let time_zone = Parameter::query::<Text>(
        "timezone",
        "Time zone in which days begin (IANA time zone database); UTC by default.",
    );
    let show = documentation::document::<Statistics>("show_stats", "Get statistics for a dashboard")
        .paragraph(
            "Results are kept in the memory of the service and are up to 30 seconds old, unless a `Consistency-Token` requires \
             newer data. `Projection-Lag-Ms` includes the age of the result.",
        );
    let stream = Operation::new("stream_stats", "Stream the statistics for a dashboard")
        .paragraph(
            "Server-Sent Events (WHATWG HTML, section 9.2): an event `statistics` with the document of `GET /v1/stats` at once, and \
             again whenever the document has changed, about every `STATS_CACHE_TTL`. `id` is the position that the document \
             contains. Every document is complete, so a client that reconnects misses nothing.",
        )
        .takes([time_zone.clone()])
        .answers_as::<String>(200, "The stream.", "text/event-stream", &HEADERS)
        .refuses([
            INVALID_QUERY.documented(),
            DATABASE_DOWN.documented(),
            DATABASE_BUSY.documented(),
            TOO_MANY_STREAMS.documented(),
            STREAMS_ENDING.documented(),
        ]);
    Routes::about("stats", "Statistics for a dashboard.").get("/v1/stats", self::show, show.takes([time_zone])).get(
        "/v1/stats/stream",
        self::stream,
        stream,
    )
}

async fn show(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    let parameters = Parameters::read(&uri, &["timezone"])?;
    let zone = read_zone(&parameters)?;
    let found = app.reads.stats.find(zone, preconditions.consistency.as_ref()).await?;
    Ok(respond(&found.representation, &preconditions, found.lag_header()))
}

async fn stream(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let zone = read_zone(&Parameters::read(&uri, &["timezone"])?)?;
    let admitted = app.streams.admit()?;
    let stats = app.reads.stats.clone();
    let first = stats.find(zone, None).await?;
    let (position, lag_ms) = (first.representation.position.clone(), first.lag_header());
    let changes = unfold((stats, first.representation.etag.clone()), move |(stats, sent)| async move {
        let changed = next_change(&stats, zone, &sent).await;
        Some((Item::Event(changed.event.clone()), (stats, changed.representation.etag.clone())))
    });
    let items = iter([Item::Event(first.event.clone())]).chain(changes);
    let mut response = admitted.respond(items);
    response.headers_mut().insert(PROJECTION_POSITION, position);
    if let Some(lag_ms) = lag_ms {
        response.headers_mut().insert(PROJECTION_LAG_MS, lag_ms);
    }
    Ok(response)
}

/// Waits until the statistics differ from those that were sent. While they cannot be read, the stream stays open.
async fn next_change(stats: &Stats, zone: Tz, sent: &HeaderValue) -> Arc<CachedStats> {
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        match stats.find(zone, None).await {
            Ok(found) if found.representation.etag != *sent => return found,
            Ok(_) | Err(_) => {}
        }
    }
}

fn read_zone(parameters: &Parameters) -> Result<Tz, Problem> {
    Ok(parameters.parsed("timezone", TIME_ZONE, |name| name.parse().ok())?.unwrap_or(Tz::UTC))
}
