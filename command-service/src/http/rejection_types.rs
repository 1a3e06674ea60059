//! The problem type of each rejection. The types are in [`super::problem_types`]; [`super::problems`] builds the problem.

use platform::problem::ProblemType;

use super::problem_types::*;
use domain::rejection;
use domain::rejection::{OrderPart, Rejection, Unfit};

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
