//! Events of a stock item (one SKU at one location), and its stock level ([`Level`]).

mod event;
mod level;
mod movement;
mod policy;
mod reservation;

pub use event::StockEvent;
pub use level::Level;
pub use movement::{
    StockAdjusted, StockReceived, StockRestocked, StockShipped, StockTransferredIn, StockTransferredOut,
};
pub use policy::{StockPolicy, StockPolicyChanged};
pub use reservation::{StockBackordersChanged, StockHeld, StockHoldReleased, StockReleased, StockReserved};
