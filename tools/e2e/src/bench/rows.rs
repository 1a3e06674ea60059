//! The rows that commands write without anybody who decided them: for PostgreSQL's own pace.

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

use super::requests::{Basket, SKUS, sku};

/// The commands whose rows these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Orders are placed, and stock is reserved for each line.
    Orders(Basket),
    /// Stock is received: commands of one event, each for another product than the one before it.
    Receipts,
}

impl Of {
    /// Events of one command.
    pub fn events(self) -> usize {
        match self {
            Of::Orders(basket) => 1 + basket.lines as usize,
            Of::Receipts => 1,
        }
    }
}

/// The columns of a statement.
#[derive(Debug, Default)]
struct Columns {
    streams: Vec<String>,
    versions: Vec<i32>,
    types: Vec<&'static str>,
    shapes: Vec<i16>,
    payloads: Vec<String>,
    commands: Vec<Option<Uuid>>,
    sizes: Vec<Option<i16>>,
}

/// A source of rows whose keys rise as they do in the log.
#[derive(Debug)]
pub struct Rows {
    of: Of,
    position: i64,
    commands: u64,
    versions: Vec<i32>,
}

impl Rows {
    /// For an empty log.
    pub fn new(of: Of) -> Rows {
        Rows { of, position: 0, commands: 0, versions: vec![0; SKUS as usize] }
    }

    /// Inserts the rows of so many commands with one statement; gives the time from the statement to its answer.
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
            .bind(&columns.shapes)
            .bind(&columns.payloads)
            .bind(&columns.commands)
            .bind(&columns.sizes)
            .execute(connection)
            .await;
        let took = began.elapsed();
        inserted.context("inserting rows of commands")?;
        self.position += columns.streams.len() as i64;
        Ok(took)
    }

    fn add_command(&mut self, columns: &mut Columns) -> anyhow::Result<()> {
        self.commands += 1;
        match self.of {
            Of::Orders(basket) => self.add_order(basket, columns),
            Of::Receipts => {
                let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
                self.add_stock(self.commands % SKUS, received, Some(1), columns)
            }
        }
    }

    fn add_order(&mut self, basket: Basket, columns: &mut Columns) -> anyhow::Result<()> {
        let order_id = OrderId::try_from(Uuid::now_v7())?;
        let skus = basket.skus(self.commands);
        let placed = OrderEvent::Placed(placed(order_id, self.commands, skus.clone())?);
        columns.add(StreamId::order(order_id), 1, placed.into(), Some(self.of.events()));
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
        begins: Option<usize>,
        columns: &mut Columns,
    ) -> anyhow::Result<()> {
        let version = &mut self.versions[number as usize];
        *version += 1;
        columns.add(StreamId::stock(&sku(number).parse()?, &Location::main()), *version, event.into(), begins);
        Ok(())
    }
}

impl Columns {
    /// One more row; `begins` a command of so many events, or goes on with one.
    fn add(&mut self, stream: StreamId, version: i32, event: Event, begins: Option<usize>) {
        let encoded = codec::encode(&event);
        self.streams.push(stream.to_string());
        self.versions.push(version);
        self.types.push(encoded.event_type);
        self.shapes.push(encoded.schema_version);
        self.payloads.push(encoded.payload);
        self.commands.push(begins.map(|_| Uuid::now_v7()));
        self.sizes.push(begins.map(|events| events as i16));
    }
}

/// Of a piece, in pence.
const PRICE: i64 = 450;

fn placed(order_id: OrderId, number: u64, skus: impl Iterator<Item = u64>) -> anyhow::Result<OrderPlaced> {
    let line = |line: u32, number: u64| -> anyhow::Result<Line> {
        let sku: Sku = sku(number).parse()?;
        let (unit_price, total) = (Minor(PRICE), Minor(PRICE * i64::from(line)));
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
