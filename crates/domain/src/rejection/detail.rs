//! The detail of a rejection for people: the cause, and how to correct the command.

use std::fmt::Display;

use chrono::{DateTime, NaiveDate, Utc};
use events::order::progress::{FulfilmentState, Lifecycle, ReturnState};
use events::order::{LineNo, PartNo};
use events::{ChannelCode, Currency, CustomerId, Location, Minor, OrderId, Sku, StockHoldId, Version};

use super::{
    Counted, ExceededLine, Gone, LowLine, Obstacle, OrderPart, OrderState, Purpose, Rejection, ShortLine, Unfit,
    UnfitLine,
};

/// Most lines that a detail lists; the extensions contain all of them.
const MAX_LISTED: usize = 5;

impl Rejection {
    /// The cause and how to correct the command, in sentences.
    pub fn detail(&self) -> String {
        match self {
            Self::UnknownProduct(sku) => format!("There is no product {sku}. Create it first, or correct the SKU."),
            Self::UnknownOrder(id) => format!("There is no order {id}. Correct the id."),
            Self::UnknownCustomer(id) => format!("There is no customer {id}. Correct the id."),
            Self::UnknownStockHold(id) => format!("There is no stock hold {id}. Correct the id."),
            Self::UnknownPart { part, number, last } => unknown_part(*part, *number, *last),
            Self::OrderState(state) => order_state(state),
            Self::InsufficientStock(lines) => {
                format!("{}. Ask for less, or wait for stock.", sentence(lines.iter().map(short)))
            }
            Self::UnfitProducts(lines) => format!("{}. Correct these lines.", sentence(lines.iter().map(unfit))),
            Self::DuplicateSku(sku) => duplicate_sku(sku),
            Self::DuplicateOrder(id) => duplicate_order(*id),
            Self::DuplicateStockHold(id) => duplicate_hold(*id),
            Self::DuplicateCustomer(id) => duplicate_customer(*id),
            Self::DuplicateEmail => {
                "Another customer has this e-mail address. Send another address, or find the customer by it.".to_owned()
            }
            Self::CustomerErased(id) => customer_erased(*id),
            Self::DuplicatePaymentReference { method, reference } => duplicate_payment_reference(method, reference),
            Self::DuplicateExternalRef { channel, external_ref } => duplicate_external_ref(channel, external_ref),
            Self::StaleExpected { expected, on_hand } => stale_expected(*expected, *on_hand),
            Self::StaleVersion { expected, found } => stale_version(*expected, *found),
            Self::StockLimit { on_hand, limit } => stock_limit(*on_hand, *limit),
            Self::BelowZero { on_hand, delta } => below_zero(*on_hand, *delta),
            Self::SameLocation(location) => same_location(location),
            Self::TooManyAttributes { found, limit } => too_many_attributes(*found, *limit),
            Self::UnknownChannel(channel) => unknown_channel(channel),
            Self::WrongCurrency { channel, currency, allowed } => wrong_currency(channel, *currency, allowed),
            Self::CurrencyWithdrawn { currency, last_day } => currency_withdrawn(*currency, *last_day),
            Self::TotalMismatch { expected, total } => total_mismatch(*expected, *total),
            Self::DiscountExceeded { line, discount, worth } => discount_exceeded(*line, *discount, *worth),
            Self::UnknownLines { lines, last } => unknown_lines(lines, *last),
            Self::QuantityExceeded { purpose, lines } => quantity_exceeded(*purpose, lines),
            Self::SeveralLocations(locations) => several_locations(locations),
            Self::WrongLocation { location, lines } => wrong_location(location, lines),
            Self::MethodMissing => {
                "A capture that names no payment is a new one. Send its `method`, or name the `payment`.".to_owned()
            }
            Self::AmountExceeded { payment, amount, refundable } => amount_exceeded(*payment, *amount, *refundable),
            Self::AmountOverflow => {
                "A sum of this request is larger than 1000000000000000 minor units. Split the request.".to_owned()
            }
            Self::InstantOutOfRange { instant, earliest, latest } => instant_out_of_range(*instant, *earliest, *latest),
            Self::StockHoldGone { hold_id, gone } => hold_gone(*hold_id, *gone),
            Self::UnknownBuyer(id) => unknown_buyer(*id),
            Self::ErasedBuyer(id) => format!("Customer {id} is erased. Name another one, or none."),
            Self::PersonalDataErased(id) => personal_data_erased(*id),
            Self::Exclusive([one, other]) => format!("Send `{one}` or `{other}`, not both."),
            Self::RepeatedLines(lines) => format!("Named more than once: line {}. Name each line once.", list(lines)),
            Self::BelowFulfilled(lines) => below_fulfilled(lines),
            Self::NothingLeft => "The amendment leaves no unit in the order. Cancel the order instead.".to_owned(),
            Self::TooManyLines { lines, limit } => too_many_lines(*lines, *limit),
            Self::OrderTooLarge { bytes, limit } => order_too_large(*bytes, *limit),
            Self::TooManyParts { what, limit } => too_many_parts(*what, *limit),
        }
    }
}

