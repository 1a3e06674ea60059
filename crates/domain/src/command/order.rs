//! Commands to an order, its payments, fulfilments, returns and refunds; a file for each kind of thing to do.

mod amend;
mod annotate;
mod cancellation;
mod due;
mod erasure;
mod fulfilment;
mod hold;
mod payment;
mod place;
mod returns;
mod shipping;

pub use amend::{AmendOrder, AmendOrderBody, ChangeLine};
pub use annotate::{
    AddNote, AddNoteBody, AssignCustomer, AssignCustomerBody, ChangeAddresses, ChangeAddressesBody, TagOrder,
    TagOrderBody,
};
pub use cancellation::{CancelOrder, CancelOrderBody};
pub use due::{CompleteOrder, ExpireOrder};
pub use erasure::ErasePersonalData;
pub use fulfilment::{
    CancelFulfilment, CancelFulfilmentBody, CreateFulfilment, CreateFulfilmentBody, DeliverFulfilment,
    DeliverFulfilmentBody, ShipFulfilment, ShipFulfilmentBody,
};
pub use hold::{HoldOrder, HoldOrderBody, ReleaseOrder, ReleaseOrderBody};
pub use payment::{RecordPayment, RecordPaymentBody, RecordRefund, RecordRefundBody, RefundKind};
pub use place::{OnShortage, OrderLine, PlaceOrder, PlaceOrderBody, StockHandling};
pub use returns::{ReceiveReturn, ReceiveReturnBody, RejectReturn, RejectReturnBody, RequestReturn, RequestReturnBody};
pub use shipping::{ShippingLine, ShippingLines};
