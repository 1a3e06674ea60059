//! Inserts the rows that commands write, without the command service: measures PostgreSQL's own insert rate.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use events::order::pricing::Pricing;
use events::order::{Line, OrderEvent, OrderPlaced};
use events::stock::{StockEvent, StockReceived, StockReserved};
use events::{ChannelCode, Event, Location, Minor, OrderCode, OrderId, Sku, StreamId, codec};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::requests::orders::Basket;
use crate::requests::products::{SKUS, sku};

/// The commands whose rows are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandRows {
    /// Place an order: stock is reserved for every line.
    Orders(Basket),
    /// Receive stock: one event, for the next product.
    Receipts,
}

impl CommandRows {
    /// Number of events per command.
    pub fn events(self) -> usize {
        match self {
            CommandRows::Orders(basket) => 1 + basket.lines as usize,
            CommandRows::Receipts => 1,
        }
    }
}

/// The columns of the inserted rows.
#[derive(Debug, Default)]
struct Columns {
    streams: Vec<String>,
    versions: Vec<i32>,
    types: Vec<&'static str>,
    schema_versions: Vec<i16>,
    payloads: Vec<String>,
    commands: Vec<Option<Uuid>>,
    sizes: Vec<Option<i16>>,
}

/// Source of rows with ascending positions and versions.
#[derive(Debug)]
pub struct EventRows {
    rows: CommandRows,
    position: i64,
    commands: u64,
    versions: Vec<i32>,
}

impl EventRows {
    /// Rows for an empty log.
    pub fn new(rows: CommandRows) -> EventRows {
        EventRows { rows, position: 0, commands: 0, versions: vec![0; SKUS as usize] }
    }

    /// Inserts the rows of `commands` commands with one statement; returns the duration of the statement.
    pub async fn insert(&mut self, connection: &mut PgConnection, commands: usize) -> anyhow::Result<Duration> {
        const INSERT: &str = "
            insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at,
                command_id, fingerprint, command_size)
            select $1 + e.ord, 1, e.stream_id, e.version, e.event_type, e.schema_version, e.payload::json, $2, e.command_id,
                case when e.command_id is not null then $1 + e.ord end, e.command_size
            from unnest($3::text[], $4::int[], $5::text[], $6::smallint[], $7::text[], $8::uuid[], $9::smallint[])
                with ordinality
                as e(stream_id, version, event_type, schema_version, payload, command_id, command_size, ord)";
        let mut columns = Columns::default();
        for _ in 0..commands {
            self.add_command(&mut columns)?;
        }
        let began = Instant::now();
        let inserted = sqlx::query(INSERT)
            .bind(self.position)
            .bind(Utc::now())
            .bind(&columns.streams)
            .bind(&columns.versions)
            .bind(&columns.types)
            .bind(&columns.schema_versions)
            .bind(&columns.payloads)
            .bind(&columns.commands)
            .bind(&columns.sizes)
            .execute(connection)
            .await;
        let duration = began.elapsed();
        inserted.context("inserting rows of commands")?;
        self.position += columns.streams.len() as i64;
        Ok(duration)
    }

    fn add_command(&mut self, columns: &mut Columns) -> anyhow::Result<()> {
        self.commands += 1;
        match self.rows {
            CommandRows::Orders(basket) => self.add_order(basket, columns),
            CommandRows::Receipts => {
                let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
                self.add_stock(self.commands % SKUS, received, Some(1), columns)
            }
        }
    }

    fn add_order(&mut self, basket: Basket, columns: &mut Columns) -> anyhow::Result<()> {
        let order_id = OrderId::try_from(Uuid::now_v7())?;
        let skus = basket.skus(self.commands);
        let placed = OrderEvent::Placed(placed(order_id, self.commands, skus.clone())?);
        columns.add(StreamId::order(order_id), 1, placed.into(), Some(self.rows.events()));
        for (number, quantity) in skus.zip(1..) {
            let reserved = StockEvent::Reserved(StockReserved { order_id, quantity, backordered: Some(0) });
            self.add_stock(number, reserved, None, columns)?;
        }
        Ok(())
    }

    fn add_stock(
        &mut self,
        number: u64,
        event: StockEvent,
        command_events: Option<usize>,
        columns: &mut Columns,
    ) -> anyhow::Result<()> {
        let version = &mut self.versions[number as usize];
        *version += 1;
        columns.add(StreamId::stock(&sku(number).parse()?, &Location::main()), *version, event.into(), command_events);
        Ok(())
    }
}

impl Columns {
    /// Adds a row; `command_events` is the number of events of the command if the row is its first event.
    fn add(&mut self, stream: StreamId, version: i32, event: Event, command_events: Option<usize>) {
        let encoded = codec::encode(&event);
        self.streams.push(stream.to_string());
        self.versions.push(version);
        self.types.push(encoded.event_type);
        self.schema_versions.push(encoded.schema_version);
        self.payloads.push(encoded.payload);
        self.commands.push(command_events.map(|_| Uuid::now_v7()));
        self.sizes.push(command_events.map(|events| events as i16));
    }
}

/// Price of one unit.
const PRICE_PENCE: i64 = 450;

fn placed(order_id: OrderId, number: u64, skus: impl Iterator<Item = u64>) -> anyhow::Result<OrderPlaced> {
    let line = |line: u32, number: u64| -> anyhow::Result<Line> {
        let sku: Sku = sku(number).parse()?;
        let (unit_price, total) = (Minor(PRICE_PENCE), Minor(PRICE_PENCE * i64::from(line)));
        let (discount, tax) = (Minor::ZERO, Minor::ZERO);
        let name = format!("Product {sku}");
        let location = Location::main();
        let pricing = Pricing { tax_rate: Some(0), ..Pricing::default() };
        let (quantity, backordered, untracked) = (line, 0, false);
        Ok(Line {
            line,
            sku,
            name,
            quantity,
            unit_price,
            discount,
            tax,
            total,
            pricing,
            location,
            backordered,
            untracked,
        })
    };
    let lines = (1..).zip(skus).map(|(number, sku)| line(number, sku)).collect::<anyhow::Result<Vec<_>>>()?;
    let total = Minor(lines.iter().map(|line| line.total.0).sum());
    let channel: ChannelCode = "default".parse()?;
    Ok(OrderPlaced {
        order_id,
        code: OrderCode::new("SON", number),
        channel,
        currency: "GBP".parse()?,
        customer_id: None,
        external_ref: None,
        lines,
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total,
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: BTreeSet::new(),
        payment_due: None,
        hold_id: None,
    })
}
