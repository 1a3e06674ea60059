//! Customers. An NDJSON row is the body of `POST /v1/customers`; in CSV, a customer has at most one address.

use chrono::DateTime;
use events::CustomerId;
use platform::json;
use serde_json::{Value, json};

use super::super::row_commands::{Column, ColumnTarget, DocumentCommands, RowOrigin, RowRejection, ValueType};
use domain::command::Command;
use domain::customer::register::RegisterCustomer;
use events::email::EmailIndex;

pub(super) const COLUMNS: &str = "email, name, phone, registered_at (an instant in RFC 3339 format; the customer gets an id with \
    that instant), id, address_name (default: name), address_company, address_line1, address_line2, address_city, \
    address_region, address_postcode, address_country, address_phone";

pub(super) fn column(name: &str) -> Option<Column> {
    if matches!(name, "id" | "email" | "name" | "phone" | "registered_at") {
        return Some(Column::text(name));
    }
    let of_address = name.strip_prefix("address_")?;
    let is_known = matches!(
        of_address,
        "name" | "company" | "line1" | "line2" | "city" | "region" | "postcode" | "country" | "phone"
    );
    is_known.then(|| Column::new(ColumnTarget::Document, &["address", of_address], ValueType::Text))
}

pub(super) fn plan(document: &[u8], emails: &EmailIndex) -> Result<DocumentCommands, RowRejection> {
    let body = json::parse(document)?;
    Ok(DocumentCommands::One(Command::RegisterCustomer(RegisterCustomer::new(body, emails))))
}

/// Derives the id from `registered_at`, and puts the address into a list.
pub(super) fn complete(mut document: Value, origin: RowOrigin) -> Result<Value, RowRejection> {
    let Some(customer) = document.as_object_mut() else { return Ok(document) };
    if let Some(registered_at) = customer.remove("registered_at") {
        let Ok(instant) = DateTime::parse_from_rfc3339(registered_at.as_str().unwrap_or_default()) else {
            let detail = "At registered_at: expected an instant in RFC 3339 format, such as 2024-06-01T12:00:00Z.";
            return Err(RowRejection::new("invalid-body", detail));
        };
        let id = CustomerId::new(instant.to_utc(), origin.random());
        customer.entry("id").or_insert_with(|| id.to_string().into());
    }
    if let Some(Value::Object(mut address)) = customer.remove("address") {
        if let Some(name) = customer.get("name") {
            address.entry("name").or_insert_with(|| name.clone());
        }
        customer.insert("addresses".to_owned(), json!([address]));
    }
    Ok(document)
}
