//! Customers: one document per customer. The orders of a customer are in projection `orders`, their sums in `sales`.

use std::borrow::Cow;

use events::stream::Subject;
use events::{Event, LogPosition, Recorded, StreamId};
use read_model::{CustomerDocument, Projection, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Boolean, Int, Json, TextList, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, Index, LoadedState, ReadModel, Table, Visitor};
use crate::projections::decode;
use crate::projections::json_text::{json, read_json};
use crate::store::log::StreamAt;

/// The read model of customers.
#[derive(Debug)]
pub struct Customers;

static CUSTOMERS: Table<ChangedState<CustomerDocument>> = Table {
    name: tables::CUSTOMERS,
    columns: &[
        Column::key("id", Uuid(|it| it.state.id.uuid())),
        Column::updated("erased", Boolean(|it| it.state.erased)),
        Column::updated("tags", TextList(|it| it.state.tags.iter().map(String::as_str).collect())),
        Column::fixed("registered_at", Timestamp(|it| it.state.registered_at)),
        Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
        Column::updated("version", Int(|it| it.state.version.0)),
        Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
        Column::updated("position", BigInt(|it| it.state.position.0)),
        Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
    ],
    month: None,
    stream_id: Some("'customer-' || id"),
    indexes: &[Index {
        name: "customers_tags",
        definition: "gin (tags) where tags <> '{}'",
        query: "GET /v1/customers?tag=",
    }],
    storage: "",
};

impl ReadModel for Customers {
    const PROJECTION: Projection = Projection::CUSTOMERS;
    const VERSION: i32 = 2;
    type State = CustomerDocument;
    type Rows = ();

    fn fold(customer: &mut Option<CustomerDocument>, event: &Recorded, (): &mut ()) -> Result<(), ApplyError> {
        match event.decode()? {
            Event::Customer(customer_event) => Ok(CustomerDocument::fold(customer, event, &customer_event)?),
            // The streams of e-mail addresses are in the same topic; a customer's own events contain its address.
            Event::Email(_) => Ok(()),
            _ => Err(decode::wrong_stream(event)),
        }
    }

    fn skip(customer: &mut Option<CustomerDocument>, event: &Recorded) {
        if let Some(customer) = customer {
            customer.advance_to(event);
        }
    }

    fn log_position(customer: &CustomerDocument) -> LogPosition {
        customer.log_position()
    }

    fn document(customer: &CustomerDocument) -> String {
        json(customer)
    }

    fn visit(customers: &[ChangedState<CustomerDocument>], (): &(), visitor: &mut impl Visitor) {
        visitor.table(&CUSTOMERS, customers);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        let ids = streams.iter().filter_map(|it| match it.stream.subject() {
            Subject::Customer(id) => Some(id.uuid()),
            _ => None,
        });
        let rows: Vec<(uuid::Uuid, String)> =
            sqlx::query_as("select id, document::text from customers where id = any($1)")
                .bind(ids.collect::<Vec<_>>())
                .fetch_all(connection)
                .await?;
        let loaded = |(id, document): (uuid::Uuid, String)| {
            Some((StreamId::customer(id.try_into().ok()?), read_json("document", &document)))
        };
        Ok(rows.into_iter().filter_map(loaded).collect())
    }
}
