//! What callers can ask for. Commands to one thing are grouped, as events are: an id and what is to be done with it. The body of
//! a command is a struct of its own, which HTTP parses.
//!
//! Everything is parsed at the edge into types that prove their bounds (in [`value`](crate::value)), so the
//! [`rules`](crate::rules) only decide. Bodies are also written down again to fingerprint a command: fields that were
//! not sent are left out, so a new optional field never changes an old fingerprint.

use crate::new_id::NewId;
use chrono::{DateTime, SubsecRound, Utc};
use events::order::PartNo;
use events::{Currency, CustomerId, HoldId, Location, OrderId, Sku, StreamId};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub mod allocation;
pub mod customer;
pub mod fingerprint;
pub mod hold;
pub mod order;
pub mod product;
pub mod stock;

pub use customer::{RegisterCustomer, UpdateCustomer};
pub use hold::HoldStock;
pub use order::{
    AddNote, AmendOrder, AssignCustomer, CancelFulfilment, CancelOrder, ChangeAddresses, CreateFulfilment,
    DeliverFulfilment, HoldOrder, PlaceOrder, ReceiveReturn, RecordPayment, RecordRefund, RejectReturn, ReleaseOrder,
    RequestReturn, ShipFulfilment, TagOrder,
};
pub use product::{ChangePrice, CreateProduct, DiscontinueProduct, ReactivateProduct, UpdateProduct};
pub use stock::policy::SetStockPolicy;
pub use stock::{AdjustStock, ReceiveStock, TransferStock};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create a product.
    CreateProduct {
        /// What the caller sent.
        body: CreateProduct,
    },
    /// A command to a product.
    Product(Sku, ProductCommand),
    /// A command to a stock item.
    Stock(StockItem, StockCommand),
    /// Move units from one location to another.
    TransferStock {
        /// What the caller sent.
        body: TransferStock,
    },
    /// Place a stock hold.
    HoldStock {
        /// What the caller sent.
        body: HoldStock,
    },
    /// A command to a stock hold.
    StockHold(HoldId, StockHoldCommand),
    /// Register a customer.
    RegisterCustomer(RegisterCustomer),
    /// A command to a customer.
    Customer(CustomerId, CustomerCommand),
    /// Place an order.
    PlaceOrder(PlaceOrder),
    /// A command to an order.
    Order(OrderId, OrderCommand),
}

/// The stock of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StockItem {
    /// The SKU.
    pub sku: Sku,
    /// The location.
    pub location: Location,
}

/// A command to a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "a command is described where its body is defined")]
pub enum ProductCommand {
    UpdateProduct { body: UpdateProduct },
    ChangePrice { currency: Currency, body: ChangePrice },
    DiscontinueProduct { body: DiscontinueProduct },
    ReactivateProduct { body: ReactivateProduct },
}

/// A command to the stock of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "a command is described where its body is defined")]
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
    /// Assign units on hand that are assigned to nobody to these orders, in their order; given by the platform.
    AllocateStock {
        orders: Vec<OrderId>,
    },
    /// Take assigned units that are missing back from these orders, in their order; given by the platform.
    DeallocateStock {
        orders: Vec<OrderId>,
    },
}

/// A command to a stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum StockHoldCommand {
    /// Release the stock hold before its time.
    ReleaseStockHold {},
    /// End the stock hold, if its time is over; given by the platform.
    ExpireHold {},
}

/// A command to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "a command is described where its body is defined")]
pub enum CustomerCommand {
    UpdateCustomer(UpdateCustomer),
    /// Erase the personal data of the customer.
    EraseCustomer {},
}

/// A command to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "a command is described where its body is defined")]
pub enum OrderCommand {
    AmendOrder {
        body: AmendOrder,
    },
    CancelOrder {
        body: CancelOrder,
    },
    HoldOrder {
        body: HoldOrder,
    },
    ReleaseOrder {
        body: ReleaseOrder,
    },
    RecordPayment {
        body: RecordPayment,
    },
    RecordRefund {
        body: RecordRefund,
    },
    CreateFulfilment {
        body: CreateFulfilment,
    },
    ShipFulfilment {
        fulfilment: PartNo,
        body: ShipFulfilment,
    },
    DeliverFulfilment {
        fulfilment: PartNo,
        body: DeliverFulfilment,
    },
    CancelFulfilment {
        fulfilment: PartNo,
        body: CancelFulfilment,
    },
    RequestReturn {
        body: RequestReturn,
    },
    ReceiveReturn {
        return_no: PartNo,
        body: ReceiveReturn,
    },
    RejectReturn {
        return_no: PartNo,
        body: RejectReturn,
    },
    AddNote {
        body: AddNote,
    },
    TagOrder {
        body: TagOrder,
    },
    ChangeAddresses {
        body: ChangeAddresses,
    },
    AssignCustomer {
        body: AssignCustomer,
    },
    /// Erase the personal data of the order.
    ErasePersonalData {},
    /// End the order, if it is unpaid at its `payment_due`; given by the platform.
    ExpireOrder {},
    /// Close the order, if everything is delivered or cancelled and nothing is owed; given by the platform.
    CompleteOrder {},
}

impl Command {
    /// A number that is the same for the same command: XXH3 (xxhash.com) of its JSON. White space, the order of members and the
    /// way in which the command was sent make no difference. Stored with the events of the command, so it never changes.
    pub fn fingerprint(&self) -> i64 {
        xxh3_64(fingerprint::json(self).as_bytes()) as i64
    }

