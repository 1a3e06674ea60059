//! A rejection of every kind, for whoever has to document or test them all.

use chrono::DateTime;
use events::order::progress::{FulfilmentState, Lifecycle, ReturnState};
use events::{CustomerId, HoldId, Location, Minor, OrderId, Sku, Version};

use super::{
    Counted, ExceededLine, Gone, LowLine, Obstacle, OrderState, Part, Purpose, Rejection, ShortLine, Unfit, UnfitLine,
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

fn hold_id() -> HoldId {
    "0190163d-8694-739b-aea5-966c26f8ad93".parse().expect("the text is of this form")
}

fn hold_gone(gone: Gone) -> Rejection {
    Rejection::HoldGone { hold_id: hold_id(), gone }
}

pub(super) fn state(obstacle: Obstacle, allowed: &[&str]) -> Rejection {
    let allowed = allowed.iter().map(|&word| word.to_owned()).collect();
    Rejection::OrderState(OrderState { lifecycle: Lifecycle::Open, obstacle, allowed })
}

pub(super) fn short(line: Option<u32>) -> ShortLine {
    ShortLine { line, sku: sku(), location: Location::main(), requested: 5, available: 3 }
}

pub(super) fn unfit(problems: &[Unfit]) -> Rejection {
    let lines = problems.iter().zip(1..).map(|(problem, line)| UnfitLine { line, sku: sku(), problem: *problem });
    Rejection::UnfitProducts(lines.collect())
}

/// One of each, with its kind and status.
pub fn every() -> Vec<(Rejection, &'static str, u16)> {
    use Rejection::*;
    let channel = || "web".parse().expect("the text is of this form");
    let instant = |seconds| DateTime::from_timestamp(seconds, 0).expect("the text is of this form");
    let exceeded = vec![ExceededLine { line: 1, requested: 3, available: 2 }];
    vec![
        (UnknownProduct(sku()), "unknown-product", 404),
        (UnknownOrder(order_id()), "unknown-order", 404),
        (UnknownCustomer(customer_id()), "unknown-customer", 404),
        (UnknownHold(hold_id()), "unknown-hold", 404),
        (DuplicateHold(hold_id()), "duplicate-hold", 409),
        (DuplicateCustomer(customer_id()), "duplicate-customer", 409),
        (DuplicateEmail, "duplicate-email", 409),
        (CustomerErased(customer_id()), "customer-erased", 410),
        (HoldGone { hold_id: hold_id(), gone: Gone::Consumed }, "hold-gone", 409),
        (BelowZero { on_hand: 2, delta: -3 }, "below-zero", 409),
        (SameLocation(Location::main()), "same-location", 422),
        (TooManyAttributes { found: 51, limit: 50 }, "too-many-attributes", 422),
        (UnknownPart { part: Part::Payment, number: 2, last: 1 }, "unknown-payment", 404),
        (UnknownPart { part: Part::Fulfilment, number: 2, last: 1 }, "unknown-fulfilment", 404),
        (UnknownPart { part: Part::Return, number: 1, last: 0 }, "unknown-return", 404),
        (state(Obstacle::Lifecycle, &["payments"]), "order-state", 409),
        (state(Obstacle::AllShipped, &["returns"]), "order-state", 409),
        (state(Obstacle::Fulfilment(1, FulfilmentState::Shipped), &[]), "order-state", 409),
        (state(Obstacle::OtherShipment(1), &[]), "order-state", 409),
        (state(Obstacle::Return(1, ReturnState::Received), &[]), "order-state", 409),
        (state(Obstacle::Captured(1), &["refunds"]), "order-state", 409),
        (InsufficientStock(vec![short(Some(2))]), "insufficient-stock", 409),
        (InsufficientStock(vec![short(None)]), "insufficient-stock", 409),
        (unfit(&[Unfit::PriceMissing, Unfit::UnknownProduct]), "unknown-product", 422),
        (unfit(&[Unfit::PriceMissing, Unfit::InactiveProduct]), "inactive-product", 409),
        (unfit(&[Unfit::PriceMissing]), "price-missing", 422),
        (DuplicateSku(sku()), "duplicate-sku", 409),
        (DuplicateOrder(order_id()), "duplicate-order", 409),
        (Rejection::claim_taken("external_ref:web:M-1"), "duplicate-external-ref", 409),
        (Rejection::claim_taken("payment:captured\ncard\npi:1"), "duplicate-payment-reference", 409),
        (StaleExpected { expected: 1, on_hand: 2 }, "stale-expected", 412),
        (StaleVersion { expected: Version(1), found: Version(2) }, "stale-version", 412),
        (StockLimit { on_hand: 2, limit: 1 }, "stock-limit", 422),
        (UnknownChannel(channel()), "unknown-channel", 422),
        (
            WrongCurrency {
                channel: channel(),
                currency: "GBP".parse().expect("the text is of this form"),
                allowed: vec![],
            },
            "wrong-currency",
            422,
        ),
        (
            CurrencyWithdrawn {
                currency: "BGN".parse().expect("the text is of this form"),
                last_day: instant(0).date_naive(),
            },
            "currency-withdrawn",
            422,
        ),
        (TotalMismatch { expected: Minor(1), total: Minor(2) }, "total-mismatch", 422),
        (DiscountExceeded { line: None, discount: Minor(2), worth: Minor(1) }, "discount-exceeded", 422),
        (UnknownLines { lines: vec![3], last: 2 }, "unknown-line", 422),
        (QuantityExceeded { purpose: Purpose::Return, lines: exceeded.clone() }, "quantity-exceeded", 422),
        (QuantityExceeded { purpose: Purpose::Receipt, lines: exceeded }, "quantity-exceeded", 422),
        (SeveralLocations(vec![Location::main()]), "several-locations", 422),
        (WrongLocation { location: Location::main(), lines: vec![1] }, "wrong-location", 422),
        (MethodMissing, "method-missing", 422),
        (AmountExceeded { payment: 1, amount: Minor(2), refundable: Minor(1) }, "amount-exceeded", 422),
        (AmountOverflow, "amount-overflow", 422),
        (
            InstantOutOfRange { instant: instant(0), earliest: instant(1), latest: instant(2) },
            "instant-out-of-range",
            422,
        ),
        (TooManyParts { what: Counted::Part(Part::Return), limit: 1000 }, "too-many-parts", 422),
        (TooManyParts { what: Counted::Note, limit: 200 }, "too-many-parts", 422),
        (TooManyParts { what: Counted::PaymentReference, limit: 1000 }, "too-many-parts", 422),
        (OrderTooLarge { bytes: 1_000_001, limit: 1_000_000 }, "order-too-large", 422),
        (state(Obstacle::SomeShipped, &["returns"]), "order-state", 409),
        (state(Obstacle::OnHold, &["holds/release"]), "order-state", 409),
        (hold_gone(Gone::Unknown), "hold-gone", 409),
        (hold_gone(Gone::Expired), "hold-gone", 409),
        (UnknownBuyer(customer_id()), "unknown-customer", 422),
        (ErasedBuyer(customer_id()), "customer-erased", 409),
        (PersonalDataErased(order_id()), "personal-data-erased", 409),
        (Exclusive(["shipping", "shipping_lines"]), "exclusive-fields", 422),
        (RepeatedLines(vec![1]), "repeated-line", 422),
        (BelowFulfilled(vec![LowLine { line: 1, requested: 0, least: 2 }]), "below-fulfilled", 422),
        (NothingLeft, "nothing-left", 422),
        (TooManyLines { lines: 501, limit: 500 }, "too-many-lines", 422),
    ]
}
