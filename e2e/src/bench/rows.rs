//! The rows of placed orders without anybody who decided them: for PostgreSQL's own pace.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use events::order::{Line, OrderEvent, OrderPlaced};
use events::stock::{StockEvent, StockReserved};
use events::{ChannelCode, Event, Location, Minor, OrderCode, OrderId, Sku, StreamId, codec};
use sqlx::PgConnection;
use uuid::Uuid;

use super::requests::{SKUS, sku};

/// Events of an order with two lines: it is placed, and two stock items are reserved.
const EVENTS_PER_ORDER: usize = 3;

/// The columns of a statement.
#[derive(Debug, Default)]
struct Columns {
    streams: Vec<String>,
    versions: Vec<i32>,
    types: Vec<&'static str>,
    payloads: Vec<String>,
    commands: Vec<Option<Uuid>>,
    sizes: Vec<Option<i16>>,
}

/// A source of rows whose keys rise as they do in the log.
#[derive(Debug)]
pub struct Rows {
    position: i64,
    orders: u64,
    versions: Vec<i32>,
}

impl Rows {
    /// For an empty log.
    pub fn new() -> Rows {
        Rows { position: 0, orders: 0, versions: vec![0; SKUS as usize] }
    }

    /// Inserts the rows of so many orders with one statement; gives the time from the statement to its answer.
    pub async fn insert(&mut self, connection: &mut PgConnection, orders: usize) -> anyhow::Result<Duration> {
        const INSERT: &str = "
            insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at,
                command_id, fingerprint, command_size)
            select $1 + e.ord, 1, e.stream_id, e.version, e.event_type, 1, e.payload::json, $2, e.command_id,
                case when e.command_id is not null then $1 + e.ord end, e.command_size
            from unnest($3::text[], $4::int[], $5::text[], $6::text[], $7::uuid[], $8::smallint[]) with ordinality
                as e(stream_id, version, event_type, payload, command_id, command_size, ord)";
        let mut columns = Columns::default();
        for _ in 0..orders {
            self.add_order(&mut columns)?;
        }
        let began = Instant::now();
        let inserted = sqlx::query(INSERT)
            .bind(self.position)
            .bind(Utc::now())
            .bind(&columns.streams)
            .bind(&columns.versions)
            .bind(&columns.types)
            .bind(&columns.payloads)
            .bind(&columns.commands)
            .bind(&columns.sizes)
            .execute(connection)
            .await;
        let took = began.elapsed();
        inserted.context("inserting rows of orders")?;
        self.position += (orders * EVENTS_PER_ORDER) as i64;
        Ok(took)
    }

    fn add_order(&mut self, columns: &mut Columns) -> anyhow::Result<()> {
        self.orders += 1;
        let order_id = OrderId::try_from(Uuid::now_v7())?;
        let skus = [self.orders * 7 % SKUS, (self.orders * 7 + 3) % SKUS];
        let placed = OrderEvent::Placed(placed(order_id, self.orders, skus)?);
        columns.add(StreamId::order(order_id), 1, placed.into(), Some(Uuid::now_v7()));
        for (number, quantity) in skus.into_iter().zip([1, 2]) {
            let version = &mut self.versions[number as usize];
            *version += 1;
            let reserved = StockEvent::Reserved(StockReserved { order_id, quantity });
            let stream = StreamId::stock(&sku(number).parse()?, &Location::main());
            columns.add(stream, *version, reserved.into(), None);
        }
        Ok(())
    }
}

impl Default for Rows {
    fn default() -> Self {
        Rows::new()
    }
}

impl Columns {
    fn add(&mut self, stream: StreamId, version: i32, event: Event, command: Option<Uuid>) {
        let encoded = codec::encode(&event);
        self.streams.push(stream.to_string());
        self.versions.push(version);
        self.types.push(encoded.event_type);
        self.payloads.push(encoded.payload);
        self.commands.push(command);
        self.sizes.push(command.map(|_| EVENTS_PER_ORDER as i16));
    }
}

fn placed(order_id: OrderId, number: u64, skus: [u64; 2]) -> anyhow::Result<OrderPlaced> {
    let line = |line: u32, number: u64| -> anyhow::Result<Line> {
        let sku: Sku = sku(number).parse()?;
        let (unit_price, total) = (Minor(450), Minor(450 * i64::from(line)));
        let (discount, tax) = (Minor::ZERO, Minor::ZERO);
        let name = format!("Product {sku}");
        let location = Location::main();
        let (quantity, backordered, untracked) = (line, 0, false);
        Ok(Line { line, sku, name, quantity, unit_price, discount, tax, total, location, backordered, untracked })
    };
    let channel: ChannelCode = "default".parse()?;
    Ok(OrderPlaced {
        order_id,
        code: OrderCode::new("SON", number),
        channel,
        currency: "GBP".parse()?,
        customer_id: None,
        external_ref: None,
        lines: vec![line(1, skus[0])?, line(2, skus[1])?],
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor(1350),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: BTreeSet::new(),
        payment_due: None,
        hold_id: None,
    })
}
