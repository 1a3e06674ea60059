//! Assign an order to a registered customer.

use chrono::{DateTime, Utc};
use events::order::{OrderCustomerAssigned, OrderEvent};
use events::{CustomerId, OrderId, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::personal_data;
use crate::reader::Reader;
use crate::rejection::{Counted, Rejection};
use crate::state::State;
use crate::value::instant;

/// The customer to assign an order to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCustomer {
    /// Id of the registered customer.
    pub customer_id: CustomerId,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Most customers that one order belonged to before.
const MAX_FORMER_CUSTOMERS: usize = 100;

/// Unlike the customer of a new order, who may be registered in another system, the customer must be registered here,
/// so that an error in the id is detected. An order whose personal data is erased cannot be assigned, because the
/// assignment would reveal the buyer.
pub(crate) fn assign_customer(order_id: OrderId, body: &AssignCustomer, reader: &Reader<'_>) -> Decision {
    let customer_id = body.customer_id;
    let state = reader.state(&StreamId::customer(customer_id));
    let (stream, order) = reader.order(order_id)?;
    if order.customer_id == Some(customer_id) {
        return Ok(vec![]);
    }
    personal_data::not_erased(order_id, order, reader)?;
    if order.former_customers.len() >= MAX_FORMER_CUSTOMERS {
        return Err(Rejection::TooManyParts { what: Counted::FormerCustomer, limit: MAX_FORMER_CUSTOMERS });
    }
    match state {
        Some(State::Customer(customer)) if customer.erased => Err(Rejection::ErasedBuyer(customer_id)),
        Some(State::Customer(_)) => {
            let assigned = OrderCustomerAssigned { customer_id };
            Ok(vec![NewEvent::new(&stream, OrderEvent::CustomerAssigned(assigned))])
        }
        _ => Err(Rejection::UnknownBuyer(customer_id)),
    }
}

#[cfg(test)]
mod tests;
