//! The statistics as JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Currency, Position};
use schemars::JsonSchema;
use serde::Serialize;

/// Statistics for a dashboard. Amounts are in minor units of their currency; amounts of different currencies are never added.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Statistics {
    /// Instant at which the statistics were read.
    pub at: DateTime<Utc>,
    /// Time zone in which days begin (IANA).
    pub timezone: &'static str,
    /// All sections contain every event up to this position in the log.
    pub position: Position,
    /// Orders and net sales of the last days and hours.
    pub sales: SalesStatistics,
    /// Orders by status.
    pub orders: OrderStatistics,
    /// Stock items by availability.
    pub stock: StockStatistics,
}

/// Orders and net sales.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SalesStatistics {
    /// Sales of the current day up to now.
    pub today: Vec<SalesSum>,
    /// Sales of the day before.
    pub yesterday: Vec<SalesSum>,
    /// Sales of the current day and the six days before.
    pub last_7_days: Vec<SalesSum>,
    /// Sales of the current day and the 29 days before.
    pub last_30_days: Vec<SalesSum>,
    /// Sales of each hour of the last 24 hours, oldest first.
    pub hours: Vec<SalesPeriod>,
    /// Sales of each of the last 30 days, oldest first.
    pub days: Vec<SalesPeriod>,
    /// The section contains every event up to this position in the log.
    pub position: Position,
}

/// Sales of an hour or a day.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SalesPeriod {
    /// First instant of the period, in the time zone.
    #[schemars(with = "DateTime<Utc>")]
    pub start: String,
    /// Sums by currency; empty if nothing was ordered, cancelled or refunded.
    pub sums: Vec<SalesSum>,
}

/// Orders and net sales in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SalesSum {
    /// Currency of `net` (ISO 4217).
    pub currency: Currency,
    /// Placed orders, including orders that were cancelled later.
    pub orders: i64,
    /// Net sales: ordered without cancelled and refunded amounts, each at the instant of its event.
    pub net: i64,
}

/// Numbers of orders by status, since the first order.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct OrderStatistics {
    /// Open orders.
    pub open: i64,
    /// Number of orders by lifecycle status.
    pub by_lifecycle: BTreeMap<String, i64>,
    /// Number of orders by payment status.
    pub by_payment: BTreeMap<String, i64>,
    /// Number of orders by fulfilment status.
    pub by_fulfilment: BTreeMap<String, i64>,
    /// Number of orders by return status.
    pub by_return: BTreeMap<String, i64>,
    /// Amounts that buyers still have to pay, by currency.
    pub owed: Vec<OwedSum>,
    /// Returns with units that were neither received nor rejected.
    pub open_returns: i64,
    /// Fulfilments that are being packed.
    pub waiting_fulfilments: i64,
    /// The section contains every event up to this position in the log.
    pub position: Position,
}

/// An amount that buyers still have to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OwedSum {
    /// Currency of `owed` (ISO 4217).
    pub currency: Currency,
    /// Amount that is owed.
    pub owed: i64,
}

/// Numbers of stock items, which are SKUs at locations. Items whose stock is not tracked are not included.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StockStatistics {
    /// Tracked stock items.
    pub items: i64,
    /// Items without available units.
    pub out_of_stock: i64,
    /// Items of which more units are reserved than are on hand, without the safety stock. They are also out of stock.
    pub below_zero: i64,
    /// Items with 1 to 10 available units.
    pub low: i64,
    /// The section contains every event up to this position in the log.
    pub position: Position,
}
