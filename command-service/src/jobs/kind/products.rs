//! Rows that are products. A JSON row is the body of `POST /v1/products`. A product that exists with other data gets the
//! prices of the row; what has no price in the row keeps its own.

use platform::json::parse;
use serde_json::{Value, json};

use super::{Column, Form, Of, Plan, Refused};
use crate::command::product::{ChangePriceBody, CreateProductBody};
use crate::command::{ChangePrice, Command, CreateProduct};

pub(super) const COLUMNS: &str =
    "sku, name, occurred_at, and per currency price_GBP (minor units), with the currency's own code";

pub(super) fn column(name: &str) -> Option<Column> {
    match name {
        "sku" | "name" | "occurred_at" => Some(Column::text(name)),
        _ => {
            let currency = name.strip_prefix("price_")?;
            Some(Column::new(Of::Document, &["prices", currency], Form::Number))
        }
    }
}

pub(super) fn plan(document: &[u8]) -> Result<Plan, Refused> {
    let body: CreateProductBody = parse(document)?;
    let changes = body.prices.iter().map(|(currency, price)| {
        let change = ChangePriceBody { price: *price, occurred_at: body.occurred_at };
        Command::ChangePrice(ChangePrice { sku: body.sku.clone(), currency: *currency, body: change })
    });
    let changes = changes.collect();
    Ok(Plan::Upsert { create: Command::CreateProduct(CreateProduct { body }), changes })
}

/// A file without a price has products without one.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(product) = document.as_object_mut() {
        product.entry("prices").or_insert_with(|| json!({}));
    }
    document
}
