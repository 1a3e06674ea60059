//! Rejections: why a rule refused a command. A rejection is not an error. [`detail`] contains the texts for people, [`extensions`] the
//! members for machines; the problem types are in `command-service/src/http`.

use chrono::{DateTime, NaiveDate, Utc};
use events::order::{LineNo, PartNo};
use events::{ChannelCode, Currency, CustomerId, HoldId, Location, Minor, OrderId, Sku, Version};
use serde::Serialize;

mod detail;
mod extensions;
mod lines;
mod order_state;
pub mod samples;

pub use lines::{ExceededLine, LowLine, Purpose, ShortLine, Unfit, UnfitLine, worst};
pub use order_state::{Counted, Obstacle, OrderAction, OrderPart, OrderState};

/// What a claim to an order's name elsewhere begins with; then follow the channel, a colon and the name.
pub const EXTERNAL_REF: &str = "external_ref:";

/// What a claim to a provider's reference of a payment begins with; then follow the kind of payment, the method and the reference,
/// each on a line of its own: no text of a command has line breaks.
pub const PAYMENT_REFERENCE: &str = "payment:";

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The product that the command addresses does not exist.
    UnknownProduct(Sku),
    /// The order does not exist.
    UnknownOrder(OrderId),
    /// The customer does not exist.
    UnknownCustomer(CustomerId),
    /// The hold does not exist.
    UnknownStockHold(HoldId),
    /// A payment, fulfilment or return of the order does not exist.
    UnknownPart {
        /// What was named.
        part: OrderPart,
        /// Its number.
        number: PartNo,
        /// The last number of its kind in the order.
        last: PartNo,
    },
    /// The state of the order forbids it.
    OrderState(OrderState),
    /// Fewer units can be promised or taken away than asked for.
    InsufficientStock(Vec<ShortLine>),
    /// Lines whose product cannot be sold like this.
    UnfitProducts(Vec<UnfitLine>),
    /// The SKU is taken by a product that is not the same.
    DuplicateSku(Sku),
    /// The order's id is taken.
    DuplicateOrder(OrderId),
    /// The hold's id is taken.
    DuplicateStockHold(HoldId),
    /// The customer's id is taken.
    DuplicateCustomer(CustomerId),
    /// Another customer has the e-mail address; whose it is, nobody is told.
    DuplicateEmail,
    /// The customer is forgotten.
    CustomerErased(CustomerId),
    /// The hold that is addressed, or that an order names, keeps nothing.
    StockHoldGone {
        /// Which.
        hold_id: HoldId,
        /// What became of it.
        gone: Gone,
    },
    /// The provider's reference was recorded for another payment, or for another amount.
    DuplicatePaymentReference {
        /// How the payment was made.
        method: String,
        /// The provider's reference.
        reference: String,
    },
    /// The order's name elsewhere is taken in its channel.
    DuplicateExternalRef {
        /// The channel.
        channel: String,
        /// The name.
        external_ref: String,
    },
    /// The caller decided on an old count.
    StaleExpected {
        /// Units that the caller believed to be on hand.
        expected: i64,
        /// Units on hand.
        on_hand: i64,
    },
    /// The caller decided on an old version of what the command addresses.
    StaleVersion {
        /// The version that the caller has seen.
        expected: Version,
        /// The version that it has.
        found: Version,
    },
    /// More units would be on hand than we count.
    StockLimit {
        /// Units that would be on hand.
        on_hand: i64,
        /// The most that can be.
        limit: i64,
    },
    /// A correction takes off more units than are on hand.
    BelowZero {
        /// Units on hand.
        on_hand: i64,
        /// The correction.
        delta: i64,
    },
    /// A transfer goes nowhere.
    SameLocation(Location),
    /// The product would have more attributes than it can have.
    TooManyAttributes {
        /// So many.
        found: usize,
        /// The most there can be.
        limit: usize,
    },
    /// There is no such channel.
    UnknownChannel(ChannelCode),
    /// The channel does not sell in this currency.
    WrongCurrency {
        /// The channel.
        channel: ChannelCode,
        /// The currency asked for.
        currency: Currency,
        /// Those it sells in.
        allowed: Vec<Currency>,
    },
    /// The currency was no longer legal tender.
    CurrencyWithdrawn {
        /// The currency asked for.
        currency: Currency,
        /// Its last day.
        last_day: NaiveDate,
    },
    /// The order comes to another total than the caller expected.
    TotalMismatch {
        /// What the caller expected, minor units.
        expected: Minor,
        /// What it comes to, minor units.
        total: Minor,
    },
    /// A discount is larger than what it is taken off.
    DiscountExceeded {
        /// The line; the whole order where missing.
        line: Option<LineNo>,
        /// The discount, minor units.
        discount: Minor,
        /// What it is taken off, minor units.
        worth: Minor,
    },
    /// Lines that the order does not have.
    UnknownLines {
        /// Their numbers.
        lines: Vec<LineNo>,
        /// The last number in the order.
        last: LineNo,
    },
    /// More units than are left for this.
    QuantityExceeded {
        /// What the units would be.
        purpose: Purpose,
        /// The lines.
        lines: Vec<ExceededLine>,
    },
    /// The lines lie at several locations and a fulfilment is of one.
    SeveralLocations(Vec<Location>),
    /// Lines whose stock is not reserved at the location named.
    WrongLocation {
        /// The location named.
        location: Location,
        /// The lines; empty where the order has none there at all.
        lines: Vec<LineNo>,
    },
    /// A new payment without its method.
    MethodMissing,
    /// More money than is left for this.
    AmountExceeded {
        /// The payment.
        payment: PartNo,
        /// What was asked for, minor units.
        amount: Minor,
        /// What can be refunded, minor units.
        refundable: Minor,
    },
    /// A sum is larger than we count.
    AmountOverflow,
    /// The instant lies outside of what can be recorded.
    InstantOutOfRange {
        /// The instant named.
        instant: DateTime<Utc>,
        /// The first instant allowed.
        earliest: DateTime<Utc>,
        /// The last instant allowed.
        latest: DateTime<Utc>,
    },
    /// An order is assigned to a customer who was never registered.
    UnknownBuyer(CustomerId),
    /// An order names a customer who is erased.
    ErasedBuyer(CustomerId),
    /// The personal data of the order is erased, and the command would bring new.
    PersonalDataErased(OrderId),
    /// Two fields that say the same thing in two ways.
    Exclusive([&'static str; 2]),
    /// An amendment names lines more than once.
    RepeatedLines(Vec<LineNo>),
    /// Fewer units than are packed and shipped.
    BelowFulfilled(Vec<LowLine>),
    /// An amendment leaves nothing of the order.
    NothingLeft,
    /// The order would have more lines than one can have.
    TooManyLines {
        /// Lines that it would have.
        lines: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The order would be larger than it can be.
    OrderTooLarge {
        /// Bytes of JSON that it would take as a document, at most.
        bytes: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The order has as many of these as it can have.
    TooManyParts {
        /// Of what.
        what: Counted,
        /// The most there can be.
        limit: usize,
    },
}

/// Why a hold keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// There never was one.
    Unknown,
    /// It was given back.
    Released,
    /// Its time is over.
    Expired,
    /// An order consumed it.
    Consumed,
}

impl Rejection {
    /// The kind of the rejection: a slug, which never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownProduct(_) => "unknown-product",
            Self::UnknownOrder(_) => "unknown-order",
            Self::UnknownCustomer(_) => "unknown-customer",
            Self::UnknownStockHold(_) => "unknown-hold",
            Self::UnknownPart { part: OrderPart::Payment, .. } => "unknown-payment",
            Self::UnknownPart { part: OrderPart::Fulfilment, .. } => "unknown-fulfilment",
            Self::UnknownPart { part: OrderPart::Return, .. } => "unknown-return",
            Self::OrderState(_) => "order-state",
            Self::InsufficientStock(_) => "insufficient-stock",
            Self::UnfitProducts(lines) => worst(lines).kind(),
            Self::DuplicateSku(_) => "duplicate-sku",
            Self::DuplicateOrder(_) => "duplicate-order",
            Self::DuplicateStockHold(_) => "duplicate-hold",
            Self::DuplicateCustomer(_) => "duplicate-customer",
            Self::DuplicateEmail => "duplicate-email",
            Self::CustomerErased(_) => "customer-erased",
            Self::StockHoldGone { .. } => "hold-gone",
            Self::DuplicateExternalRef { .. } => "duplicate-external-ref",
            Self::DuplicatePaymentReference { .. } => "duplicate-payment-reference",
            Self::StaleExpected { .. } => "stale-expected",
            Self::StaleVersion { .. } => "stale-version",
            Self::StockLimit { .. } => "stock-limit",
            Self::BelowZero { .. } => "below-zero",
            Self::SameLocation(_) => "same-location",
            Self::TooManyAttributes { .. } => "too-many-attributes",
            Self::UnknownChannel(_) => "unknown-channel",
            Self::WrongCurrency { .. } => "wrong-currency",
            Self::CurrencyWithdrawn { .. } => "currency-withdrawn",
            Self::TotalMismatch { .. } => "total-mismatch",
            Self::DiscountExceeded { .. } => "discount-exceeded",
            Self::UnknownLines { .. } => "unknown-line",
            Self::QuantityExceeded { .. } => "quantity-exceeded",
            Self::SeveralLocations(_) => "several-locations",
            Self::WrongLocation { .. } => "wrong-location",
            Self::MethodMissing => "method-missing",
            Self::AmountExceeded { .. } => "amount-exceeded",
            Self::AmountOverflow => "amount-overflow",
            Self::InstantOutOfRange { .. } => "instant-out-of-range",
            Self::UnknownBuyer(_) => "unknown-customer",
            Self::ErasedBuyer(_) => "customer-erased",
            Self::PersonalDataErased(_) => "personal-data-erased",
            Self::Exclusive(_) => "exclusive-fields",
            Self::RepeatedLines(_) => "repeated-line",
            Self::BelowFulfilled(_) => "below-fulfilled",
            Self::NothingLeft => "nothing-left",
            Self::TooManyLines { .. } => "too-many-lines",
            Self::OrderTooLarge { .. } => "order-too-large",
            Self::TooManyParts { .. } => "too-many-parts",
        }
    }

    /// Somebody else has what this claim of a [`NewEvent`](crate::decision::NewEvent) names.
    pub fn claim_taken(claim: &str) -> Rejection {
        if let Some(payment) = claim.strip_prefix(PAYMENT_REFERENCE) {
            let mut parts = payment.splitn(3, '\n').skip(1).map(str::to_owned);
            let (method, reference) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            return Rejection::DuplicatePaymentReference { method, reference };
        }
        let name = claim.strip_prefix(EXTERNAL_REF).unwrap_or(claim);
        let (channel, external_ref) = name.split_once(':').unwrap_or(("", name));
        Rejection::DuplicateExternalRef { channel: channel.to_owned(), external_ref: external_ref.to_owned() }
    }
}

#[cfg(test)]
mod tests;
