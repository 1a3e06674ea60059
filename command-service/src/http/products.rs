//! Commands to products.

use serde_json::json;

use super::commands::Commands;
use super::operation::{Operation, Refusal};
use domain::command::{ChangePrice, Command, CreateProduct, DiscontinueProduct, ReactivateProduct, UpdateProduct};

const UNKNOWN: &[Refusal] = &[(404, "unknown-product"), (422, "instant-out-of-range")];

pub(super) fn commands() -> Commands {
    Commands::to("products", "What can be sold.")
        .post(
            "/v1/products",
            Operation::new("create_product", "Creates a product that can be sold")
                .creates()
                .refuses(&[(409, "duplicate-sku"), (422, "instant-out-of-range"), (422, "currency-withdrawn")])
                .example(json!({
                    "sku": "LAMP",
                    "name": "Lamp",
                    "prices": { "GBP": 450 },
                    "tax_class": "standard",
                    "attributes": { "colour": "red" },
                    "tags": ["lights"],
                })),
            |(), body| Command::CreateProduct(CreateProduct { body }),
        )
        .patch(
            "/v1/products/{sku}",
            Operation::new("update_product", "Describes a product in another way")
                .note(
                    "A JSON merge patch (RFC 7396): what is not sent stays, `null` takes away, tags are replaced as a whole. Prices \
                     have a route of their own.",
                )
                .needs_version()
                .refuses(&[(404, "unknown-product"), (422, "too-many-attributes")])
                .example(json!({ "tax_class": "reduced", "attributes": { "colour": "green", "size": null } })),
            |sku, body| Command::UpdateProduct(UpdateProduct { sku, body }),
        )
        .put(
            "/v1/products/{sku}/prices/{currency}",
            Operation::new("change_price", "Sets the price of a product in one currency")
                .refuses(UNKNOWN)
                .refuses(&[(422, "currency-withdrawn")])
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
