//! Keeping an order from being packed and shipped; nothing else is held up.

use events::order::{OrderEvent, OrderHeld, OrderHoldReleased};

use super::reader::Reader;
use super::{Decision, NewEvent, standing};
use crate::command::{HoldOrder, ReleaseOrder};

pub(super) fn hold(command: &HoldOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(command.order_id)?;
    if order.progress.held {
        return Ok(vec![]);
    }
    standing::open(&order.progress)?;
    let held = OrderHeld { reason: command.body.reason.expose().as_str().into() };
    Ok(vec![NewEvent::new(&stream, OrderEvent::Held(held))])
}

pub(super) fn release(command: &ReleaseOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(command.order_id)?;
    if !order.progress.held {
        return Ok(vec![]);
    }
    standing::open(&order.progress)?;
    Ok(vec![NewEvent::new(&stream, OrderEvent::HoldReleased(OrderHoldReleased {}))])
}
