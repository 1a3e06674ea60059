//! Keeping an order from being packed and shipped; nothing else is held up.

use events::order::{OrderEvent, OrderHeld, OrderHoldReleased};

use super::{Decision, NewEvent, lookup, standing};
use crate::command::{HoldOrder, ReleaseOrder};
use crate::world::World;

pub(super) fn hold(command: &HoldOrder, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    if order.progress.held {
        return Ok(vec![]);
    }
    standing::open(&order.progress)?;
    let held = OrderHeld { reason: command.body.reason.expose().as_str().into() };
    Ok(vec![NewEvent::new(&stream, OrderEvent::Held(held))])
}

pub(super) fn release(command: &ReleaseOrder, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    if !order.progress.held {
        return Ok(vec![]);
    }
    standing::open(&order.progress)?;
    Ok(vec![NewEvent::new(&stream, OrderEvent::HoldReleased(OrderHoldReleased {}))])
}
