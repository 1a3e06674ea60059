//! Stock holds: one document per stock hold, partitioned by the month of its id.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{Event, LogPosition, Recorded, StreamId};
use read_model::{Projection, StockHoldDocument, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Int, Json, Text, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, LoadedState, ReadModel, Table, Visitor};
use crate::projections::decode;
use crate::projections::json_text::{json, read_json};
use crate::store::log::StreamAt;

/// The read model of stock holds.
#[derive(Debug)]
pub struct StockHolds;

static STOCK_HOLDS: Table<ChangedState<StockHoldDocument>> = Table {
    name: tables::STOCK_HOLDS,
    columns: &[
        Column::key("id", Uuid(|it| it.state.id.uuid())),
        Column::updated("state", Text(|it| it.state.state.word())),
        Column::fixed("expires_at", Timestamp(|it| it.state.expires_at)),
        Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
        Column::updated("version", Int(|it| it.state.version.0)),
        Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
        Column::updated("position", BigInt(|it| it.state.position.0)),
        Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
    ],
    month: Some(|it| it.state.placed_at),
    stream_id: Some("'hold-' || id"),
    indexes: &[],
    storage: "",
};

impl ReadModel for StockHolds {
    const PROJECTION: Projection = Projection::STOCK_HOLDS;
    const VERSION: i32 = 1;
    type State = StockHoldDocument;
    type Rows = ();

    fn fold(hold: &mut Option<StockHoldDocument>, event: &Recorded, (): &mut ()) -> Result<(), ApplyError> {
        match event.decode()? {
            Event::StockHold(hold_event) => Ok(StockHoldDocument::fold(hold, event, &hold_event)?),
            _ => Err(decode::wrong_stream(event)),
        }
    }

    fn skip(hold: &mut Option<StockHoldDocument>, event: &Recorded) {
        if let Some(hold) = hold {
            hold.advance_to(event);
        }
    }

    fn log_position(hold: &StockHoldDocument) -> LogPosition {
        hold.log_position()
    }

    fn document(hold: &StockHoldDocument) -> String {
        json(hold)
    }

    fn visit(holds: &[ChangedState<StockHoldDocument>], (): &(), visitor: &mut impl Visitor) {
        visitor.table(&STOCK_HOLDS, holds);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        let ids = streams.iter().filter_map(|it| match it.stream.subject() {
            Subject::StockHold(id) => Some(id.uuid()),
            _ => None,
        });
        // A lateral join, so that each id reads only the partition of its month.
        let rows: Vec<(uuid::Uuid, String)> = sqlx::query_as(
            "select h.id, h.document::text
             from unnest($1::uuid[]) as wanted (id)
             cross join lateral (select id, document from stock_holds where stock_holds.id = wanted.id) as h",
        )
        .bind(ids.collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
        let loaded = |(id, document): (uuid::Uuid, String)| {
            Some((StreamId::stock_hold(id.try_into().ok()?), read_json("document", &document)))
        };
        Ok(rows.into_iter().filter_map(loaded).collect())
    }

    fn month_of(stream: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        match stream.subject() {
            Subject::StockHold(id) => Some((tables::STOCK_HOLDS, id.instant())),
            _ => None,
        }
    }
}
