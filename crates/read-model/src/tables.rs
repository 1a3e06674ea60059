//! Names of the tables; `migrations/steps` makes them. SQL spells them out, what is generic over tables uses these.

/// Orders, by month of the id.
pub const ORDERS: &str = "orders";
/// Stock items.
pub const STOCK: &str = "stock";
/// Movements of stock, by month of the id.
pub const STOCK_LEDGER: &str = "stock_ledger";
/// Products.
pub const PRODUCTS: &str = "products";
/// Every price that a product ever had, by month of the id.
pub const PRODUCT_PRICES: &str = "product_prices";
/// How far each partition of each projection has come.
pub const PROJECTION_CHECKPOINTS: &str = "projection_checkpoints";
/// Streams that wait because an event could not be applied.
pub const PARKED_STREAMS: &str = "parked_streams";
/// How far the relay has come.
pub const RELAY_CHECKPOINT: &str = "relay_checkpoint";
/// The last position that the relay sent to each partition.
pub const RELAY_PARTITIONS: &str = "relay_partitions";

/// The tables that `ensure_month` makes partitions of.
pub const BY_MONTH: [&str; 3] = [ORDERS, STOCK_LEDGER, PRODUCT_PRICES];
