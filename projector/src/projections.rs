//! The projections. Each file has the fold, the tables and the columns of one projection; [`crate::frame`] has
//! everything that projections share. [`with_read_model`] is the one place that assigns a read model to each projection
//! of the platform.

use read_model::Projection;

use crate::frame::ReadModel;

mod customers;
mod decode;
mod fulfilments;
mod json_text;
mod order_returns;
mod order_statistics;
mod order_timeline;
mod orders;
mod products;
mod sales;
mod stock;
mod stock_holds;
mod stock_movements;
mod stock_reservations;

pub use customers::Customers;
pub use fulfilments::Fulfilments;
pub use order_returns::OrderReturns;
pub use order_statistics::OrderStatistics;
pub use order_timeline::OrderTimeline;
pub use orders::Orders;
pub use products::Products;
pub use sales::Sales;
pub use stock::Stock;
pub use stock_holds::StockHolds;
pub use stock_movements::StockMovements;
pub use stock_reservations::StockReservations;

/// Work that is done for a projection that is known only at run time.
pub trait WithReadModel {
    /// The result of the work.
    type Output;

    /// Does the work for the read model `M`.
    fn call<M: ReadModel>(self) -> Self::Output;
}

/// Does work for the read model of a projection; `None` if this build has no read model for the projection.
pub fn with_read_model<W: WithReadModel>(projection: Projection, work: W) -> Option<W::Output> {
    match projection {
        Projection::ORDERS => Some(work.call::<Orders>()),
        Projection::STOCK => Some(work.call::<Stock>()),
        Projection::PRODUCTS => Some(work.call::<Products>()),
        Projection::CUSTOMERS => Some(work.call::<Customers>()),
        Projection::STOCK_HOLDS => Some(work.call::<StockHolds>()),
        Projection::STOCK_RESERVATIONS => Some(work.call::<StockReservations>()),
        Projection::ORDER_TIMELINE => Some(work.call::<OrderTimeline>()),
        Projection::FULFILMENTS => Some(work.call::<Fulfilments>()),
        Projection::ORDER_RETURNS => Some(work.call::<OrderReturns>()),
        Projection::SALES => Some(work.call::<Sales>()),
        Projection::ORDER_STATISTICS => Some(work.call::<OrderStatistics>()),
        Projection::STOCK_MOVEMENTS => Some(work.call::<StockMovements>()),
        _ => None,
    }
}
