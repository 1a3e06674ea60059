//! Rejections: why a rule refused a command. A rejection is not an error. [`detail`] contains the texts for people,
//! [`extensions`] the members for machines; the problem types are in `command-service/src/http`.

use chrono::{DateTime, NaiveDate, Utc};
use events::order::{LineNo, PartNo};
use events::{ChannelCode, Currency, CustomerId, Location, Minor, OrderId, Sku, StockHoldId, Version};
use serde::Serialize;

mod detail;
mod extensions;
mod lines;
mod order_state;
pub mod samples;

pub use lines::{ExceededLine, LowLine, Purpose, ShortLine, Unfit, UnfitLine, worst};
pub use order_state::{AllowedCommand, Counted, Obstacle, OrderPart, OrderState};

/// Prefix of the claim on an external reference of an order; the channel, a colon and the reference follow.
pub const EXTERNAL_REF: &str = "external_ref:";

/// Prefix of the claim on a reference of a payment provider; the kind of the transaction, the method and the reference
/// follow, each on its own line: these texts have no line breaks.
pub const PAYMENT_REFERENCE: &str = "payment:";

/// The reason why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The product that the command addresses does not exist.
    UnknownProduct(Sku),
    /// The order does not exist.
    UnknownOrder(OrderId),
    /// The customer does not exist.
    UnknownCustomer(CustomerId),
    /// The stock hold does not exist.
    UnknownStockHold(StockHoldId),
    /// A payment, fulfilment or return of the order does not exist.
    UnknownPart {
        /// Kind of the part.
        part: OrderPart,
        /// Number that the command names.
        number: PartNo,
        /// Highest number of this kind in the order; 0 if there is none.
        last: PartNo,
    },
    /// The state of the order does not allow the command.
    OrderState(OrderState),
    /// Fewer units are available than are requested.
    InsufficientStock(Vec<ShortLine>),
    /// Lines whose product cannot be sold.
    UnfitProducts(Vec<UnfitLine>),
    /// A product with this SKU and other data exists.
    DuplicateSku(Sku),
    /// An order with this id exists.
    DuplicateOrder(OrderId),
    /// A stock hold with this id exists.
    DuplicateStockHold(StockHoldId),
    /// Another customer with this id exists.
    DuplicateCustomer(CustomerId),
    /// Another customer has the e-mail address. The rejection does not name that customer.
    DuplicateEmail,
    /// The customer is erased.
    CustomerErased(CustomerId),
    /// The stock hold that is addressed, or that an order names, has ended or does not exist.
    StockHoldGone {
        /// Id of the stock hold.
        hold_id: StockHoldId,
        /// How the stock hold ended.
        gone: Gone,
    },
    /// The reference of the payment provider is recorded for another payment or for another amount.
    DuplicatePaymentReference {
        /// Payment method.
        method: String,
        /// Reference of the payment provider.
        reference: String,
    },
    /// Another order of the channel has the external reference.
    DuplicateExternalRef {
        /// The channel.
        channel: String,
        /// The external reference.
        external_ref: String,
    },
    /// Another number of units is on hand than the caller expects.
    StaleExpected {
        /// Units on hand that the caller expects.
        expected: i64,
        /// Units on hand.
        on_hand: i64,
    },
    /// The addressed stream has another version than the caller expects.
    StaleVersion {
        /// Version that the caller expects.
        expected: Version,
        /// Current version.
        found: Version,
    },
    /// More units would be on hand than the limit allows.
    StockLimit {
        /// Units that would be on hand.
        on_hand: i64,
        /// The limit.
        limit: i64,
    },
    /// An adjustment removes more units than are on hand.
    BelowZero {
        /// Units on hand.
        on_hand: i64,
        /// Change of the units on hand.
        delta: i64,
    },
    /// A transfer from a location to the same location.
    SameLocation(Location),
    /// The product would have more attributes than the limit allows.
    TooManyAttributes {
        /// Number of attributes.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The channel does not exist.
    UnknownChannel(ChannelCode),
    /// The channel does not accept the currency.
    WrongCurrency {
        /// The channel.
        channel: ChannelCode,
        /// The requested currency.
        currency: Currency,
        /// Currencies that the channel accepts.
        allowed: Vec<Currency>,
    },
    /// The currency was not legal tender at the instant of the command.
    CurrencyWithdrawn {
        /// The requested currency.
        currency: Currency,
        /// Last day on which the currency was legal tender.
        last_day: NaiveDate,
    },
    /// The order has another total than the caller expects.
    TotalMismatch {
        /// Total that the caller expects, in minor units.
        expected: Minor,
        /// Total of the order, in minor units.
        total: Minor,
    },
    /// A discount is larger than the amount that it reduces.
    DiscountExceeded {
        /// Number of the line; missing for a discount on the whole order.
        line: Option<LineNo>,
        /// The discount, in minor units.
        discount: Minor,
        /// The amount before the discount, in minor units.
        worth: Minor,
    },
    /// Lines that the order does not have.
    UnknownLines {
        /// Numbers of the lines.
        lines: Vec<LineNo>,
        /// Highest line number in the order.
        last: LineNo,
    },
    /// More units are requested than are left for the purpose.
    QuantityExceeded {
        /// Purpose of the units.
        purpose: Purpose,
        /// The lines.
        lines: Vec<ExceededLine>,
    },
    /// The stock of the lines is at several locations; a fulfilment has one location.
    SeveralLocations(Vec<Location>),
    /// Lines whose stock is not reserved at the named location.
    WrongLocation {
        /// The named location.
        location: Location,
        /// The lines; empty if the order has no line at the location.
        lines: Vec<LineNo>,
    },
    /// A new payment without a method.
    MethodMissing,
    /// A refund of more money than is left of the payment.
    AmountExceeded {
        /// Number of the payment.
        payment: PartNo,
        /// Requested amount, in minor units.
        amount: Minor,
        /// Amount that can be refunded, in minor units.
        refundable: Minor,
    },
    /// A sum is larger than the largest amount.
    AmountOverflow,
    /// The instant is outside of the range that can be recorded.
    InstantOutOfRange {
        /// The requested instant.
        instant: DateTime<Utc>,
        /// The earliest allowed instant.
        earliest: DateTime<Utc>,
        /// The latest allowed instant.
        latest: DateTime<Utc>,
    },
    /// An order is assigned to a customer who was never registered.
    UnknownBuyer(CustomerId),
    /// An order names a customer who is erased.
    ErasedBuyer(CustomerId),
    /// The personal data of the order is erased, and the command contains personal data.
    PersonalDataErased(OrderId),
    /// Two fields that exclude each other.
    Exclusive([&'static str; 2]),
    /// An amendment names lines more than once.
    RepeatedLines(Vec<LineNo>),
    /// Fewer units than are packed and shipped.
    BelowFulfilled(Vec<LowLine>),
    /// An amendment leaves no unit in the order.
    NothingLeft,
    /// The order would have more lines than the limit allows.
    TooManyLines {
        /// Number of lines.
        lines: usize,
        /// The limit.
        limit: usize,
    },
    /// The order would be larger than the limit allows.
    OrderTooLarge {
        /// Upper bound of the bytes of the document of the order, in JSON.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The order has as many parts of a kind as the limit allows.
    TooManyParts {
        /// Kind of the parts.
        what: Counted,
        /// The limit.
        limit: usize,
    },
}

/// The reason why a stock hold holds no units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// The stock hold does not exist.
    Unknown,
    /// The stock hold was released.
    Released,
    /// The stock hold expired.
    Expired,
    /// An order consumed the stock hold.
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

    /// The rejection of a command whose claim ([`NewEvent::claim`](crate::decision::NewEvent)) another command has.
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
