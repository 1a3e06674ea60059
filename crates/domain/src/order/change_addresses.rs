//! Change the addresses of an order, while nothing is shipped.

use chrono::{DateTime, Utc};
use events::order::{OrderAddressesChanged, OrderEvent};
use events::{OrderId, Personal, personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::state::Order;
use crate::order::{guards, personal_data};
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::value::address::Address;
use crate::value::instant;

/// New addresses of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddresses {
    /// Shipping address; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn change_addresses(order_id: OrderId, body: &ChangeAddresses, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if body.shipping_address.is_some() || body.billing_address.is_some() {
        personal_data::not_erased(order_id, order, reader)?;
    }
    let changed = changed(order, body.shipping_address.as_ref(), body.billing_address.as_ref())?;
    Ok(changed.map(|changed| NewEvent::new(&stream, changed)).into_iter().collect())
}

/// The event that changes the addresses of an order; `None` if no address changes.
pub(crate) fn changed(
    order: &Order,
    shipping: Option<&Personal<Address>>,
    billing: Option<&Personal<Address>>,
) -> Result<Option<OrderEvent>, Rejection> {
    let shipping_address = shipping.map(address).filter(|address| order.shipping_address.as_ref() != Some(address));
    let billing_address = billing.map(address).filter(|address| order.billing_address.as_ref() != Some(address));
    if shipping_address.is_none() && billing_address.is_none() {
        return Ok(None);
    }
    guards::open(&order.progress)?;
    guards::unshipped(&order.progress)?;
    Ok(Some(OrderEvent::AddressesChanged(OrderAddressesChanged { shipping_address, billing_address })))
}

/// Converts an address to the form in events.
pub(crate) fn address(address: &Personal<Address>) -> Personal<personal::Address> {
    Personal::new(address.expose().to_event())
}

#[cfg(test)]
mod tests;
