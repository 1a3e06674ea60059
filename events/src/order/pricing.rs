//! Pricing of an order line: tax rate and discounts, and the one formula that computes the amounts of the line from them.
//!
//! Placing, amending and cancelling all compute the amounts of a line with [`Pricing::amounts`], from inputs that are never rounded.
//! The amounts therefore depend only on the quantity of the line, not on the changes that led to that quantity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Minor, Overflow};
use crate::omit::is_default;

/// Tax rate and discounts of an order line, from which the amounts of the line are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pricing {
    /// Tax rate in millionths of the amount after discount (200000 is 20 %). Missing in orders that were placed before schema version 3
    /// of `OrderPlaced`, which did not record tax rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<u32>,
    /// Amount and tax from which tax is computed in proportion. Only in orders without a recorded tax rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxed: Option<TaxedAmount>,
    /// Discount on the line for `discount_quantity` units, in minor units of the order's currency.
    #[serde(default, skip_serializing_if = "is_default")]
    pub line_discount: Minor,
    /// The line's share of the discount on the whole order, for `discount_quantity` units, in minor units of the order's currency.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order_discount: Minor,
    /// Units for which the discounts were given. A line with another quantity has a proportional discount, rounded half to even.
    #[serde(default, skip_serializing_if = "is_default")]
    pub discount_quantity: u32,
}

/// An amount after discount and the tax on that amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxedAmount {
    /// Amount after discount and before tax, in minor units of the order's currency.
    pub net: Minor,
    /// Tax on the amount, in minor units of the order's currency.
    pub tax: Minor,
}

/// Amounts of a number of units of an order line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amounts {
    /// Discount in minor units of the order's currency.
    pub discount: Minor,
    /// Tax in minor units of the order's currency.
    pub tax: Minor,
    /// Amount in minor units of the order's currency: `quantity * unit_price - discount + tax`.
    pub total: Minor,
}

impl Pricing {
    /// Amounts of `quantity` units at `unit_price`, or [`Overflow`]. Discount and tax are rounded half to even.
    pub fn amounts(&self, unit_price: Minor, quantity: u32) -> Result<Amounts, Overflow> {
        let gross = unit_price.times(quantity)?;
        let given = self.line_discount.plus(self.order_discount)?;
        let discount = given.scaled(quantity.into(), self.discount_quantity.into())?;
        let net = gross.minus(discount)?;
        let tax = match (self.tax_rate, self.taxed) {
            (Some(rate), _) => net.share(rate.into())?,
            (None, Some(taxed)) => taxed.tax.scaled(net.0, taxed.net.0)?,
            (None, None) => Minor::ZERO,
        };
        Ok(Amounts { discount, tax, total: net.plus(tax)? })
    }

    /// Pricing derived from recorded amounts, for events that did not record the pricing itself.
    pub fn from_amounts(quantity: u32, amounts: Amounts) -> Pricing {
        let Amounts { discount, tax, total } = amounts;
        Pricing {
            tax_rate: None,
            taxed: Some(TaxedAmount { net: Minor(total.0 - tax.0), tax }),
            line_discount: discount,
            order_discount: Minor::ZERO,
            discount_quantity: if discount == Minor::ZERO { 0 } else { quantity },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tax_is_the_rate_times_the_amount_after_discount() {
        let at = |rate, unit_price, quantity| {
            let pricing = Pricing { tax_rate: Some(rate), ..Pricing::default() };
            pricing.amounts(Minor(unit_price), quantity).unwrap().tax.0
        };
        assert_eq!((at(190_000, 1999, 1), at(190_000, 1999, 100)), (380, 37_981));
        assert_eq!((at(200_000, 7, 1), at(200_000, 7, 10)), (1, 14));
    }

    #[test]
    fn discounts_are_in_proportion_to_the_quantity_that_they_were_given_for() {
        let given = Pricing { line_discount: Minor(20), order_discount: Minor(10), ..Pricing::default() };
        let pricing = Pricing { discount_quantity: 100, ..given };
        let discount = |quantity| pricing.amounts(Minor(3), quantity).unwrap().discount.0;
        assert_eq!([discount(0), discount(1), discount(50), discount(100), discount(200)], [0, 0, 15, 30, 60]);
    }

    #[test]
    fn without_a_rate_tax_is_in_proportion_to_what_was_charged() {
        let amounts = Amounts { discount: Minor(30), tax: Minor(54), total: Minor(324) };
        let pricing = Pricing::from_amounts(100, amounts);
        assert_eq!(pricing.amounts(Minor(3), 100), Ok(amounts));
        assert_eq!(pricing.amounts(Minor(3), 50).unwrap().tax, Minor(27));
    }

    proptest! {
        #[test]
        fn a_discount_within_the_price_stays_within_it_at_any_quantity(
            unit_price in 0i64..100_000, given_for in 1u32..1_000, share in 0i64..=100, quantity in 0u32..2_000, rate in 0u32..=1_000_000,
        ) {
            let line_discount = Minor(unit_price * i64::from(given_for) * share / 100);
            let pricing = Pricing { tax_rate: Some(rate), line_discount, discount_quantity: given_for, ..Pricing::default() };
            let amounts = pricing.amounts(Minor(unit_price), quantity).unwrap();
            prop_assert!(amounts.discount.0 <= unit_price * i64::from(quantity));
            prop_assert!(amounts.total >= Minor::ZERO);
        }
    }
}
