//! Keeping an order from being packed and shipped; nothing else is held up.

use events::OrderId;
use events::order::{OrderEvent, OrderHeld, OrderHoldReleased};

use super::reader::Reader;
use super::{Decision, NewEvent, guards};
use crate::command::HoldOrder;

pub(super) fn hold(order_id: OrderId, body: &HoldOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if order.progress.held {
        return Ok(vec![]);
    }
    guards::open(&order.progress)?;
    let held = OrderHeld { reason: body.reason.expose().as_str().into() };
    Ok(vec![NewEvent::new(&stream, OrderEvent::Held(held))])
}

pub(super) fn release(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if !order.progress.held {
        return Ok(vec![]);
    }
    guards::open(&order.progress)?;
    Ok(vec![NewEvent::new(&stream, OrderEvent::HoldReleased(OrderHoldReleased {}))])
}
