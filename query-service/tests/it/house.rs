//! A platform without its other services: the log, the relay's notes and the read models are written step by step, so that
//! a test can stop between any two of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, SubsecRound, Utc};
use events::customer::{CustomerErased, CustomerEvent};
use events::order::{
    Line, OrderCustomerAssigned, OrderEvent, OrderHeld, OrderPersonalDataErased, OrderPlaced, PaymentCaptured,
};
use events::product::{ProductCreated, ProductEvent, ProductPriceChanged};
use events::stock::{Level, StockEvent, StockReceived};
use events::{
    Category, CustomerId, Event, Incarnation, Location, Metadata, Minor, OrderCode, OrderId, Position, Recorded, Sku,
    StreamId, Version, codec, topics,
};
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use read_model::{LedgerRow, OrderDocument, PriceRow, ProductDocument, Projection, StockDocument};
use sqlx::postgres::PgPoolOptions;
use sqlx::types::Json;
use sqlx::{Connection, PgConnection, PgPool};
use testbed::Bed;

/// Partitions of every topic.
const PARTITIONS: i32 = 3;

pub(crate) struct House {
    pub(crate) bed: Bed,
    writer: PgPool,
    projector: PgPool,
    log: Mutex<Log>,
}

struct Log {
    life: Incarnation,
    orders: i64,
    /// The stream of every event, from position 1 on.
    streams: Vec<StreamId>,
}

pub(crate) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

impl House {
    pub(crate) async fn new() -> House {
        let bed = Bed::new().await.expect("a test bed");
        let writer = pool(&bed.writer_url().expect("an address")).await;
        let projector = pool(&bed.projector_url().expect("an address")).await;
        sqlx::query(
            "insert into relay_partitions (category, partition, position)
            select category, number, 0 from unnest($1::text[]) as category, generate_series(0, $2 - 1) as number",
        )
        .bind(Category::ALL.map(Category::as_str))
        .bind(PARTITIONS)
        .execute(&writer)
        .await
        .expect("the relay's partitions");
        let log = Log { life: Incarnation(1), orders: 0, streams: Vec::new() };
        House { bed, writer, projector, log: Mutex::new(log) }
    }

    /// Everything that happens to an order before it can be read: appended, relayed, applied.
    pub(crate) async fn order_placed(&self, placed_at: &str) -> OrderDocument {
        self.order_placed_with(placed_at, |_| {}).await
    }

    pub(crate) async fn order_placed_with(
        &self,
        placed_at: &str,
        change: impl FnOnce(&mut OrderPlaced),
    ) -> OrderDocument {
        let order = self.order_appended_with(placed_at, change).await;
        self.relayed().await;
        self.order_applied(&order).await;
        order
    }

    /// An order that is in the log and nowhere else yet.
    pub(crate) async fn order_appended(&self, placed_at: &str) -> OrderDocument {
        self.order_appended_with(placed_at, |_| {}).await
    }

    async fn order_appended_with(&self, placed_at: &str, change: impl FnOnce(&mut OrderPlaced)) -> OrderDocument {
        let mut placed = order_placed(placed_at.parse().expect("RFC 3339"), self.next_order());
        change(&mut placed);
        let stream = StreamId::order(placed.order_id);
        self.order_event(None, stream, OrderEvent::Placed(placed)).await
    }

    /// The order after a payment that is in the log and nowhere else yet.
    pub(crate) async fn payment_appended(&self, order: &OrderDocument) -> OrderDocument {
        let captured = PaymentCaptured { payment: 1, amount: order.total, method: "card".into(), reference: None };
        let event = OrderEvent::PaymentCaptured(captured);
        self.order_event(Some(order.clone()), StreamId::order(order.id), event).await
    }

    /// The order on hold, which is in the log and nowhere else yet.
    pub(crate) async fn hold_appended(&self, order: &OrderDocument) -> OrderDocument {
        let event = OrderEvent::Held(OrderHeld { reason: "in doubt".into() });
        self.order_event(Some(order.clone()), StreamId::order(order.id), event).await
    }

    /// The erasure of the order, which is in the log and nowhere else yet.
    pub(crate) async fn order_erasure_appended(&self, order: &OrderDocument) -> OrderDocument {
        let event = OrderEvent::PersonalDataErased(OrderPersonalDataErased {});
        self.order_event(Some(order.clone()), StreamId::order(order.id), event).await
    }

