//! Commands to products.

use platform::problem::ProblemType;
use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::problem_types::*;
use domain::command::Command;
use domain::product::ProductCommand;

/// Rejections of commands to an existing product.
const PRODUCT: &[ProblemType] = &[UNKNOWN_PRODUCT, INSTANT_OUT_OF_RANGE];

pub(super) fn commands() -> CommandRoutes {
    CommandRoutes::tagged("products", "Products and their prices.")
        .post(
            "/v1/products",
            CommandOperation::new("create_product", "Create a product")
                .creates()
                .rejections(&[DUPLICATE_SKU, INSTANT_OUT_OF_RANGE, CURRENCY_WITHDRAWN])
                .example(json!({
                    "sku": "LAMP",
                    "name": "Lamp",
                    "prices": { "GBP": 450 },
                    "tax_class": "standard",
                    "attributes": { "colour": "red" },
                    "tags": ["lights"],
                })),
            |(), body| Command::CreateProduct { body },
        )
        .patch(
            "/v1/products/{sku}",
            CommandOperation::new("update_product", "Update a product")
                .note(
                    "The body is a JSON merge patch (RFC 7396): absent fields are not changed, `null` removes a value, tags are replaced \
                     as a whole. Prices are changed with `change_price`.",
                )
                .requires_version()
                .rejections(&[UNKNOWN_PRODUCT, TOO_MANY_ATTRIBUTES])
                .example(json!({ "tax_class": "reduced", "attributes": { "colour": "green", "size": null } })),
            |sku, body| Command::Product(sku, ProductCommand::UpdateProduct { body }),
        )
        .put(
            "/v1/products/{sku}/prices/{currency}",
            CommandOperation::new("change_price", "Set the price of a product in a currency")
                .rejections(PRODUCT)
                .rejections(&[CURRENCY_WITHDRAWN])
                .example(json!({ "price": 475 })),
            |(sku, currency), body| Command::Product(sku, ProductCommand::ChangePrice { currency, body }),
        )
        .post(
            "/v1/products/{sku}/discontinuation",
            CommandOperation::new("discontinue_product", "Discontinue a product")
                .rejections(PRODUCT)
                .example(json!({})),
            |sku, body| Command::Product(sku, ProductCommand::DiscontinueProduct { body }),
        )
        .post(
            "/v1/products/{sku}/reactivation",
            CommandOperation::new("reactivate_product", "Reactivate a discontinued product")
                .rejections(PRODUCT)
                .example(json!({})),
            |sku, body| Command::Product(sku, ProductCommand::ReactivateProduct { body }),
        )
}
