//! Products. An NDJSON row is the body of `POST /v1/products`. If the product exists with different data, it gets the values of the row;
//! values that the row does not contain, including prices in other currencies, are unchanged.

use platform::json::parse;
use serde_json::{Value, json};

use super::super::row_commands::{Column, ColumnTarget, DocumentCommands, RowRejection, ValueType};
use domain::command::Command;
use domain::product::ProductCommand;
use domain::product::change_price::ChangePrice;
use domain::product::create::CreateProduct;
use domain::product::update::UpdateProduct;

pub(super) const COLUMNS: &str =
    "sku, name, tax_class, occurred_at, and one column per currency with its code, such as price_GBP (minor units)";

pub(super) fn column(name: &str) -> Option<Column> {
    match name {
        "sku" | "name" | "tax_class" | "occurred_at" => Some(Column::text(name)),
        _ => {
            let currency = name.strip_prefix("price_")?;
            Some(Column::new(ColumnTarget::Document, &["prices", currency], ValueType::Number))
        }
    }
}

pub(super) fn plan(document: &[u8]) -> Result<DocumentCommands, RowRejection> {
    let body: CreateProduct = parse(document)?;
    let mut changes =
        vec![Command::Product(body.sku.clone(), ProductCommand::UpdateProduct { body: described(&body) })];
    changes.extend(body.prices.iter().map(|(currency, price)| {
        let change = ChangePrice { price: *price, occurred_at: body.occurred_at };
        Command::Product(body.sku.clone(), ProductCommand::ChangePrice { currency: *currency, body: change })
    }));
    Ok(DocumentCommands::Upsert { create: Command::CreateProduct { body }, changes })
}

/// The description of a product as a merge patch.
fn described(body: &CreateProduct) -> UpdateProduct {
    let mut members = serde_json::to_value(body).expect("a body is plain data with string keys");
    if let Some(members) = members.as_object_mut() {
        members.retain(|name, _| matches!(name.as_str(), "name" | "tax_class" | "attributes" | "tags"));
    }
    serde_json::from_value(members).expect("the description of a new product is a valid patch")
}

/// Products of a file without price columns have no prices.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(product) = document.as_object_mut() {
        product.entry("prices").or_insert_with(|| json!({}));
    }
    document
}
