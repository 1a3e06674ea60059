//! The life of an order: its lines, what happens to it and when, and the events of each step.

use std::collections::BTreeSet;

use anyhow::Context;
use events::order::pricing::{Amounts, Pricing};
use events::order::{
    Disposition, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped, Line, LineQuantity, OrderCancelled,
    OrderEvent, OrderExpired, OrderPlaced, PaymentCaptured, ReceivedUnits, RefundKind, RefundRecorded, ReturnReceived,
    ReturnRequested, ShippingLine,
};
use events::personal::{Address, Contact};
use events::stock::{StockEvent, StockReleased, StockReserved, StockRestocked, StockShipped};
use events::{CustomerId, Location, Minor, OrderCode, OrderId, Personal, Sku, StreamId};

/// Tax rate of all products: 20 %, in millionths.
const TAX_RATE: u32 = 200_000;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Something that happens to an order after it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Capture,
    Pack,
    Ship,
    Deliver,
    RequestReturn,
    ReceiveReturn,
    Refund,
    Cancel,
    Expire,
}

/// What becomes of an order, with the share of such orders in percent. The orders of the last days have not come that far.
const LIVES: &[(u32, &[Step])] = &[
    (40, &[]),
    (10, &[Step::Capture]),
    (37, &[Step::Capture, Step::Pack, Step::Ship, Step::Deliver]),
    (
        3,
        &[Step::Capture, Step::Pack, Step::Ship, Step::Deliver, Step::RequestReturn, Step::ReceiveReturn, Step::Refund],
    ),
    (6, &[Step::Cancel]),
    (4, &[Step::Expire]),
];

impl Step {
    /// Seconds between the step before and this one: at least, and less than.
    fn delay_s(self) -> (u64, u64) {
        match self {
            Step::Capture => (MINUTE, 30 * MINUTE),
            Step::Pack => (2 * HOUR, 20 * HOUR),
            Step::Ship => (HOUR, 12 * HOUR),
            Step::Deliver => (DAY, 4 * DAY),
            Step::RequestReturn => (2 * DAY, 10 * DAY),
            Step::ReceiveReturn => (3 * DAY, 7 * DAY),
            Step::Refund => (HOUR, DAY),
            Step::Cancel => (10 * MINUTE, 6 * HOUR),
            Step::Expire => (DAY, DAY + MINUTE),
        }
    }
}

/// A line of a new order.
#[derive(Debug, Clone)]
pub(super) struct NewLine {
    /// Number of the product.
    pub(super) product: usize,
    pub(super) sku: Sku,
    pub(super) name: String,
    pub(super) price: Minor,
    pub(super) quantity: u32,
    /// Whether the units of the product are counted.
    pub(super) is_tracked: bool,
}

/// Who placed an order: a customer, or a guest whose contact and address are recorded with the order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Buyer {
    Customer(CustomerId),
    Guest,
}

/// A placed order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: OrderId,
    stream: StreamId,
    version: i32,
    lines: Vec<PlacedLine>,
    total: Minor,
    steps: &'static [Step],
}

#[derive(Debug)]
struct PlacedLine {
    product: usize,
    quantity: u32,
    is_tracked: bool,
    total: Minor,
}

/// A movement of a stock item, by the number of its product.
pub(super) type Movement = (usize, StockEvent);

impl Order {
    /// Places an order: its first event and the reservations of its lines.
    pub(super) fn place(
        id: OrderId,
        number: u64,
        buyer: Buyer,
        lines: &[NewLine],
        rng: &mut fastrand::Rng,
    ) -> anyhow::Result<(Order, OrderEvent, Vec<Movement>)> {
        let event = placed(id, number, buyer, lines, rng)?;
        let placed_lines = lines.iter().zip(&event.lines).map(|(new, line)| PlacedLine {
            product: new.product,
            quantity: new.quantity,
            is_tracked: new.is_tracked,
            total: line.total,
        });
        let (lines, total) = (placed_lines.collect(), event.total);
        let order = Order { id, stream: StreamId::order(id), version: 0, lines, total, steps: life(rng) };
        let reserved = order.move_units(|quantity| {
            StockEvent::Reserved(StockReserved { order_id: id, quantity, backordered: Some(0) })
        });
        Ok((order, OrderEvent::Placed(event), reserved))
    }

