//! The shop: products with stock, customers, orders at a steady rate, and what becomes of them, in the order of time.
//!
//! Some checkouts are abandoned: their stock holds expire. Every two thousandth order, a price changes. Stock is received
//! whenever a product runs out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use chrono::{DateTime, Duration, Utc};
use events::customer::{CustomerEmailTaken, CustomerEvent, CustomerRegistered, EmailEvent};
use events::order::OrderEvent;
use events::personal::Profile;
use events::product::{ProductCreated, ProductEvent, ProductPriceChanged};
use events::stock::{StockEvent, StockHeld, StockHoldReleased, StockPolicy, StockPolicyChanged, StockReceived};
use events::stock_hold::{HoldExpired, HoldLine, HoldPlaced, StockHoldEvent};
use events::{CustomerId, EmailHash, Event, Location, Minor, OrderId, Personal, Sku, StockHoldId, StreamId};

use super::order::{Buyer, Movement, NewLine, Order, address};
use super::rows::{NewEvent, Rows};
use super::size::LogSize;

/// Time between the first order and the last one.
const SPAN_DAYS: u64 = 120;

/// The first instant of the shop: 2026-01-15 00:00 UTC, in seconds. The log has five months.
const OPENS_AT_S: i64 = 1_768_435_200;

/// Events per order, including those of products and customers.
const EVENTS_PER_ORDER: u64 = 4;

/// Number of products.
const PRODUCTS: usize = 2_000;

/// Share of the products whose units are counted, in percent.
const TRACKED_PERCENT: u8 = 55;

/// Units that are received at once.
const RECEIVED: u32 = 500;

/// Minutes until the stock hold of an abandoned checkout expires.
const HOLD_MINUTES: i64 = 15;

/// The state of the shop.
#[derive(Debug)]
pub(super) struct Shop {
    rng: fastrand::Rng,
    /// Time between two orders, in microseconds.
    interval_us: u64,
    opens_at: DateTime<Utc>,
    products: Vec<Product>,
    customers: Vec<CustomerId>,
    orders: u64,
    agenda: BinaryHeap<Reverse<Due>>,
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
}

/// A product and its stock item.
#[derive(Debug)]
struct Product {
    sku: Sku,
    name: String,
    price: Minor,
    stream: StreamId,
    version: i32,
    stock: StreamId,
    stock_version: i32,
    /// Units that are on hand and not reserved; `None` if they are not counted.
    available: Option<i64>,
}

/// When a task is due, and its index. Tasks at the same instant are done in the order of their indexes.
type Due = (DateTime<Utc>, usize);

/// What has to be done later.
#[derive(Debug)]
enum Task {
    Proceed(Order),
    EndHold(StockHoldId, usize, u32),
}

