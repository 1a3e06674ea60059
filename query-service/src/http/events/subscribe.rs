//! `GET /v1/events/stream`: the events of the log as they are written, as Server-Sent Events. [`crate::reads::event_stream`] reads
//! them, [`crate::http::event_stream`] sends them.

use ::events::Position;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::response::Response;
use futures::stream::unfold;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::problem::Problem;

use super::{ERASED, FirstPosition, read_from, read_stream, read_types, refuse_with_stream};
use crate::http::app::App;
use crate::http::documentation::Text;
use crate::http::event_stream::Item;
use crate::http::parameters::Parameters;
use crate::http::problem_types::{
    DATABASE_BUSY, DATABASE_DOWN, EVENTS_LOST, INVALID_LAST_EVENT_ID, INVALID_QUERY, POSITION_BEYOND_LOG,
    PROJECTION_LAG, STREAMS_ENDING, TOO_MANY_STREAMS,
};
use crate::http::problems;
use crate::http::respond::{PROJECTION_LAG_MS, PROJECTION_POSITION};
use crate::reads::event_stream::subscription::{self, Cursor, Subscription};
use crate::reads::event_stream::{EventStreams, id};
use crate::reads::events::log_range::Selection;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PARAMETERS: [&str; 3] = ["from", "types", "stream"];

const HEADERS: [Header; 2] = [
    Header::always::<Position>("Projection-Position", "The stream begins after this position in the log."),
    Header::sometimes::<u64>(
        "Projection-Lag-Ms",
        "Lag of the databases that serve reads behind the primary, in milliseconds; missing while the lag is unknown.",
    ),
];

/// The route of the stream.
pub(in crate::http) fn routes() -> Routes<App> {
    let stream = Operation::new("stream_events", "Stream the events of the log")
        .paragraph(
            "Server-Sent Events (WHATWG HTML, section 9.2): `id` is the position of the event, `event` its type, and `data` the event \
             as in `GET /v1/events`. The stream begins at the end of the log, or after `Last-Event-ID`, or at `from`, and \
             continues until the client disconnects or the service shuts down. A client that reconnects with the id of the last event \
             as `Last-Event-ID`, as browsers do, receives every event exactly once.",
        )
        .paragraph(ERASED)
        .paragraph(
            "If no event was sent for 15 seconds, a heartbeat is sent: a comment, and if the filter excluded all new events, also an \
             `id` without data, after which a reconnect continues. After a failover that lost events, an id also contains the \
             incarnation of the log, such as `951.2`. A client that received events that were lost is told: its stream ends with an \
             event `problem` whose data is the problem document `events-lost`, and a reconnect receives the same problem with \
             status 410.",
        )
        .takes([
            Parameter::header::<Text>(
                "Last-Event-ID",
                "The `id` of the last event that the client received. Takes precedence over `from`.",
            ),
            Parameter::query::<FirstPosition>("from", "Position of the first event, as the log is now."),
            Parameter::query::<Text>("types", "Event types, separated by commas, such as OrderPlaced,OrderCancelled."),
            Parameter::query::<Text>(
                "stream",
                "Only events of this stream, such as stock-MUG-1@main. Not together with `types`.",
            ),
        ])
        .answers_as::<String>(200, "The stream.", "text/event-stream", &HEADERS)
        .refuses([
            INVALID_QUERY.documented(),
            INVALID_LAST_EVENT_ID.documented(),
            POSITION_BEYOND_LOG.documented(),
            EVENTS_LOST.documented(),
            PROJECTION_LAG.documented(),
            DATABASE_DOWN.documented(),
            DATABASE_BUSY.documented(),
            TOO_MANY_STREAMS.documented(),
            STREAMS_ENDING.documented(),
        ]);
    super::group().get("/v1/events/stream", self::stream, stream)
}

async fn stream(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &PARAMETERS)?;
    let (selection, begin) = (read_selection(&parameters)?, read_begin(&parameters, &headers)?);
    let admitted = app.streams.admit()?;
    let subscription = begin_stream(&app.reads.event_streams, selection, begin).await?;
    let position = subscription.position();
    let items = unfold(Some(subscription), async |subscription| {
        let mut subscription = subscription?;
        match subscription.next().await {
            Ok(subscription::Item::Event(block)) => Some((Item::Event(block), Some(subscription))),
            Ok(subscription::Item::Progress(at)) => Some((Item::Progress(id::of(at)), Some(subscription))),
            Err(error) => Some((Item::End(error.into()), None)),
        }
    });
    let mut response = admitted.respond(items);
    response.headers_mut().insert(PROJECTION_POSITION, position.0.into());
    if let Some(lag_ms) = app.reads.latest.log_lag_header() {
        response.headers_mut().insert(PROJECTION_LAG_MS, lag_ms);
    }
    Ok(response)
}

async fn begin_stream(
    streams: &EventStreams,
    selection: Selection,
    begin: Option<Cursor>,
) -> Result<Subscription, Problem> {
    Ok(match begin {
        Some(cursor) => streams.after(selection, cursor).await?,
        None => streams.from_end(selection).await?,
    })
}

fn read_selection(parameters: &Parameters) -> Result<Selection, Problem> {
    let types = read_types(parameters)?;
    Ok(match (read_stream(parameters)?, types) {
        (Some(stream), _) => {
            refuse_with_stream(parameters, &["types"])?;
            Selection::Stream(stream)
        }
        (None, Some(types)) => Selection::Types(types),
        (None, None) => Selection::All,
    })
}

/// Where the stream begins; `None` for the end of the log.
fn read_begin(parameters: &Parameters, headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let from = read_from(parameters)?.map(|from| Cursor::after(Position(from - 1)));
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(from) };
    let text = last.to_str().unwrap_or_default();
    let last = id::parse(text).ok_or_else(|| problems::invalid_last_event_id(text))?;
    Ok(Some(Cursor::at(last)))
}