    /// The order in the hands of another customer, in the log and nowhere else yet.
    pub(crate) async fn assignment_appended(&self, order: &OrderDocument, customer_id: CustomerId) -> OrderDocument {
        let event = OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id });
        self.order_event(Some(order.clone()), StreamId::order(order.id), event).await
    }

    /// The erasure of a customer, in the log and nowhere else: no projection is made of customers.
    pub(crate) async fn customer_erased(&self, id: CustomerId) {
        self.appended(StreamId::customer(id), &CustomerEvent::Erased(CustomerErased {}).into()).await;
    }

    async fn order_event(&self, mut held: Option<OrderDocument>, stream: StreamId, event: OrderEvent) -> OrderDocument {
        let recorded = self.appended(stream, &event.clone().into()).await;
        OrderDocument::fold(&mut held, &recorded, &event).expect("the next event");
        held.expect("it was placed")
    }

    pub(crate) async fn order_applied(&self, order: &OrderDocument) {
        self.month("orders", order.placed_at).await;
        sqlx::query(
            "insert into orders (id, code, channel, customer_id, external_ref, currency, total, lifecycle, payment,
                fulfilment, returns, placed_at, updated_at, version, incarnation, position, document, tags, due, owed)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::json, $18, $19, $20)
            on conflict (id) do update set lifecycle = excluded.lifecycle, payment = excluded.payment,
                due = excluded.due, owed = excluded.owed, fulfilment = excluded.fulfilment, updated_at = excluded.updated_at, version = excluded.version,
                incarnation = excluded.incarnation, position = excluded.position, document = excluded.document",
        )
        .bind(order.id.uuid())
        .bind(order.code.as_str())
        .bind(order.channel.as_str())
        .bind(order.customer_id.map(|it| it.uuid()))
        .bind(&order.external_ref)
        .bind(order.currency.as_str())
        .bind(order.total.0)
        .bind(lifecycle_word(order.status.lifecycle))
        .bind(payment_word(order.status.payment))
        .bind(fulfilment_word(order.status.fulfilment))
        .bind(return_word(order.status.returns))
        .bind(order.placed_at)
        .bind(order.updated_at)
        .bind(order.version.0)
        .bind(order.incarnation.0)
        .bind(order.position.0)
        .bind(serde_json::to_string(order).expect("a document"))
        .bind(order.tags.iter().cloned().collect::<Vec<String>>())
        .bind(order.due.0)
        .bind(order.owed.0)
        .execute(&self.projector)
        .await
        .expect("the order's row");
        self.checkpointed(&StreamId::order(order.id), order.position).await;
    }

    pub(crate) async fn product_created(&self, code: &str, price: i64) -> ProductDocument {
        let prices = [("GBP".parse().expect("a currency"), Minor(price))].into();
        let created = ProductCreated {
            sku: sku(code),
            name: format!("Thing {code}"),
            prices,
            tax_class: Some("standard".into()),
            attributes: [("colour".into(), "red \"1\"".into())].into(),
            tags: ["new".into(), "ü".into()].into(),
        };
        self.product_event(None, code, ProductEvent::Created(created)).await
    }

    pub(crate) async fn price_changed(&self, product: ProductDocument, price: i64) -> ProductDocument {
        let code = product.sku.as_str().to_owned();
        let changed = ProductPriceChanged { currency: "GBP".parse().expect("a currency"), price: Minor(price) };
        self.product_event(Some(product), &code, ProductEvent::PriceChanged(changed)).await
    }

    async fn product_event(
        &self,
        mut held: Option<ProductDocument>,
        code: &str,
        event: ProductEvent,
    ) -> ProductDocument {
        let recorded = self.appended(StreamId::product(&sku(code)), &event.clone().into()).await;
        ProductDocument::fold(&mut held, &recorded, &event).expect("the next event");
        let product = held.expect("it was created");
        self.relayed().await;
        for row in PriceRow::of(&recorded, &event).expect("an event of a product") {
            self.price_applied(&row).await;
        }
        self.product_applied(&product).await;
        product
    }

    async fn price_applied(&self, row: &PriceRow) {
        self.month("product_prices", row.valid_from).await;
        sqlx::query("insert into product_prices (id, sku, currency, price, valid_from, position) values ($1, $2, $3, $4, $5, $6)")
            .bind(row.id.uuid())
            .bind(row.sku.as_str())
            .bind(row.currency.as_str())
            .bind(row.price.0)
            .bind(row.valid_from)
            .bind(row.position.0)
            .execute(&self.projector)
            .await
            .expect("the price's row");
    }

    async fn product_applied(&self, product: &ProductDocument) {
        sqlx::query(
            "insert into products (sku, name, active, prices, tax_class, attributes, tags, created_at, updated_at, version,
                incarnation, position)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            on conflict (sku) do update set prices = excluded.prices, updated_at = excluded.updated_at,
                version = excluded.version, incarnation = excluded.incarnation, position = excluded.position",
        )
        .bind(product.sku.as_str())
        .bind(&product.name)
        .bind(product.active)
        .bind(Json(&product.prices))
        .bind(&product.tax_class)
        .bind(Json(&product.attributes))
        .bind(Json(&product.tags))
        .bind(product.created_at)
        .bind(product.updated_at)
        .bind(product.version.0)
        .bind(product.incarnation.0)
        .bind(product.position.0)
        .execute(&self.projector)
        .await
        .expect("the product's row");
        self.checkpointed(&StreamId::product(&product.sku), product.position).await;
    }

    /// Pieces that came in where there were none, and can be read.
    pub(crate) async fn stock_received(&self, code: &str, location: &str, quantity: u32) -> StockDocument {
        self.stock_received_more(None, code, location, quantity).await
    }

    pub(crate) async fn stock_received_more(
        &self,
        held: Option<StockDocument>,
        code: &str,
        location: &str,
        quantity: u32,
    ) -> StockDocument {
        let received = StockReceived { quantity, reference: None };
        self.stock_moved(held, code, location, StockEvent::Received(received)).await
    }

    pub(crate) async fn stock_moved(
        &self,
        held: Option<StockDocument>,
        code: &str,
        location: &str,
        event: StockEvent,
    ) -> StockDocument {
        let (item, row) = self.stock_event(held, code, location, event).await;
        self.relayed().await;
        self.ledger_applied(&row).await;
        self.stock_applied(&item).await;
        item
    }

    /// Units that came in, which are in the log and nowhere else yet.
    pub(crate) async fn stock_appended(&self, code: &str, location: &str, quantity: u32) -> StockDocument {
        let received = StockReceived { quantity, reference: None };
        self.stock_event(None, code, location, StockEvent::Received(received)).await.0
    }

    async fn stock_event(
        &self,
        mut held: Option<StockDocument>,
        code: &str,
        location: &str,
        event: StockEvent,
    ) -> (StockDocument, LedgerRow) {
        let location: Location = location.parse().expect("a location");
        let recorded = self.appended(StreamId::stock(&sku(code), &location), &event.clone().into()).await;
        StockDocument::fold(&mut held, &recorded, &event).expect("the next event");
        (held.expect("it is there"), LedgerRow::of(&recorded, &event).expect("an event of an item"))
    }

    async fn ledger_applied(&self, row: &LedgerRow) {
        self.month("stock_ledger", row.occurred_at).await;
        sqlx::query(
            "insert into stock_ledger (id, sku, location, kind, quantity, order_id, occurred_at, position)
            values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(row.id.uuid())
        .bind(row.sku.as_str())
        .bind(row.location.as_str())
        .bind(row.kind.word())
        .bind(row.quantity)
        .bind(row.order_id.map(|it| it.uuid()))
        .bind(row.occurred_at)
        .bind(row.position.0)
        .execute(&self.projector)
        .await
        .expect("the ledger's row");
    }

    pub(crate) async fn stock_applied(&self, item: &StockDocument) {
        let Level { on_hand, reserved, received, restocked, adjusted, shipped, .. } = item.level;
        let Level { transferred, safety, policy, backordered, backorders_derived, .. } = item.level;
        sqlx::query(
            "insert into stock (sku, location, on_hand, reserved, received, restocked, adjusted, shipped, transferred, safety,
                policy, updated_at, version, incarnation, position, backordered, backorders_derived)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            on conflict (sku, location) do update set on_hand = excluded.on_hand, received = excluded.received,
                reserved = excluded.reserved, backordered = excluded.backordered,
                backorders_derived = excluded.backorders_derived,
                transferred = excluded.transferred, safety = excluded.safety, policy = excluded.policy,
                updated_at = excluded.updated_at, version = excluded.version, incarnation = excluded.incarnation,
                position = excluded.position",
        )
        .bind(item.sku.as_str())
        .bind(item.location.as_str())
        .bind(on_hand)
        .bind(reserved)
        .bind(received)
        .bind(restocked)
        .bind(adjusted)
        .bind(shipped)
        .bind(transferred)
        .bind(safety)
        .bind(Json(policy))
        .bind(item.updated_at)
        .bind(item.version.0)
        .bind(item.incarnation.0)
        .bind(item.position.0)
        .bind(backordered)
        .bind(backorders_derived)
        .execute(&self.projector)
        .await
        .expect("the item's row");
        self.checkpointed(&StreamId::stock(&item.sku, &item.location), item.position).await;
    }

    /// One event at the end of the log.
    async fn appended(&self, stream: StreamId, event: &Event) -> Recorded {
        let (life, position, version) = self.log().append(&stream);
        let encoded = codec::encode(event);
        let recorded = Recorded {
            incarnation: life,
            position: Position(position),
            stream,
            version: Version(version),
            event_type: encoded.event_type.to_owned(),
            schema_version: encoded.schema_version,
            payload: encoded.payload,
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: Utc::now().trunc_subsecs(6),
        };
        sqlx::query(
            "with head as (update log_head set position = greatest(position, $1) returning 1)
            insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
            select $1, $8, $2, $3, $4, $5, $6::json, $7 from head",
        )
        .bind(position)
        .bind(recorded.stream.as_str())
        .bind(version)
        .bind(&recorded.event_type)
        .bind(recorded.schema_version)
        .bind(&recorded.payload)
        .bind(recorded.recorded_at)
        .bind(life.0)
        .execute(&self.writer)
        .await
        .expect("appending");
        recorded
    }

    /// The relay has sent everything that is in the log.
    pub(crate) async fn relayed(&self) {
        let (life, head, last) = {
            let log = self.log();
            (log.life, log.head(), log.last_of_partition())
        };
        sqlx::query(
            "with moved as (update relay_checkpoint set position = greatest(position, $1), incarnation = $5)
            update relay_partitions p set position = greatest(p.position, sent.position)
            from unnest($2::text[], $3::int[], $4::bigint[]) as sent (category, partition, position)
            where p.category = sent.category and p.partition = sent.partition",
        )
        .bind(head)
        .bind(last.keys().map(|(category, _)| category.as_str()).collect::<Vec<_>>())
        .bind(last.keys().map(|(_, partition)| *partition).collect::<Vec<_>>())
        .bind(last.values().copied().collect::<Vec<_>>())
        .bind(life.0)
        .execute(&self.writer)
        .await
        .expect("the relay's notes");
    }

    /// A stream waits because its event at `position` could not be applied; the checkpoint has gone past it.
    pub(crate) async fn parked(&self, stream: &StreamId, position: Position) {
        let projection = Projection::of(stream.category()).expect("a projection");
        sqlx::query("insert into parked_streams values ($1, 1, $2, $3, 'a test', now())")
            .bind(projection.name())
            .bind(stream.as_str())
            .bind(position.0)
            .execute(&self.projector)
            .await
            .expect("parking");
        self.checkpointed(stream, position).await;
    }

    /// What the command-service would give as consistency token for the newest event.
    pub(crate) fn head(&self) -> i64 {
        self.log().head()
    }

    /// A failover lost everything after `last`, and the operator raised the log's incarnation: the database is as it was
    /// then, but for the read models' rows, which the test writes itself.
    pub(crate) async fn tail_lost_after(&self, last: i64) {
        let life = {
            let mut log = self.log();
            log.streams.truncate(last as usize);
            log.life.0 += 1;
            log.life.0
        };
        let mut admin = connection(&self.bed.admin_url().expect("an address")).await;
        let lose = format!(
            "set session_replication_role = replica;
            delete from events where position > {last};
            update log_head set incarnation = {life}, position = {last};
            update relay_checkpoint set position = {last};
            update relay_partitions set position = 0 where position > {last}"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(lose)).execute(&mut admin).await.expect("losing the tail");
        self.relayed().await;
        let rewind = "update projection_checkpoints c set position = least(c.position, p.position)
            from relay_partitions p where p.category = c.category and p.partition = c.partition";
        sqlx::raw_sql(rewind).execute(&mut admin).await.expect("the checkpoints");
    }

    /// The row of an order is not there any more, as after a failover that lost the order.
    pub(crate) async fn order_gone(&self, order: &OrderDocument) {
        let mut admin = connection(&self.bed.admin_url().expect("an address")).await;
        let delete = sqlx::query("delete from orders where id = $1").bind(order.id.uuid());
        delete.execute(&mut admin).await.expect("deleting the row");
    }

    /// Nobody reads or writes the table until the connection is closed.
    pub(crate) async fn locked(&self, table: &str) -> PgConnection {
        let mut owner = connection(&self.bed.owner_url().expect("an address")).await;
        let lock = format!("begin; lock table {table} in access exclusive mode");
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut owner).await.expect("the lock");
        owner
    }

    async fn checkpointed(&self, stream: &StreamId, position: Position) {
        let projection = Projection::of(stream.category()).expect("a projection");
        let life = self.log().life;
        sqlx::query(
            "insert into projection_checkpoints values ($1, 1, $2, $3, 1, $5, $4, now())
            on conflict (projection, generation, category, partition) do update
            set position = greatest(projection_checkpoints.position, excluded.position),
                incarnation = excluded.incarnation",
        )
        .bind(projection.name())
        .bind(stream.category().as_str())
        .bind(partition(stream))
        .bind(position.0)
        .bind(life.0)
        .execute(&self.projector)
        .await
        .expect("the checkpoint");
    }

    async fn month(&self, table: &str, instant: DateTime<Utc>) {
        let ensure = sqlx::query("select ensure_month($1, $2)").bind(table).bind(instant);
        ensure.execute(&self.projector).await.expect("the month");
    }

    fn next_order(&self) -> i64 {
        let mut log = self.log();
        log.orders += 1;
        log.orders
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("not poisoned")
    }
}