impl Shop {
    /// A shop that has not opened yet.
    pub(super) fn open(size: LogSize) -> Shop {
        let orders = (size.events / EVENTS_PER_ORDER).max(1);
        Shop {
            rng: fastrand::Rng::with_seed(size.seed),
            interval_us: SPAN_DAYS * 24 * 3_600 * 1_000_000 / orders,
            opens_at: DateTime::from_timestamp(OPENS_AT_S, 0).unwrap_or_default(),
            products: Vec::new(),
            customers: Vec::new(),
            orders: 0,
            agenda: BinaryHeap::new(),
            tasks: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds the commands until the next order, including it.
    pub(super) fn next_commands(&mut self, rows: &mut Rows) -> anyhow::Result<()> {
        if self.products.is_empty() {
            return self.create_products(rows);
        }
        self.orders += 1;
        let now = self.opens_at + Duration::microseconds((self.orders * self.interval_us) as i64);
        // Ids have milliseconds, so the instants of the log have milliseconds too.
        let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        while let Some(Reverse((at, index))) = self.agenda.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.agenda.pop();
            self.free.push(index);
            match self.tasks[index].take() {
                Some(Task::Proceed(order)) => self.proceed(order, at, rows)?,
                Some(Task::EndHold(hold, product, quantity)) => self.end_hold(hold, product, quantity, at, rows)?,
                None => {}
            }
        }
        if self.orders.is_multiple_of(2_000) {
            self.change_price(now, rows)?;
        }
        if self.customers.is_empty() || self.orders.is_multiple_of(50) {
            self.register_customer(now, rows)?;
        }
        if self.orders.is_multiple_of(100) {
            self.hold_stock(now, rows)?;
        }
        self.place_order(now, rows)
    }

    fn create_products(&mut self, rows: &mut Rows) -> anyhow::Result<()> {
        for number in 0..PRODUCTS {
            let sku: Sku = format!("SKU-{number:05}").parse()?;
            let name = format!("{} No. {number}", ["Mug", "Lamp", "Lantern", "Cake stand", "Holder"][number % 5]);
            let price = Minor(self.rng.i64(200..5_000));
            let is_tracked = self.rng.u8(0..100) < TRACKED_PERCENT;
            let created = ProductCreated {
                sku: sku.clone(),
                name: name.clone(),
                prices: BTreeMap::from([("GBP".parse()?, price)]),
                tax_class: None,
                attributes: BTreeMap::new(),
                tags: BTreeSet::new(),
            };
            let (stream, stock) = (StreamId::product(&sku), StreamId::stock(&sku, &Location::main()));
            let available = is_tracked.then_some(0);
            let (version, stock_version) = (1, 0);
            let product = Product { sku, name, price, stream, version, stock, stock_version, available };
            let event = (product.stream.clone(), 1, ProductEvent::Created(created).into());
            self.products.push(product);
            self.add(self.opens_at, &[event], rows)?;
            if !is_tracked {
                let policy = StockPolicyChanged { policy: StockPolicy::Untracked, safety: 0 };
                let changed = self.stock_event((number, StockEvent::PolicyChanged(policy)));
                self.add(self.opens_at, &[changed], rows)?;
            }
        }
        Ok(())
    }

    fn register_customer(&mut self, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        let number = self.customers.len() as u64;
        let (customer_id, email_hash) = (CustomerId::new(now, self.random()), EmailHash::new(self.random()));
        let name = format!("Customer {number}");
        let profile = Profile {
            email: format!("customer{number}@example.com"),
            name: Some(name.clone()),
            phone: None,
            addresses: vec![address(name, number)],
        };
        let profile = Personal::new(profile);
        let registered = CustomerRegistered { customer_id, email_hash, profile, tags: BTreeSet::new() };
        let taken = EmailEvent::Taken(CustomerEmailTaken { customer_id });
        let events = [
            (StreamId::customer(customer_id), 1, CustomerEvent::Registered(registered).into()),
            (StreamId::email(email_hash), 1, taken.into()),
        ];
        self.customers.push(customer_id);
        self.add(now, &events, rows)
    }

    fn change_price(&mut self, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        let (number, price) = (self.rng.usize(0..PRODUCTS), Minor(self.rng.i64(200..5_000)));
        let product = &mut self.products[number];
        product.price = price;
        product.version += 1;
        let changed = ProductEvent::PriceChanged(ProductPriceChanged { currency: "GBP".parse()?, price });
        let event = (product.stream.clone(), product.version, changed.into());
        self.add(now, &[event], rows)
    }

    /// A checkout that is abandoned.
    fn hold_stock(&mut self, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        let number = self.pick();
        if self.products[number].available.is_none() {
            return Ok(());
        }
        let (hold_id, quantity) = (StockHoldId::new(now, self.random()), 1);
        self.receive(number, quantity, now, rows)?;
        let (sku, expires_at) = (self.products[number].sku.clone(), now + Duration::minutes(HOLD_MINUTES));
        let lines = vec![HoldLine { sku, location: Location::main(), quantity, backordered: 0 }];
        let placed = StockHoldEvent::Placed(HoldPlaced { hold_id, lines, expires_at, reference: None });
        let held = StockEvent::Held(StockHeld { hold_id, quantity, backordered: Some(0) });
        let events = [(StreamId::stock_hold(hold_id), 1, placed.into()), self.stock_event((number, held))];
        self.schedule(expires_at, Task::EndHold(hold_id, number, quantity));
        self.add(now, &events, rows)
    }

    fn end_hold(
        &mut self,
        hold_id: StockHoldId,
        number: usize,
        quantity: u32,
        now: DateTime<Utc>,
        rows: &mut Rows,
    ) -> anyhow::Result<()> {
        let expired = StockHoldEvent::Expired(HoldExpired {});
        let released = StockEvent::HoldReleased(StockHoldReleased { hold_id, quantity, backordered: Some(0) });
        let events = [(StreamId::stock_hold(hold_id), 2, expired.into()), self.stock_event((number, released))];
        self.add(now, &events, rows)
    }

    fn place_order(&mut self, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        let lines = self.basket();
        for line in &lines {
            self.receive(line.product, line.quantity, now, rows)?;
        }
        let buyer = match self.rng.u8(0..10) {
            0..6 => Buyer::Customer(self.customers[self.rng.usize(0..self.customers.len())]),
            _ => Buyer::Guest,
        };
        let id = OrderId::new(now, self.random());
        let (order, event, reserved) = Order::place(id, self.orders, buyer, &lines, &mut self.rng)?;
        self.record(order, event, reserved, now, rows)
    }

    /// The next step of an order.
    fn proceed(&mut self, mut order: Order, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        let (event, movements) = order.take_step()?;
        self.record(order, event, movements, now, rows)
    }

    /// Adds an event of an order with the movements of its stock, and schedules the next step of the order.
    fn record(
        &mut self,
        mut order: Order,
        event: OrderEvent,
        movements: Vec<Movement>,
        now: DateTime<Utc>,
        rows: &mut Rows,
    ) -> anyhow::Result<()> {
        let (stream, version) = order.next_version();
        let mut events = vec![(stream, version, event.into())];
        events.extend(movements.into_iter().map(|movement| self.stock_event(movement)));
        self.add(now, &events, rows)?;
        if let Some(after_s) = order.next_after_s(&mut self.rng) {
            self.schedule(now + Duration::seconds(after_s as i64), Task::Proceed(order));
        }
        Ok(())
    }

    /// One line (80 %), two (15 %) or three (5 %), of different products.
    fn basket(&mut self) -> Vec<NewLine> {
        let lines = match self.rng.u8(0..100) {
            0..80 => 1,
            80..95 => 2,
            _ => 3,
        };
        let first = self.pick();
        let line = |index: usize| {
            let product = (first + index * 7) % PRODUCTS;
            let Product { sku, name, price, available, .. } = &self.products[product];
            let (sku, name, price, is_tracked) = (sku.clone(), name.clone(), *price, available.is_some());
            NewLine { product, sku, name, price, quantity: index as u32 + 1, is_tracked }
        };
        (0..lines).map(line).collect()
    }

    /// Number of a product: some are ordered far more often than others.
    fn pick(&mut self) -> usize {
        let share = self.rng.f64() * self.rng.f64();
        (share * PRODUCTS as f64) as usize
    }

    /// Receives units if fewer than these are available.
    fn receive(&mut self, number: usize, units: u32, now: DateTime<Utc>, rows: &mut Rows) -> anyhow::Result<()> {
        if self.products[number].available.is_none_or(|available| available >= i64::from(units)) {
            return Ok(());
        }
        let received = StockReceived { quantity: RECEIVED, reference: None };
        let event = self.stock_event((number, StockEvent::Received(received)));
        self.add(now, &[event], rows)
    }

    /// The next event of a stock item.
    fn stock_event(&mut self, (number, event): Movement) -> NewEvent {
        let product = &mut self.products[number];
        let change = match &event {
            StockEvent::Received(it) => i64::from(it.quantity),
            StockEvent::Released(it) => i64::from(it.quantity),
            StockEvent::Restocked(it) => i64::from(it.quantity),
            StockEvent::HoldReleased(it) => i64::from(it.quantity),
            StockEvent::Reserved(it) => -i64::from(it.quantity),
            StockEvent::Held(it) => -i64::from(it.quantity),
            _ => 0,
        };
        product.available = product.available.map(|available| available + change);
        product.stock_version += 1;
        (product.stock.clone(), product.stock_version, Event::from(event))
    }

    fn schedule(&mut self, at: DateTime<Utc>, task: Task) {
        let index = self.free.pop().unwrap_or(self.tasks.len());
        match self.tasks.get_mut(index) {
            Some(free) => *free = Some(task),
            None => self.tasks.push(Some(task)),
        }
        self.agenda.push(Reverse((at, index)));
    }

    fn add(&mut self, at: DateTime<Utc>, events: &[NewEvent], rows: &mut Rows) -> anyhow::Result<()> {
        let random = self.random();
        rows.add_command(at, random, events)
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill(&mut bytes);
        bytes
    }
}
