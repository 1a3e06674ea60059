//! The products that the orders of the load are spread over.

/// Number of products: enough that no single stock stream limits the rate.
pub const SKUS: u64 = 1_000;

/// SKU of a product, by its number.
pub fn sku(number: u64) -> String {
    format!("BENCH-{:04}", number % SKUS)
}
