//! Rows that are customers. A JSON row is the body of `POST /v1/customers`; in CSV a customer has one address at most.

use chrono::DateTime;
use events::CustomerId;
use platform::json;
use serde_json::{Value, json};

use super::{Column, Form, Of, Origin, Plan, Refused};
use domain::command::email::EmailIndex;
use domain::command::{Command, RegisterCustomer};

pub(super) const COLUMNS: &str = "email, name, phone, registered_at (an instant as RFC 3339 writes it; the customer gets an id of \
    that instant), id, address_name (name if left out), address_company, address_line1, address_line2, address_city, \
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
    is_known.then(|| Column::new(Of::Document, &["address", of_address], Form::Text))
}

pub(super) fn plan(document: &[u8], emails: &EmailIndex) -> Result<Plan, Refused> {
    let body = json::parse(document)?;
    Ok(Plan::Do(Command::RegisterCustomer(RegisterCustomer::new(body, emails))))
}

/// Makes the id of the instant, and a list of the address.
pub(super) fn complete(mut document: Value, origin: Origin) -> Result<Value, Refused> {
    let Some(customer) = document.as_object_mut() else { return Ok(document) };
    if let Some(registered_at) = customer.remove("registered_at") {
        let Ok(instant) = DateTime::parse_from_rfc3339(registered_at.as_str().unwrap_or_default()) else {
            let detail = "At registered_at: expected an instant as RFC 3339 writes it, such as 2024-06-01T12:00:00Z.";
            return Err(Refused::new("invalid-body", detail));
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
