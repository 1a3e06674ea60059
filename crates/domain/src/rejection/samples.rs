//! A sample of every rejection, for tests and documentation.

use chrono::DateTime;
use events::order::progress::{FulfilmentState, Lifecycle, ReturnState};
use events::{CustomerId, Location, Minor, OrderId, Sku, StockHoldId, Version};

use super::{
    AllowedCommand, Counted, ExceededLine, Gone, LowLine, Obstacle, OrderPart, OrderState, Purpose, Rejection,
    ShortLine, Unfit, UnfitLine,
};

fn sku() -> Sku {
    "A".parse().expect("the text is of this form")
}

fn order_id() -> OrderId {
    "0190163d-8694-739b-aea5-966c26f8ad91".parse().expect("the text is of this form")
}

fn customer_id() -> CustomerId {
    "0190163d-8694-739b-aea5-966c26f8ad92".parse().expect("the text is of this form")
}

fn hold_id() -> StockHoldId {
    "0190163d-8694-739b-aea5-966c26f8ad93".parse().expect("the text is of this form")
}

fn hold_gone(gone: Gone) -> Rejection {
    Rejection::StockHoldGone { hold_id: hold_id(), gone }
}

/// A rejection by the state of an open order.
pub fn state(obstacle: Obstacle, allowed: &[AllowedCommand]) -> Rejection {
    Rejection::OrderState(OrderState { lifecycle: Lifecycle::Open, obstacle, allowed: allowed.to_vec() })
}

pub(super) fn short(line: Option<u32>) -> ShortLine {
    ShortLine { line, sku: sku(), location: Location::main(), requested: 5, available: 3 }
}

pub(super) fn unfit(problems: &[Unfit]) -> Rejection {
    let lines = problems.iter().zip(1..).map(|(problem, line)| UnfitLine { line, sku: sku(), problem: *problem });
    Rejection::UnfitProducts(lines.collect())
}

/// A sample of each rejection, with its kind.
pub fn every() -> Vec<(Rejection, &'static str)> {
    [of_resources(), of_amounts_and_lines()].concat()
}

fn of_resources() -> Vec<(Rejection, &'static str)> {
    use Rejection::*;
    vec![
        (UnknownProduct(sku()), "unknown-product"),
        (UnknownOrder(order_id()), "unknown-order"),
        (UnknownCustomer(customer_id()), "unknown-customer"),
        (UnknownStockHold(hold_id()), "unknown-hold"),
        (DuplicateStockHold(hold_id()), "duplicate-hold"),
        (DuplicateCustomer(customer_id()), "duplicate-customer"),
        (DuplicateEmail, "duplicate-email"),
        (CustomerErased(customer_id()), "customer-erased"),
        (StockHoldGone { hold_id: hold_id(), gone: Gone::Consumed }, "hold-gone"),
        (BelowZero { on_hand: 2, delta: -3 }, "below-zero"),
        (SameLocation(Location::main()), "same-location"),
        (TooManyAttributes { found: 51, limit: 50 }, "too-many-attributes"),
        (UnknownPart { part: OrderPart::Payment, number: 2, last: 1 }, "unknown-payment"),
        (UnknownPart { part: OrderPart::Fulfilment, number: 2, last: 1 }, "unknown-fulfilment"),
        (UnknownPart { part: OrderPart::Return, number: 1, last: 0 }, "unknown-return"),
        (state(Obstacle::Lifecycle, &[AllowedCommand::to_order("record_payment")]), "order-state"),
        (state(Obstacle::AllShipped, &[AllowedCommand::to_order("request_return")]), "order-state"),
        (state(Obstacle::Fulfilment(1, FulfilmentState::Shipped), &[]), "order-state"),
        (state(Obstacle::OtherShipment(1), &[]), "order-state"),
        (state(Obstacle::Return(1, ReturnState::Received), &[]), "order-state"),
        (state(Obstacle::Captured(1), &[AllowedCommand::to_order("record_refund")]), "order-state"),
        (InsufficientStock(vec![short(Some(2))]), "insufficient-stock"),
        (InsufficientStock(vec![short(None)]), "insufficient-stock"),
        (unfit(&[Unfit::PriceMissing, Unfit::UnknownProduct]), "unknown-product"),
        (unfit(&[Unfit::PriceMissing, Unfit::InactiveProduct]), "inactive-product"),
        (unfit(&[Unfit::PriceMissing]), "price-missing"),
        (DuplicateSku(sku()), "duplicate-sku"),
        (DuplicateOrder(order_id()), "duplicate-order"),
        (Rejection::claim_taken("external_ref:web:M-1"), "duplicate-external-ref"),
        (Rejection::claim_taken("payment:captured\ncard\npi:1"), "duplicate-payment-reference"),
        (StaleExpected { expected: 1, on_hand: 2 }, "stale-expected"),
        (StaleVersion { expected: Version(1), found: Version(2) }, "stale-version"),
        (StockLimit { on_hand: 2, limit: 1 }, "stock-limit"),
    ]
}

