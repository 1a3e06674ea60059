//! Rows that are products. A JSON row is the body of `POST /v1/products`. A product that exists with other data gets
//! what the row says; what it does not say stays, prices in other currencies too.

use platform::json::parse;
use serde_json::{Value, json};

use super::{Column, Form, Of, Plan, Refused};
use domain::command::product::{ChangePriceBody, CreateProductBody, UpdateProductBody};
use domain::command::{ChangePrice, Command, CreateProduct, UpdateProduct};

pub(super) const COLUMNS: &str =
    "sku, name, tax_class, occurred_at, and per currency price_GBP (minor units), with the currency's own code";

pub(super) fn column(name: &str) -> Option<Column> {
    match name {
        "sku" | "name" | "tax_class" | "occurred_at" => Some(Column::text(name)),
        _ => {
            let currency = name.strip_prefix("price_")?;
            Some(Column::new(Of::Document, &["prices", currency], Form::Number))
        }
    }
}

pub(super) fn plan(document: &[u8]) -> Result<Plan, Refused> {
    let body: CreateProductBody = parse(document)?;
    let mut changes = vec![Command::UpdateProduct(UpdateProduct { sku: body.sku.clone(), body: described(&body) })];
    changes.extend(body.prices.iter().map(|(currency, price)| {
        let change = ChangePriceBody { price: *price, occurred_at: body.occurred_at };
        Command::ChangePrice(ChangePrice { sku: body.sku.clone(), currency: *currency, body: change })
    }));
    Ok(Plan::Upsert { create: Command::CreateProduct(CreateProduct { body }), changes })
}

/// What a product says of itself, as a patch: what was not sent stays.
fn described(body: &CreateProductBody) -> UpdateProductBody {
    let mut members = serde_json::to_value(body).expect("a body is plain data with text keys");
    if let Some(members) = members.as_object_mut() {
        members.retain(|name, _| matches!(name.as_str(), "name" | "tax_class" | "attributes" | "tags"));
    }
    serde_json::from_value(members).expect("what describes a new product describes a known one")
}

/// A file without a price has products without one.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(product) = document.as_object_mut() {
        product.entry("prices").or_insert_with(|| json!({}));
    }
    document
}