impl Log {
    fn append(&mut self, stream: &StreamId) -> (Incarnation, i64, i32) {
        self.streams.push(stream.clone());
        let version = self.streams.iter().filter(|it| *it == stream).count();
        (self.life, self.head(), version as i32)
    }

    fn head(&self) -> i64 {
        self.streams.len() as i64
    }

    fn last_of_partition(&self) -> HashMap<(Category, i32), i64> {
        (1..).zip(&self.streams).map(|(at, stream)| ((stream.category(), partition(stream)), at)).collect()
    }
}

async fn connection(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}

/// A location whose stock of the SKU goes to another partition than that at `main`.
pub(crate) fn elsewhere(code: &str) -> String {
    let of = |location: &str| partition(&StreamId::stock(&sku(code), &location.parse().expect("a location")));
    let mut names = (1..).map(|number| format!("shelf-{number}"));
    names.find(|name| of(name) != of("main")).expect("there are several partitions")
}

async fn pool(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect(url).await.expect("a connection")
}

fn partition(stream: &StreamId) -> i32 {
    topics::partition_of(stream.as_str(), PARTITIONS)
}

/// Number `number` of the channel, with one line; ids of one millisecond are in the order of their numbers.
fn order_placed(placed_at: DateTime<Utc>, number: i64) -> OrderPlaced {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    OrderPlaced {
        order_id: OrderId::new(placed_at, random),
        code: OrderCode::new("SON", number as u64),
        channel: "web".parse().expect("a channel"),
        currency: "GBP".parse().expect("a currency"),
        customer_id: None,
        external_ref: None,
        lines: vec![Line {
            line: 1,
            sku: sku("MUG-1"),
            name: "Mug \"grün\"".into(),
            quantity: 2,
            unit_price: Minor(450),
            discount: Minor::ZERO,
            tax: Minor::ZERO,
            total: Minor(900),
            pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
            location: Location::main(),
            backordered: 0,
            untracked: false,
        }],
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor(900),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    }
}