    /// The stream of the order and the version of its next event.
    pub(super) fn next_version(&mut self) -> (StreamId, i32) {
        self.version += 1;
        (self.stream.clone(), self.version)
    }

    /// Seconds until the next step; `None` if nothing happens any more.
    pub(super) fn next_after_s(&self, rng: &mut fastrand::Rng) -> Option<u64> {
        let (least, end) = self.steps.first()?.delay_s();
        Some(rng.u64(least..end))
    }

    /// Takes the next step: its event, and the movements of stock that are recorded with it.
    pub(super) fn take_step(&mut self) -> anyhow::Result<(OrderEvent, Vec<Movement>)> {
        let (step, rest) = self.steps.split_first().context("the order has no further step")?;
        self.steps = rest;
        let order_id = self.id;
        Ok(match step {
            Step::Capture => (OrderEvent::PaymentCaptured(self.capture()), Vec::new()),
            Step::Pack => (OrderEvent::FulfilmentCreated(self.pack()), Vec::new()),
            Step::Ship => {
                let shipped = |quantity| StockEvent::Shipped(StockShipped { order_id, quantity });
                (OrderEvent::FulfilmentShipped(self.ship()), self.move_units(shipped))
            }
            Step::Deliver => (OrderEvent::FulfilmentDelivered(FulfilmentDelivered { fulfilment: 1 }), Vec::new()),
            Step::RequestReturn => (OrderEvent::ReturnRequested(self.request_return()), Vec::new()),
            Step::ReceiveReturn => {
                let restocked = |quantity| StockEvent::Restocked(StockRestocked { order_id, quantity });
                let mut movements = self.move_units(restocked);
                movements.retain(|(product, _)| *product == self.lines[0].product);
                (OrderEvent::ReturnReceived(self.receive_return()), movements)
            }
            Step::Refund => (OrderEvent::RefundRecorded(self.refund()), Vec::new()),
            Step::Cancel => {
                let cancelled = OrderCancelled { reason: Personal::from("changed mind") };
                (OrderEvent::Cancelled(cancelled), self.release())
            }
            Step::Expire => (OrderEvent::Expired(OrderExpired {}), self.release()),
        })
    }

    fn capture(&self) -> PaymentCaptured {
        let reference = Some(format!("ch_{}", self.id.uuid().simple()));
        PaymentCaptured { payment: 1, amount: self.total, method: "card".to_owned(), reference }
    }

    fn pack(&self) -> FulfilmentCreated {
        let units = (1..).zip(&self.lines).map(|(line, placed)| LineQuantity { line, quantity: placed.quantity });
        FulfilmentCreated { fulfilment: 1, location: Location::main(), lines: units.collect() }
    }

    fn ship(&self) -> FulfilmentShipped {
        let tracking = Some(format!("{:020}", self.id.uuid().as_u128() % 10_u128.pow(20)));
        FulfilmentShipped { fulfilment: 1, carrier: Some("DHL".to_owned()), tracking }
    }

    /// The return of the first line.
    fn request_return(&self) -> ReturnRequested {
        let lines = vec![LineQuantity { line: 1, quantity: self.lines[0].quantity }];
        ReturnRequested { return_no: 1, lines, reason: Personal::from("too small"), external_ref: None }
    }

    fn receive_return(&self) -> ReturnReceived {
        let (quantity, disposition) = (self.lines[0].quantity, Disposition::Restock);
        ReturnReceived { return_no: 1, lines: vec![ReceivedUnits { line: 1, quantity, disposition }], rest: None }
    }

