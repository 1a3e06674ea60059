//! The sums of sales, and their arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sums of sales, or a change of them. Quantities are in units, amounts in minor units of one currency including tax.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SalesMeasures {
    /// Placed orders, including orders that were cancelled later.
    pub orders: i64,
    /// Ordered units, including cancelled units.
    pub units_ordered: i64,
    /// Cancelled units.
    pub units_cancelled: i64,
    /// Returned units, including units that arrived damaged or did not arrive.
    pub units_returned: i64,
    /// Amount of ordered lines and shipping, including later amendments.
    pub ordered: i64,
    /// Amount of cancelled units, and shipping of cancelled and expired orders.
    pub cancelled: i64,
    /// Amount that was due for returned units when they were received.
    pub returned: i64,
    /// Amount refunded for returns and as goodwill. Repayments of money that the buyer did not owe are not included.
    pub refunded: i64,
}

impl SalesMeasures {
    /// Net sales: ordered without cancelled and refunded amounts. Returns reduce net sales when they are refunded.
    pub fn net(&self) -> i64 {
        self.ordered.saturating_sub(self.cancelled).saturating_sub(self.refunded)
    }

    /// Whether every sum is zero.
    pub fn is_zero(&self) -> bool {
        *self == SalesMeasures::default()
    }

    /// The sums of both. Saturating: no real sum reaches the limit, and one absurd amount must not stop a projection.
    #[must_use]
    pub fn plus(self, other: SalesMeasures) -> SalesMeasures {
        SalesMeasures {
            orders: self.orders.saturating_add(other.orders),
            units_ordered: self.units_ordered.saturating_add(other.units_ordered),
            units_cancelled: self.units_cancelled.saturating_add(other.units_cancelled),
            units_returned: self.units_returned.saturating_add(other.units_returned),
            ordered: self.ordered.saturating_add(other.ordered),
            cancelled: self.cancelled.saturating_add(other.cancelled),
            returned: self.returned.saturating_add(other.returned),
            refunded: self.refunded.saturating_add(other.refunded),
        }
    }

    /// The change that undoes this change.
    #[must_use]
    pub fn negated(self) -> SalesMeasures {
        SalesMeasures {
            orders: self.orders.saturating_neg(),
            units_ordered: self.units_ordered.saturating_neg(),
            units_cancelled: self.units_cancelled.saturating_neg(),
            units_returned: self.units_returned.saturating_neg(),
            ordered: self.ordered.saturating_neg(),
            cancelled: self.cancelled.saturating_neg(),
            returned: self.returned.saturating_neg(),
            refunded: self.refunded.saturating_neg(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: SalesMeasures = SalesMeasures {
        orders: 1,
        units_ordered: 2,
        units_cancelled: 3,
        units_returned: 4,
        ordered: 500,
        cancelled: 60,
        returned: 70,
        refunded: 80,
    };

    #[test]
    fn net_sales_are_reduced_by_cancelled_and_refunded_amounts() {
        assert_eq!(SOME.net(), 500 - 60 - 80);
    }

    #[test]
    fn a_change_and_its_negation_add_up_to_zero() {
        assert!(SOME.plus(SOME.negated()).is_zero() && !SOME.is_zero());
        let sum = SOME.plus(SOME);
        assert_eq!((sum.orders, sum.units_returned, sum.ordered, sum.refunded), (2, 8, 1000, 160));
    }

    #[test]
    fn a_sum_stays_within_its_limits() {
        let most = SalesMeasures { ordered: i64::MAX, ..SalesMeasures::default() };
        assert_eq!(most.plus(SOME).ordered, i64::MAX);
    }
}
