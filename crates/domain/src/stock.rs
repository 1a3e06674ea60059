//! Commands to a stock item: the stock of one SKU at one location ([`item`]). Each command is in its own file with its
//! body and its decision. The platform issues [`allocate`] and [`deallocate`].

pub mod adjust;
pub mod allocate;
pub mod allocation;
pub mod deallocate;
pub mod item;
pub mod limits;
pub mod receive;
pub mod set_policy;
pub(crate) mod stock_units;
pub mod transfer;

use events::OrderId;
use serde::Serialize;

use crate::command::name_and_instant::NameAndInstant;
use crate::decision::Decision;
use crate::reader::Reader;
use crate::stock::adjust::AdjustStock;
use crate::stock::item::StockItem;
use crate::stock::receive::ReceiveStock;
use crate::stock::set_policy::SetStockPolicy;

/// A command to the stock of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum StockCommand {
    ReceiveStock {
        body: ReceiveStock,
    },
    AdjustStock {
        body: AdjustStock,
    },
    SetStockPolicy {
        body: SetStockPolicy,
    },
    /// Assign unassigned units on hand to these orders, in the given sequence; issued by the platform.
    AllocateStock {
        orders: Vec<OrderId>,
    },
    /// Take assigned units that are missing back from these orders, in the given sequence; issued by the platform.
    DeallocateStock {
        orders: Vec<OrderId>,
    },
}

impl StockCommand {
    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::ReceiveStock { body } => ("receive_stock", body.occurred_at),
            Self::AdjustStock { body } => ("adjust_stock", body.occurred_at),
            Self::SetStockPolicy { body } => ("set_stock_policy", body.occurred_at),
            Self::AllocateStock { .. } => ("allocate_stock", None),
            Self::DeallocateStock { .. } => ("deallocate_stock", None),
        }
    }
}

/// Decides a command of this group.
pub(crate) fn decide(item: &StockItem, command: &StockCommand, reader: &Reader<'_>) -> Decision {
    match command {
        StockCommand::ReceiveStock { body } => receive::receive(item, body, reader),
        StockCommand::AdjustStock { body } => adjust::adjust(item, body, reader),
        StockCommand::SetStockPolicy { body } => set_policy::set_policy(item, body, reader),
        StockCommand::AllocateStock { orders } => allocate::allocate(item, orders, reader),
        StockCommand::DeallocateStock { orders } => deallocate::deallocate(item, orders, reader),
    }
}

#[cfg(test)]
mod tests;