fn unknown_part(part: OrderPart, number: PartNo, last: PartNo) -> String {
    match last {
        0 => format!("The order has no {part} {number}; it has none yet. Create it first."),
        _ => format!("The order has no {part} {number}. Name one from 1 to {last}."),
    }
}

fn duplicate_sku(sku: &Sku) -> String {
    format!("There is a product {sku} already, with other data. Update that product, or use another SKU.")
}

fn duplicate_order(id: OrderId) -> String {
    format!("There is an order {id} already. Send another id, or none and use the id in the response.")
}

fn duplicate_hold(id: StockHoldId) -> String {
    format!("There is a stock hold {id} already. Send another id, or none and use the id in the response.")
}

fn duplicate_customer(id: CustomerId) -> String {
    format!("There is another customer {id}. Send another id, or none and use the id in the response.")
}

fn customer_erased(id: CustomerId) -> String {
    format!("Customer {id} is erased, and the erasure is final. Register a new customer.")
}

fn duplicate_payment_reference(method: &str, reference: &str) -> String {
    format!(
        "The reference `{reference}` of method `{method}` is recorded for another payment or for another amount. Each \
                 transaction of a payment provider has a reference of its own: send that, or leave `reference` out."
    )
}

fn duplicate_external_ref(channel: &str, external_ref: &str) -> String {
    format!(
        "Channel {channel} has an order `{external_ref}` already. If the two are the same order, nothing needs to be done."
    )
}

fn stale_expected(expected: i64, on_hand: i64) -> String {
    format!("The field `expected` is {expected}, but {on_hand} units are on hand. Read the stock again, then decide.")
}

fn stale_version(expected: Version, found: Version) -> String {
    format!(
        "Version {expected} is expected, but the current version is {found}. Read the current version, then decide."
    )
}

fn stock_limit(on_hand: i64, limit: i64) -> String {
    format!("{on_hand} units would be on hand; the limit is {limit}. Correct the quantity.")
}

fn below_zero(on_hand: i64, delta: i64) -> String {
    format!(
        "{on_hand} units are on hand by the last count, so {} cannot be removed. Correct `delta`, or send the number \
                 of units that were counted as `count`.",
        -delta
    )
}

fn same_location(location: &Location) -> String {
    format!("The fields `from` and `to` are both {location}. Name two different locations.")
}

fn too_many_attributes(found: usize, limit: usize) -> String {
    format!("The product would have {found} attributes; the limit is {limit}. Remove some in the same patch.")
}

fn unknown_channel(channel: &ChannelCode) -> String {
    format!("There is no channel `{channel}`. Name one that exists, or none for the default.")
}

fn wrong_currency(channel: &ChannelCode, currency: Currency, allowed: &[Currency]) -> String {
    format!("Channel {channel} does not sell in {currency}. Use one of: {}.", list(allowed))
}

fn currency_withdrawn(currency: Currency, last_day: NaiveDate) -> String {
    format!(
        "{currency} was legal tender until {last_day}. Use its successor; an order of the past is placed at the instant \
                 that its id carries."
    )
}

