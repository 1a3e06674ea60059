//! Names of the tables that `migrations/steps` creates, for code that is generic over tables. SQL texts contain the
//! names.

/// Orders, partitioned by the month of the id.
pub const ORDERS: &str = "orders";
/// Stock items.
pub const STOCK: &str = "stock";
/// Stock movements, partitioned by the month of the id.
pub const STOCK_LEDGER: &str = "stock_ledger";
/// Products.
pub const PRODUCTS: &str = "products";
/// Price history of products, partitioned by the month of the id.
pub const PRODUCT_PRICES: &str = "product_prices";
/// Checkpoint of each partition of each projection.
pub const PROJECTION_CHECKPOINTS: &str = "projection_checkpoints";
/// Streams that are parked because an event could not be applied.
pub const PARKED_STREAMS: &str = "parked_streams";
/// Checkpoint of the relay.
pub const RELAY_CHECKPOINT: &str = "relay_checkpoint";
/// Last position that the relay published to each partition.
pub const RELAY_PARTITIONS: &str = "relay_partitions";
