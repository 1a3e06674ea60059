//! Amounts of one payment of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Minor;
use crate::order::numbers::PartNo;

/// A payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Number of the payment in the order, starting at 1.
    pub payment: PartNo,
    /// Amount that is authorized and neither captured nor voided, in minor units of the order's currency.
    pub authorized: Minor,
    /// Captured amount in minor units of the order's currency.
    pub captured: Minor,
    /// Refunded amount in minor units of the order's currency.
    pub refunded: Minor,
    /// Part of `refunded` that no longer counts as paid, in minor units of the order's currency: the excess after a cancellation or an
    /// overpayment, or money that the buyer pays in another way.
    pub repaid: Minor,
}

impl Payment {
    pub(super) fn new(payment: PartNo) -> Payment {
        Payment { payment, authorized: Minor::ZERO, captured: Minor::ZERO, refunded: Minor::ZERO, repaid: Minor::ZERO }
    }

    pub(super) fn capture(&mut self, amount: Minor) {
        self.captured.0 += amount.0;
        self.authorized.0 = (self.authorized.0 - amount.0).max(0);
    }
}