fn total_mismatch(expected: Minor, total: Minor) -> String {
    format!(
        "The field `expected_total` is {expected} minor units, but the total is {total}. Show the new total to the buyer, then send the order again."
    )
}

fn discount_exceeded(line: Option<LineNo>, discount: Minor, worth: Minor) -> String {
    let what = line.map_or("the order".to_owned(), |line| format!("line {line}"));
    format!("The discount of {discount} is larger than the amount of {what}, {worth} minor units. Reduce the discount.")
}

fn unknown_lines(lines: &[LineNo], last: LineNo) -> String {
    format!("The order has no line {}. Name lines from 1 to {last}.", list(lines))
}

fn quantity_exceeded(purpose: Purpose, lines: &[ExceededLine]) -> String {
    let lines =
        lines.iter().map(|line| format!("line {} asks for {}, {} are left", line.line, line.requested, line.available));
    format!("{} {}.", sentence(lines), advice(purpose))
}

fn several_locations(locations: &[Location]) -> String {
    format!("The units are at {}. Create one fulfilment for each location, and name the location.", list(locations))
}

fn wrong_location(location: &Location, lines: &[LineNo]) -> String {
    match lines.is_empty() {
        true => format!("The order has no units reserved at {location}. Correct the location."),
        false => format!("Not reserved at {location}: line {}. Name the location of these lines.", list(lines)),
    }
}

fn amount_exceeded(payment: PartNo, amount: Minor, refundable: Minor) -> String {
    format!("{amount} is more than is left of payment {payment}: {refundable} minor units. Refund at most that.")
}

fn instant_out_of_range(instant: DateTime<Utc>, earliest: DateTime<Utc>, latest: DateTime<Utc>) -> String {
    format!("{instant:?} is not between {earliest:?} and {latest:?}. Correct the instant, or the clock.")
}

fn hold_gone(hold_id: StockHoldId, gone: Gone) -> String {
    format!("Stock hold {hold_id} {}. Place a new stock hold, or order without one.", reason_gone(gone))
}

fn unknown_buyer(id: CustomerId) -> String {
    format!("There is no customer {id}. Register the customer first, or correct the id.")
}

fn personal_data_erased(id: OrderId) -> String {
    format!(
        "The personal data of order {id} was erased, with the order or with its customer. The order accepts no new \
                 addresses, notes or customer. Place a new order instead."
    )
}

fn below_fulfilled(lines: &[LowLine]) -> String {
    let lines = lines.iter().map(|line| {
        format!("line {} would have {} units, {} are packed or shipped", line.line, line.requested, line.least)
    });
    format!("{}. Ask for more, or cancel the fulfilment first.", sentence(lines))
}

fn too_many_lines(lines: usize, limit: usize) -> String {
    format!("The order would have {lines} lines; the most is {limit}. Place another order for the rest.")
}

fn order_too_large(bytes: usize, limit: usize) -> String {
    format!(
        "The document of the order could grow to {bytes} bytes, later updates of its payments, fulfilments and returns \
                 included; the most is {limit}. Record captured money under a payment that the order has: name it in `payment`. For anything else \
                 place another order."
    )
}

fn too_many_parts(what: Counted, limit: usize) -> String {
    format!("The order has {limit} {}, the most there can be. {}", what.plural(), what.remedy())
}

fn order_state(state: &OrderState) -> String {
    match state.obstacle {
        Obstacle::Lifecycle => format!("The order is {}.", lifecycle(state.lifecycle)),
        Obstacle::SomeShipped => "Units of the order are already shipped.".to_owned(),
        Obstacle::OnHold => "The order is on hold: release it first.".to_owned(),
        Obstacle::AllShipped => "All units of the order are shipped: request a return instead.".to_owned(),
        Obstacle::Fulfilment(number, at) => format!("Fulfilment {number} is {}.", fulfilment(at)),
        Obstacle::OtherShipment(number) => {
            format!("Fulfilment {number} was shipped with another carrier or tracking number.")
        }
        Obstacle::Return(number, at) => format!("Return {number} is {}.", return_state(at)),
        Obstacle::Captured(number) => {
            format!("Payment {number} is captured, so it can no longer be voided or fail: record a refund instead.")
        }
    }
}

