//! The projections. Each file has the fold, the tables and the columns of one projection; [`crate::frame`] has
//! everything that projections share.

mod orders;
mod products;
mod stock;

pub use orders::Orders;
pub use products::Products;
pub use stock::Stock;
