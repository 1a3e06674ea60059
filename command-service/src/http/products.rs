//! Commands to products.

use serde_json::json;

use super::commands::Commands;
use super::operation::{Operation, Refusal};
use crate::command::{ChangePrice, Command, CreateProduct, DiscontinueProduct, ReactivateProduct};

const UNKNOWN: &[Refusal] = &[(404, "unknown-product"), (422, "instant-out-of-range")];

pub(super) fn commands() -> Commands {
    Commands::to("products", "What can be sold.")
        .post(
            "/v1/products",
            Operation::new("create_product", "Creates a product that can be sold")
                .creates()
                .refuses(&[(409, "duplicate-sku"), (422, "instant-out-of-range")])
                .example(json!({ "sku": "LAMP", "name": "Lamp", "prices": { "GBP": 450 } })),
            |(), body| Command::CreateProduct(CreateProduct { body }),
        )
        .put(
            "/v1/products/{sku}/prices/{currency}",
            Operation::new("change_price", "Sets the price of a product in one currency")
                .refuses(UNKNOWN)
                .example(json!({ "price": 475 })),
            |(sku, currency), body| Command::ChangePrice(ChangePrice { sku, currency, body }),
        )
        .post(
            "/v1/products/{sku}/discontinuation",
            Operation::new("discontinue_product", "Takes a product out of the assortment")
                .refuses(UNKNOWN)
                .example(json!({})),
            |sku, body| Command::DiscontinueProduct(DiscontinueProduct { sku, body }),
        )
        .post(
            "/v1/products/{sku}/reactivation",
            Operation::new("reactivate_product", "Takes a product back into the assortment")
                .refuses(UNKNOWN)
                .example(json!({})),
            |sku, body| Command::ReactivateProduct(ReactivateProduct { sku, body }),
        )
}
