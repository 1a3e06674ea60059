//! The rows of reports, for the documentation. `crate::reads::reports` selects them; a test compares the columns.

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, Location, Sku};
use schemars::JsonSchema;

/// Sales of a period. Quantities are in units, amounts in minor units of the currency including tax.
#[derive(JsonSchema)]
#[schemars(rename = "SalesReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Sales {
    /// First instant of the period, in the time zone.
    period: DateTime<Utc>,
    /// Sales channel; null unless grouped by channel.
    channel: Option<ChannelCode>,
    /// Currency of the amounts (ISO 4217).
    currency: Currency,
    /// Placed orders, including orders that were cancelled later.
    orders: i64,
    /// Ordered units, including later amendments.
    units_ordered: i64,
    /// Cancelled units.
    units_cancelled: i64,
    /// Returned units, including units that arrived damaged or did not arrive.
    units_returned: i64,
    /// Amount of ordered lines and shipping, including later amendments.
    ordered: i64,
    /// Amount of cancelled units, and shipping of cancelled and expired orders.
    cancelled: i64,
    /// Amount that was due for returned units when they were received.
    returned: i64,
    /// Amount refunded for returns and as goodwill. Repayments of money that the buyer did not owe are not included.
    refunded: i64,
    /// Net sales: ordered without cancelled and refunded amounts.
    net: i64,
}

/// Sales of a product in the range. Shipping, and refunds that are not for a return, belong to no product.
#[derive(JsonSchema)]
#[schemars(rename = "ProductsReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Products {
    /// SKU of the product.
    sku: Sku,
    /// Currency of the amounts (ISO 4217).
    currency: Currency,
    /// Ordered units, including later amendments.
    units_ordered: i64,
    /// Cancelled units.
    units_cancelled: i64,
    /// Returned units, including units that arrived damaged or did not arrive.
    units_returned: i64,
    /// Amount of ordered lines, including later amendments.
    ordered: i64,
    /// Amount of cancelled units.
    cancelled: i64,
    /// Amount that was due for returned units when they were received.
    returned: i64,
    /// Amount refunded for returns.
    refunded: i64,
    /// Net sales: ordered without cancelled and refunded amounts.
    net: i64,
}

/// Sales to a customer since the first order. Orders of guests are not included.
#[derive(JsonSchema)]
#[schemars(rename = "CustomersReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Customers {
    /// Id of the customer.
    customer_id: CustomerId,
    /// Currency of the amounts (ISO 4217).
    currency: Currency,
    /// Placed orders, including orders that were cancelled later.
    orders: i64,
    /// Amount of ordered lines and shipping, including later amendments.
    ordered: i64,
    /// Amount of cancelled units, and shipping of cancelled and expired orders.
    cancelled: i64,
    /// Amount that was due for returned units when they were received.
    returned: i64,
    /// Amount refunded for returns and as goodwill.
    refunded: i64,
    /// Net sales: ordered without cancelled and refunded amounts.
    net: i64,
}

/// Returns of a period.
#[derive(JsonSchema)]
#[schemars(rename = "ReturnsReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Returns {
    /// First instant of the period, in the time zone.
    period: DateTime<Utc>,
    /// Sales channel; null unless grouped by channel.
    channel: Option<ChannelCode>,
    /// Currency of the orders (ISO 4217).
    currency: Currency,
    /// Requested returns.
    requested: i64,
    /// Receipts of returned units; a return whose units arrive in two parcels has two receipts.
    receipts: i64,
    /// Rejected returns, including those of which only the remaining units were rejected.
    rejected: i64,
    /// Units of requested returns.
    units_requested: i64,
    /// Received units that can be sold again and were added to stock.
    units_restocked: i64,
    /// Units that arrived damaged.
    units_damaged: i64,
    /// Units that did not arrive.
    units_lost: i64,
    /// Units that were rejected.
    units_rejected: i64,
    /// Refunds for returns.
    refunds: i64,
    /// Amount refunded for returns, in minor units.
    refunded: i64,
}

/// Fulfilments of a period.
#[derive(JsonSchema)]
#[schemars(rename = "FulfilmentReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Fulfilment {
    /// First instant of the period, in the time zone.
    period: DateTime<Utc>,
    /// Sales channel; null unless grouped by channel.
    channel: Option<ChannelCode>,
    /// Location from which the units are shipped; null unless grouped by location.
    location: Option<Location>,
    /// Created fulfilments: packing began.
    created: i64,
    /// Shipped fulfilments.
    shipped: i64,
    /// Delivered fulfilments.
    delivered: i64,
    /// Cancelled fulfilments.
    cancelled: i64,
    /// Units of created fulfilments.
    units_created: i64,
    /// Units of shipped fulfilments.
    units_shipped: i64,
    /// Units of delivered fulfilments.
    units_delivered: i64,
    /// Units of cancelled fulfilments.
    units_cancelled: i64,
    /// Mean time from the placement of the order to shipment of the fulfilments shipped in the period, in seconds; null if none
    /// was shipped.
    mean_seconds_order_to_shipment: Option<i64>,
    /// Mean time from the creation of the fulfilment to its shipment, in seconds; null if none was shipped.
    mean_seconds_packing: Option<i64>,
    /// Mean time from shipment to delivery of the fulfilments delivered in the period, in seconds; null if none was delivered.
    mean_seconds_in_transit: Option<i64>,
}

/// Stock movements of a period, in units.
#[derive(JsonSchema)]
#[schemars(rename = "StockReportRow")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Stock {
    /// First instant of the period, in the time zone.
    period: DateTime<Utc>,
    /// Location of the stock; null unless grouped by location.
    location: Option<Location>,
    /// Number of movements of any kind.
    movements: i64,
    /// Received units.
    received: i64,
    /// Restocked units of returns.
    restocked: i64,
    /// Corrections of the quantity on hand; can be negative.
    adjusted: i64,
    /// Shipped units.
    shipped: i64,
    /// Units transferred from other locations.
    transferred_in: i64,
    /// Units transferred to other locations.
    transferred_out: i64,
    /// Change of the quantity on hand.
    on_hand_change: i64,
    /// Units reserved for orders.
    reserved: i64,
    /// Units whose reservation for an order was released.
    released: i64,
    /// Units reserved by stock holds.
    held: i64,
    /// Units of stock holds that were released or taken over by an order.
    holds_released: i64,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::reads::reports::table::ReportType;
    use crate::reads::reports::{customers, fulfilment, products, returns, sales, stock};

    fn documented<R: JsonSchema>() -> BTreeSet<String> {
        let schema = schemars::schema_for!(R);
        schema.get("properties").and_then(|it| it.as_object()).expect("properties").keys().cloned().collect()
    }

    #[test]
    fn the_documented_columns_are_those_of_the_reports() {
        let columns = |report: &ReportType| report.columns.iter().map(|it| it.name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(documented::<Sales>(), columns(&sales::SALES));
        assert_eq!(documented::<Products>(), columns(&products::PRODUCTS));
        assert_eq!(documented::<Customers>(), columns(&customers::CUSTOMERS));
        assert_eq!(documented::<Returns>(), columns(&returns::RETURNS));
        assert_eq!(documented::<Fulfilment>(), columns(&fulfilment::FULFILMENT));
        assert_eq!(documented::<Stock>(), columns(&stock::STOCK));
    }
}
