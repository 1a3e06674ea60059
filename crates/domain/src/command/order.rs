//! Commands to an order, its payments, fulfilments, returns and refunds; a file for each kind of thing to do.

mod amend;
mod annotate;
mod cancellation;
mod fulfilment;
mod hold;
mod payment;
mod place;
mod returns;
mod shipping;

pub use amend::{AmendOrder, ChangeLine};
pub use annotate::{AddNote, AssignCustomer, ChangeAddresses, TagOrder};
pub use cancellation::CancelOrder;
pub use fulfilment::{CancelFulfilment, CreateFulfilment, DeliverFulfilment, ShipFulfilment};
pub use hold::{HoldOrder, ReleaseOrder};
pub use payment::{RecordPayment, RecordRefund, RefundKind};
pub use place::{OnShortage, OrderLine, PlaceOrder, PlaceOrderBody, StockHandling};
pub use returns::{ReceiveReturn, RejectReturn, RequestReturn};
pub use shipping::{ShippingLine, ShippingLines};
