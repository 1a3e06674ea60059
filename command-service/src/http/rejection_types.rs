//! Rejections over HTTP: the problem type of each rejection, and the paths of the commands that are allowed instead. The types are in
//! [`super::problem_types`]; [`super::problems`] builds the problem.

use platform::problem::ProblemType;

use super::problem_types::*;
use domain::rejection;
use domain::rejection::{OrderAction, OrderPart, Rejection, Unfit};

/// The problem type of a rejection.
pub(super) fn type_of(rejection: &Rejection) -> ProblemType {
    match rejection {
        Rejection::UnknownProduct(_) => UNKNOWN_PRODUCT,
        Rejection::UnknownOrder(_) => UNKNOWN_ORDER,
        Rejection::UnknownCustomer(_) => UNKNOWN_CUSTOMER,
        Rejection::UnknownStockHold(_) => UNKNOWN_HOLD,
        Rejection::UnknownPart { part: OrderPart::Payment, .. } => UNKNOWN_PAYMENT,
        Rejection::UnknownPart { part: OrderPart::Fulfilment, .. } => UNKNOWN_FULFILMENT,
        Rejection::UnknownPart { part: OrderPart::Return, .. } => UNKNOWN_RETURN,
        Rejection::OrderState(_) => ORDER_STATE,
        Rejection::InsufficientStock(_) => INSUFFICIENT_STOCK,
        Rejection::UnfitProducts(lines) => of_unfit(rejection::worst(lines)),
        Rejection::DuplicateSku(_) => DUPLICATE_SKU,
        Rejection::DuplicateOrder(_) => DUPLICATE_ORDER,
        Rejection::DuplicateStockHold(_) => DUPLICATE_HOLD,
        Rejection::DuplicateCustomer(_) => DUPLICATE_CUSTOMER,
        Rejection::DuplicateEmail => DUPLICATE_EMAIL,
        Rejection::CustomerErased(_) => CUSTOMER_ERASED,
        Rejection::StockHoldGone { .. } => HOLD_GONE,
        Rejection::DuplicateExternalRef { .. } => DUPLICATE_EXTERNAL_REF,
        Rejection::DuplicatePaymentReference { .. } => DUPLICATE_PAYMENT_REFERENCE,
        Rejection::StaleExpected { .. } => STALE_EXPECTED,
        Rejection::StaleVersion { .. } => STALE_VERSION,
        Rejection::StockLimit { .. } => STOCK_LIMIT,
        Rejection::BelowZero { .. } => BELOW_ZERO,
        Rejection::SameLocation(_) => SAME_LOCATION,
        Rejection::TooManyAttributes { .. } => TOO_MANY_ATTRIBUTES,
        Rejection::UnknownChannel(_) => UNKNOWN_CHANNEL,
        Rejection::WrongCurrency { .. } => WRONG_CURRENCY,
        Rejection::CurrencyWithdrawn { .. } => CURRENCY_WITHDRAWN,
        Rejection::TotalMismatch { .. } => TOTAL_MISMATCH,
        Rejection::DiscountExceeded { .. } => DISCOUNT_EXCEEDED,
        Rejection::UnknownLines { .. } => UNKNOWN_LINE,
        Rejection::QuantityExceeded { .. } => QUANTITY_EXCEEDED,
        Rejection::SeveralLocations(_) => SEVERAL_LOCATIONS,
        Rejection::WrongLocation { .. } => WRONG_LOCATION,
        Rejection::MethodMissing => METHOD_MISSING,
        Rejection::AmountExceeded { .. } => AMOUNT_EXCEEDED,
        Rejection::AmountOverflow => AMOUNT_OVERFLOW,
        Rejection::InstantOutOfRange { .. } => INSTANT_OUT_OF_RANGE,
        Rejection::UnknownBuyer(_) => CUSTOMER_NOT_FOUND_IN_BODY,
        Rejection::ErasedBuyer(_) => ORDER_OF_ERASED_CUSTOMER,
        Rejection::PersonalDataErased(_) => PERSONAL_DATA_ERASED,
        Rejection::Exclusive(_) => EXCLUSIVE_FIELDS,
        Rejection::RepeatedLines(_) => REPEATED_LINE,
        Rejection::BelowFulfilled(_) => BELOW_FULFILLED,
        Rejection::NothingLeft => NOTHING_LEFT,
        Rejection::TooManyLines { .. } => TOO_MANY_LINES,
        Rejection::OrderTooLarge { .. } => ORDER_TOO_LARGE,
        Rejection::TooManyParts { .. } => TOO_MANY_PARTS,
    }
}

fn of_unfit(problem: Unfit) -> ProblemType {
    match problem {
        Unfit::UnknownProduct => PRODUCT_NOT_FOUND_IN_BODY,
        Unfit::InactiveProduct => INACTIVE_PRODUCT,
        Unfit::PriceMissing => PRICE_MISSING,
    }
}

/// The path of an action below `/v1/orders/{order_id}/`.
pub(super) fn path(action: OrderAction) -> String {
    match action {
        OrderAction::RecordPayment => "payments".to_owned(),
        OrderAction::RecordRefund => "refunds".to_owned(),
        OrderAction::CreateFulfilment => "fulfilments".to_owned(),
        OrderAction::ShipFulfilment(number) => format!("fulfilments/{number}/shipment"),
        OrderAction::DeliverFulfilment(number) => format!("fulfilments/{number}/delivery"),
        OrderAction::CancelFulfilment(number) => format!("fulfilments/{number}/cancellation"),
        OrderAction::CancelOrder => "cancellation".to_owned(),
        OrderAction::RequestReturn => "returns".to_owned(),
        OrderAction::ReceiveReturn(number) => format!("returns/{number}/receipt"),
        OrderAction::RejectReturn(number) => format!("returns/{number}/rejection"),
        OrderAction::AmendOrder => "amendments".to_owned(),
        OrderAction::HoldOrder => "holds".to_owned(),
        OrderAction::ReleaseOrder => "holds/release".to_owned(),
        OrderAction::ChangeAddresses => "addresses".to_owned(),
        OrderAction::AddNote => "notes".to_owned(),
        OrderAction::TagOrder => "tags".to_owned(),
        OrderAction::AssignCustomer => "customer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::rejection::samples;

    use super::*;

    /// The statuses of the samples, in their order.
    const STATUSES: [u16; 63] = [
        404, 404, 404, 404, 409, 409, 409, 410, 409, 409, 422, 422, 404, 404, 404, 409, 409, 409, 409, 409, 409, 409,
        409, 422, 409, 422, 409, 409, 409, 409, 412, 412, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422,
        422, 422, 422, 422, 422, 422, 422, 409, 409, 409, 409, 422, 409, 409, 422, 422, 422, 422, 422,
    ];

    #[test]
    fn kinds_and_statuses_are_a_contract() {
        let samples = samples::every();
        assert_eq!(samples.len(), STATUSES.len());
        for ((rejection, kind), status) in samples.iter().zip(STATUSES) {
            let found = type_of(rejection);
            assert_eq!((found.slug, found.status.as_u16()), (*kind, status), "{rejection:?}");
            assert_eq!(found.slug, rejection.kind());
            assert!(matches!(found.status.as_u16(), 404 | 409 | 410 | 412 | 422) && !found.title.is_empty());
        }
    }
}