    /// The name of the command in metrics, logs and batches.
    pub fn name(&self) -> &'static str {
        self.name_and_instant().0
    }

    /// When it happened, to the microsecond, where the caller says so; for what brings its id, the id's instant.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.name_and_instant().1.map(|instant| instant.trunc_subsecs(6))
    }

    /// The stream that the command is to: its first event is there, and its answer is about it.
    pub fn target(&self, new_id: NewId) -> StreamId {
        match self {
            Command::CreateProduct { body } => StreamId::product(&body.sku),
            Command::Product(sku, _) => StreamId::product(sku),
            Command::Stock(item, _) => item.stream(),
            Command::TransferStock { body } => StreamId::stock(&body.sku, &body.from),
            Command::HoldStock { body } => StreamId::hold(body.id.unwrap_or_else(|| new_id.hold())),
            Command::StockHold(hold_id, _) => StreamId::hold(*hold_id),
            Command::RegisterCustomer(c) => StreamId::customer(c.body.id.unwrap_or_else(|| new_id.customer())),
            Command::Customer(customer_id, _) => StreamId::customer(*customer_id),
            Command::PlaceOrder(c) => StreamId::order(c.body.id.unwrap_or_else(|| new_id.order())),
            Command::Order(order_id, _) => StreamId::order(*order_id),
        }
    }

    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Command::CreateProduct { body } => ("create_product", body.occurred_at),
            Command::Product(_, command) => command.name_and_instant(),
            Command::Stock(_, command) => command.name_and_instant(),
            Command::TransferStock { body } => ("transfer_stock", body.occurred_at),
            Command::HoldStock { body } => ("hold_stock", body.id.map(HoldId::instant)),
            Command::StockHold(_, command) => command.name_and_instant(),
            Command::RegisterCustomer(c) => ("register_customer", c.body.id.map(CustomerId::instant)),
            Command::Customer(_, command) => command.name_and_instant(),
            Command::PlaceOrder(c) => ("place_order", c.body.id.map(OrderId::instant)),
            Command::Order(_, command) => command.name_and_instant(),
        }
    }
}

/// The name of a command, and when it happened as the caller says.
type NameAndInstant = (&'static str, Option<DateTime<Utc>>);

impl ProductCommand {
    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::UpdateProduct { .. } => ("update_product", None),
            Self::ChangePrice { body, .. } => ("change_price", body.occurred_at),
            Self::DiscontinueProduct { body } => ("discontinue_product", body.occurred_at),
            Self::ReactivateProduct { body } => ("reactivate_product", body.occurred_at),
        }
    }
}

impl StockCommand {
    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::ReceiveStock { body } => ("receive_stock", body.occurred_at),
            Self::AdjustStock { body } => ("adjust_stock", body.occurred_at),
            Self::SetStockPolicy { body } => ("set_stock_policy", body.occurred_at),
            Self::AllocateStock { .. } => ("allocate_stock", None),
            Self::DeallocateStock { .. } => ("deallocate_stock", None),
        }
    }
}

impl StockHoldCommand {
    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::ReleaseStockHold {} => ("release_stock_hold", None),
            Self::ExpireHold {} => ("expire_hold", None),
        }
    }
}

impl CustomerCommand {
    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::UpdateCustomer(_) => ("update_customer", None),
            Self::EraseCustomer {} => ("erase_customer", None),
        }
    }
}

impl OrderCommand {
    fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::AmendOrder { body } => ("amend_order", body.occurred_at),
            Self::CancelOrder { body } => ("cancel_order", body.occurred_at),
            Self::HoldOrder { body } => ("hold_order", body.occurred_at),
            Self::ReleaseOrder { body } => ("release_order", body.occurred_at),
            Self::RecordPayment { body } => ("record_payment", body.occurred_at()),
            Self::RecordRefund { body } => ("record_refund", body.occurred_at),
            Self::CreateFulfilment { body } => ("create_fulfilment", body.occurred_at),
            Self::ShipFulfilment { body, .. } => ("ship_fulfilment", body.occurred_at),
            Self::DeliverFulfilment { body, .. } => ("deliver_fulfilment", body.occurred_at),
            Self::CancelFulfilment { body, .. } => ("cancel_fulfilment", body.occurred_at),
            Self::RequestReturn { body } => ("request_return", body.occurred_at),
            Self::ReceiveReturn { body, .. } => ("receive_return", body.occurred_at),
            Self::RejectReturn { body, .. } => ("reject_return", body.occurred_at),
            Self::AddNote { body } => ("add_note", body.occurred_at),
            Self::TagOrder { body } => ("tag_order", body.occurred_at),
            Self::ChangeAddresses { body } => ("change_addresses", body.occurred_at),
            Self::AssignCustomer { body } => ("assign_customer", body.occurred_at),
            Self::ErasePersonalData {} => ("erase_personal_data", None),
            Self::ExpireOrder {} => ("expire_order", None),
            Self::CompleteOrder {} => ("complete_order", None),
        }
    }
}

impl StockItem {
    /// The stream of the stock item.
    pub fn stream(&self) -> StreamId {
        StreamId::stock(&self.sku, &self.location)
    }
}

#[cfg(test)]
mod tests;
