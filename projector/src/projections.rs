//! The projections. Each file has the fold, the tables and the columns of one projection; [`crate::frame`] has
//! everything that projections share. [`with_read_model`] is the one place that assigns a read model to each projection
//! of the platform.

use read_model::Projection;
use serde::de::DeserializeOwned;

use crate::frame::ReadModel;

mod orders;
mod products;
mod stock;

pub use orders::Orders;
pub use products::Products;
pub use stock::Stock;

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
        _ => None,
    }
}

/// Reads a column with JSON. Decoding by sqlx would fail the whole statement for one row that this build cannot read.
fn read_json<T: DeserializeOwned>(column: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|e| format!("{column}: line {}, column {}", e.line(), e.column()))
}