fn of_amounts_and_lines() -> Vec<(Rejection, &'static str)> {
    use Rejection::*;
    let channel = || "web".parse().expect("the text is of this form");
    let instant = |seconds| DateTime::from_timestamp(seconds, 0).expect("the text is of this form");
    let exceeded = vec![ExceededLine { line: 1, requested: 3, available: 2 }];
    vec![
        (UnknownChannel(channel()), "unknown-channel"),
        (
            WrongCurrency {
                channel: channel(),
                currency: "GBP".parse().expect("the text is of this form"),
                allowed: vec![],
            },
            "wrong-currency",
        ),
        (
            CurrencyWithdrawn {
                currency: "BGN".parse().expect("the text is of this form"),
                last_day: instant(0).date_naive(),
            },
            "currency-withdrawn",
        ),
        (TotalMismatch { expected: Minor(1), total: Minor(2) }, "total-mismatch"),
        (DiscountExceeded { line: None, discount: Minor(2), worth: Minor(1) }, "discount-exceeded"),
        (UnknownLines { lines: vec![3], last: 2 }, "unknown-line"),
        (QuantityExceeded { purpose: Purpose::Return, lines: exceeded.clone() }, "quantity-exceeded"),
        (QuantityExceeded { purpose: Purpose::Receipt, lines: exceeded }, "quantity-exceeded"),
        (SeveralLocations(vec![Location::main()]), "several-locations"),
        (WrongLocation { location: Location::main(), lines: vec![1] }, "wrong-location"),
        (MethodMissing, "method-missing"),
        (AmountExceeded { payment: 1, amount: Minor(2), refundable: Minor(1) }, "amount-exceeded"),
        (AmountOverflow, "amount-overflow"),
        (InstantOutOfRange { instant: instant(0), earliest: instant(1), latest: instant(2) }, "instant-out-of-range"),
        (TooManyParts { what: Counted::Part(OrderPart::Return), limit: 1000 }, "too-many-parts"),
        (TooManyParts { what: Counted::Note, limit: 200 }, "too-many-parts"),
        (TooManyParts { what: Counted::PaymentReference, limit: 1000 }, "too-many-parts"),
        (OrderTooLarge { bytes: 1_000_001, limit: 1_000_000 }, "order-too-large"),
        (state(Obstacle::SomeShipped, &[AllowedCommand::to_order("request_return")]), "order-state"),
        (state(Obstacle::OnHold, &[AllowedCommand::to_order("release_order")]), "order-state"),
        (hold_gone(Gone::Unknown), "hold-gone"),
        (hold_gone(Gone::Expired), "hold-gone"),
        (UnknownBuyer(customer_id()), "unknown-customer"),
        (ErasedBuyer(customer_id()), "customer-erased"),
        (PersonalDataErased(order_id()), "personal-data-erased"),
        (Exclusive(["shipping", "shipping_lines"]), "exclusive-fields"),
        (RepeatedLines(vec![1]), "repeated-line"),
        (BelowFulfilled(vec![LowLine { line: 1, requested: 0, least: 2 }]), "below-fulfilled"),
        (NothingLeft, "nothing-left"),
        (TooManyLines { lines: 501, limit: 500 }, "too-many-lines"),
    ]
}
