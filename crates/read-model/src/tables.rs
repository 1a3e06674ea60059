//! Names of tables: those of read models, which the projector creates, and those of checkpoints, for code that is generic over tables. SQL texts contain the
//! names.

/// Orders, partitioned by the month of the id.
pub const ORDERS: &str = "orders";
/// What orders are searched by and what rarely changes, partitioned by the month of the order id.
pub const ORDER_SEARCH: &str = "order_search";
/// Stock items.
pub const STOCK: &str = "stock";
/// Stock movements, partitioned by the month of the id.
pub const STOCK_LEDGER: &str = "stock_ledger";
/// Products.
pub const PRODUCTS: &str = "products";
/// Price history of products, partitioned by the month of the id.
pub const PRODUCT_PRICES: &str = "product_prices";
/// Customers.
pub const CUSTOMERS: &str = "customers";
/// Stock holds, partitioned by the month of the id.
pub const STOCK_HOLDS: &str = "stock_holds";
/// Units of stock items that are reserved for an order or a stock hold.
pub const STOCK_RESERVATIONS: &str = "stock_reservations";
/// Events of orders in sentences, partitioned by the month of the order id.
pub const ORDER_TIMELINE: &str = "order_timeline";
/// Fulfilments, partitioned by the month of the order id.
pub const FULFILMENTS: &str = "fulfilments";
/// Returns, partitioned by the month of the order id.
pub const ORDER_RETURNS: &str = "order_returns";
/// Sales by quarter of an hour, partitioned by month.
pub const SALES_QUARTER_HOURS: &str = "sales_quarter_hours";
/// Sales by day in UTC, partitioned by month.
pub const SALES_DAYS: &str = "sales_days";
/// Sales of channels by quarter of an hour, partitioned by month.
pub const SALES_CHANNEL_QUARTER_HOURS: &str = "sales_channel_quarter_hours";
/// Sales of channels by hour in UTC, partitioned by month.
pub const SALES_CHANNEL_HOURS: &str = "sales_channel_hours";
/// Sales of channels by day in UTC, partitioned by month.
pub const SALES_CHANNEL_DAYS: &str = "sales_channel_days";
/// Sales by customer.
pub const SALES_CUSTOMERS: &str = "sales_customers";
/// Numbers of orders by channel, currency and statuses.
pub const ORDER_COUNTS: &str = "order_counts";
/// Fulfilments by quarter of an hour, partitioned by month.
pub const FULFILMENT_QUARTER_HOURS: &str = "fulfilment_quarter_hours";
/// Returns by quarter of an hour, partitioned by month.
pub const RETURN_QUARTER_HOURS: &str = "return_quarter_hours";
/// Stock movements by quarter of an hour, partitioned by month.
pub const STOCK_MOVEMENT_QUARTER_HOURS: &str = "stock_movement_quarter_hours";
/// Checkpoint of each partition of each projection.
pub const PROJECTION_CHECKPOINTS: &str = "projection_checkpoints";
/// Streams that are parked because an event could not be applied.
pub const PARKED_STREAMS: &str = "parked_streams";
/// Checkpoint of the relay.
pub const RELAY_CHECKPOINT: &str = "relay_checkpoint";
/// Last position that the relay published to each partition.
pub const RELAY_PARTITIONS: &str = "relay_partitions";
