//! A projection that nobody planned, as README describes it: cancelled orders and their value per day and channel, from the
//! first event of the log on. Only the platform's registry of projections is missing here: `Projection::ALL` and
//! `with_read_model`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use events::order::{OrderCancelled, OrderEvent};
use events::{Category, ChannelCode, Event, LogPosition, Minor, Personal, Recorded};
use projector::changes::ChangedState;
use projector::frame::Values::{BigInt, Text, Timestamp};
use projector::frame::{ApplyError, Column, LoadedState, ReadModel, Table, Visitor, log_states};
use projector::rebuild::progress::Progress;
use projector::store::generations::create_first;
use projector::store::log::StreamAt;
use projector::{next_event, store, verify};
use read_model::{Generation, Projection};
use sqlx::PgConnection;

use crate::platform::{Platform, now};
use crate::samples::*;

/// The read model of cancellations.
#[derive(Debug)]
struct Cancellations;

/// Key: first instant of the day, and channel; values: number of orders, and total in minor units.
type Sums = BTreeMap<(DateTime<Utc>, ChannelCode), (i64, Minor)>;
type Row = ((DateTime<Utc>, ChannelCode), (i64, Minor));

static CANCELLATIONS: Table<Row> = Table {
    name: "cancellations",
    columns: &[
        Column::key("day", Timestamp(|((day, _), _)| *day)),
        Column::key("channel", Text(|((_, channel), _)| channel.as_str())),
        Column::added("orders", BigInt(|(_, (orders, _))| *orders)),
        Column::added("total", BigInt(|(_, (_, total))| total.0)),
    ],
    month: None,
    stream_id: None,
    indexes: &[],
    storage: "",
};

impl ReadModel for Cancellations {
    const PROJECTION: Projection = Projection::new("cancellations", Category::Order);
    const VERSION: i32 = 1;
    /// Channel and total of the order, and the log position of its last event.
    type State = (ChannelCode, Minor, LogPosition);
    type Rows = Vec<Row>;

    fn fold(state: &mut Option<Self::State>, event: &Recorded, rows: &mut Vec<Row>) -> Result<(), ApplyError> {
        let position = next_event::log_position(event);
        match (event.decode()?, &mut *state) {
            (Event::Order(OrderEvent::Placed(order)), _) => *state = Some((order.channel, order.total, position)),
            (decoded, Some((channel, total, last))) => {
                if let Event::Order(OrderEvent::Cancelled(_)) = decoded {
                    let day = event.occurred_at().duration_trunc(TimeDelta::days(1)).unwrap_or_default();
                    rows.push(((day, channel.clone()), (1, *total)));
                }
                *last = position;
            }
            _ => {}
        }
        Ok(())
    }

    fn skip(state: &mut Option<Self::State>, event: &Recorded) {
        if let Some((_, _, last)) = state {
            *last = next_event::log_position(event);
        }
    }

    fn log_position((_, _, last): &Self::State) -> LogPosition {
        *last
    }

    fn combine(rows: &mut Vec<Row>) {
        let mut sums = Sums::new();
        for (key, (orders, total)) in rows.drain(..) {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + orders, Minor(sum.1.0 + total.0));
        }
        rows.extend(sums);
    }

    fn visit(_: &[ChangedState<Self::State>], rows: &Vec<Row>, visitor: &mut impl Visitor) {
        visitor.table(&CANCELLATIONS, rows);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}

#[tokio::test]
async fn a_new_projection_is_derived_from_the_first_event_on() {
    let mut platform = Platform::new().await;
    let mut place_and_cancel = async |number| {
        let (id, stream) = order_at(now(), number);
        platform.publish(&stream, placed(id, u64::from(number))).await;
        let reason = Personal::new("changed my mind".to_owned());
        platform.publish(&stream, OrderEvent::Cancelled(OrderCancelled { reason })).await;
    };
    place_and_cancel(1).await;
    place_and_cancel(2).await;
    let url = platform.database();
    assert!(create_first::<Cancellations>(&mut store::connect(&url).await.unwrap()).await.unwrap());
    let mut worker = platform.worker::<Cancellations>();
    platform.catch_up(&mut worker).await;
    let sums = "select channel || ' ' || orders || ' ' || total from public.cancellations";
    assert_eq!(platform.text(sums).await, "web 2 3000");
    let options = verify::Options { database_url: url.clone(), source_url: url, readers: 2, segment_events: 5 };
    let live = Generation::first(Cancellations::PROJECTION);
    let report = verify::verify::<Cancellations>(live, &options, &Arc::new(Progress::default())).await.unwrap();
    assert!(report.is_equal() && report.tables[0].stored == 1, "{report:?}");
}