    fn refund(&self) -> RefundRecorded {
        let amount = self.lines[0].total;
        RefundRecorded { payment: 1, amount, kind: Some(RefundKind::Return), return_no: Some(1) }
    }

    fn release(&self) -> Vec<Movement> {
        let order_id = self.id;
        self.move_units(|quantity| StockEvent::Released(StockReleased { order_id, quantity, backordered: Some(0) }))
    }

    /// Moves the units of all lines that are tracked.
    fn move_units(&self, event: impl Fn(u32) -> StockEvent) -> Vec<Movement> {
        let tracked = self.lines.iter().filter(|line| line.is_tracked);
        tracked.map(|line| (line.product, event(line.quantity))).collect()
    }
}

fn life(rng: &mut fastrand::Rng) -> &'static [Step] {
    let mut percent = rng.u32(0..100);
    for (share, steps) in LIVES {
        match percent.checked_sub(*share) {
            Some(rest) => percent = rest,
            None => return steps,
        }
    }
    &[]
}

fn placed(
    order_id: OrderId,
    number: u64,
    buyer: Buyer,
    new: &[NewLine],
    rng: &mut fastrand::Rng,
) -> anyhow::Result<OrderPlaced> {
    let lines = (1..).zip(new).map(|(number, new)| line(number, new)).collect::<anyhow::Result<Vec<_>>>()?;
    let shipping = shipping();
    let total = Minor(lines.iter().map(|line| line.total.0).sum::<i64>() + shipping.total.0);
    let (customer_id, guest) = match buyer {
        Buyer::Customer(id) => (Some(id), None),
        Buyer::Guest => (None, Some(guest(number))),
    };
    let (contact, shipping_address) = guest.unzip();
    Ok(OrderPlaced {
        order_id,
        code: OrderCode::new("SON", number),
        channel: if rng.u8(0..5) == 0 { "market" } else { "default" }.parse()?,
        currency: "GBP".parse()?,
        customer_id,
        external_ref: None,
        lines,
        discount: Minor::ZERO,
        shipping: shipping.total,
        shipping_lines: vec![shipping],
        total,
        note: None,
        contact,
        shipping_address,
        billing_address: None,
        tags: if rng.u8(0..30) == 0 { BTreeSet::from(["gift".to_owned()]) } else { BTreeSet::new() },
        payment_due: None,
        hold_id: None,
    })
}

fn line(line: u32, new: &NewLine) -> anyhow::Result<Line> {
    let pricing = Pricing { tax_rate: Some(TAX_RATE), ..Pricing::default() };
    let Amounts { discount, tax, total } = pricing.amounts(new.price, new.quantity).context("pricing a line")?;
    Ok(Line {
        line,
        sku: new.sku.clone(),
        name: new.name.clone(),
        quantity: new.quantity,
        unit_price: new.price,
        discount,
        tax,
        total,
        pricing,
        location: Location::main(),
        backordered: 0,
        untracked: !new.is_tracked,
    })
}

fn shipping() -> ShippingLine {
    let (amount, tax, total) = (Minor(400), Minor(80), Minor(480));
    ShippingLine { name: "Standard".to_owned(), amount, tax_rate: Some(TAX_RATE), tax, total }
}

/// Contact and address of a guest.
fn guest(number: u64) -> (Personal<Contact>, Personal<Address>) {
    let name = format!("Guest {number}");
    let email = Some(format!("guest{number}@example.com"));
    let contact = Contact { name: Some(name.clone()), email, phone: None };
    (Personal::new(contact), Personal::new(address(name, number)))
}

/// The address of a person.
pub(super) fn address(name: String, number: u64) -> Address {
    Address {
        name,
        line1: format!("{} High Street", number % 300 + 1),
        city: "London".to_owned(),
        postcode: Some(format!("N{} {}AB", number % 20 + 1, number % 9 + 1)),
        country: "GB".to_owned(),
        ..Address::default()
    }
}