fn short(line: &ShortLine) -> String {
    let ShortLine { sku, location, requested, available, .. } = line;
    match line.line {
        Some(line) => format!("line {line} asks for {requested} of {sku} at {location}, {available} are available"),
        None => format!("{requested} of {sku} at {location} are requested, {available} are available"),
    }
}

fn unfit(line: &UnfitLine) -> String {
    let what = match line.problem {
        Unfit::UnknownProduct => "does not exist",
        Unfit::InactiveProduct => "is discontinued",
        Unfit::PriceMissing => "has no price in this currency",
    };
    format!("line {}: {} {what}", line.line, line.sku)
}

fn advice(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Fulfilment => "to be packed. Ask for less",
        Purpose::Cancellation => "neither packed nor shipped. Ask for less, or cancel the fulfilment first",
        Purpose::Return => "shipped and not yet sent back. Ask for less",
        Purpose::Receipt => "still requested in this return. Receive fewer, or request another return",
    }
}

fn reason_gone(gone: Gone) -> &'static str {
    match gone {
        Gone::Unknown => "does not exist",
        Gone::Released => "was released",
        Gone::Expired => "is expired",
        Gone::Consumed => "was consumed by another order",
    }
}

fn lifecycle(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Open => "open",
        Lifecycle::Completed => "completed",
        Lifecycle::Cancelled => "cancelled",
        Lifecycle::Expired => "expired",
    }
}

fn fulfilment(state: FulfilmentState) -> &'static str {
    match state {
        FulfilmentState::Created => "not shipped yet",
        FulfilmentState::Shipped => "shipped",
        FulfilmentState::Delivered => "delivered",
        FulfilmentState::Cancelled => "cancelled",
    }
}

fn return_state(state: ReturnState) -> &'static str {
    match state {
        ReturnState::Requested => "requested",
        ReturnState::Received => "received",
        ReturnState::Rejected => "rejected",
    }
}

impl OrderPart {
    /// The name of the part in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderPart::Payment => "payment",
            OrderPart::Fulfilment => "fulfilment",
            OrderPart::Return => "return",
        }
    }
}

impl Counted {
    fn plural(self) -> &'static str {
        match self {
            Counted::Part(OrderPart::Payment) => "payments",
            Counted::Part(OrderPart::Fulfilment) => "fulfilments",
            Counted::Part(OrderPart::Return) => "returns",
            Counted::Note => "notes",
            Counted::Tag => "tags",
            Counted::PaymentReference => "payment references",
            Counted::FormerCustomer => "former customers",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Counted::Part(OrderPart::Payment) => "Record captured money under one of them: name it in `payment`.",
            Counted::Part(OrderPart::Fulfilment) => "Ship those that are packed, and place another order for more.",
            Counted::Part(OrderPart::Return) => "Receive those that are open, and handle more outside of the order.",
            Counted::Note => "Keep further notes elsewhere.",
            Counted::Tag => "Remove some first.",
            Counted::PaymentReference => "Record the payment without `reference`.",
            Counted::FormerCustomer => "Leave the order with the customer who has it.",
        }
    }
}

impl Display for OrderPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first clauses, as the beginning of a sentence.
fn sentence(clauses: impl ExactSizeIterator<Item = String>) -> String {
    let more = clauses.len().saturating_sub(MAX_LISTED);
    let mut sentence = clauses.take(MAX_LISTED).collect::<Vec<_>>().join("; ");
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if more > 0 {
        sentence.push_str(&format!("; and {more} more"));
    }
    sentence
}

/// The first items, separated by commas.
fn list(words: &[impl Display]) -> String {
    let mut list = words.iter().take(MAX_LISTED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let more @ 1.. = words.len().saturating_sub(MAX_LISTED) {
        list.push_str(&format!(" and {more} more"));
    }
    list
}
