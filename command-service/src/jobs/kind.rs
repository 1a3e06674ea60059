//! The kinds of rows. The file of each kind defines its columns and converts a document to commands.

mod customers;
mod orders;
mod products;
mod stock;

use std::borrow::Cow;

use serde_json::Value;

use super::import::Kind;
use super::row_commands::{Column, DocumentCommands, RowOrigin, RowRejection};
use domain::value::email::EmailIndex;

/// The column of this name.
pub(super) fn column(kind: Kind, name: &str) -> Option<Column> {
    match kind {
        Kind::Orders => orders::column(name),
        Kind::Products => products::column(name),
        Kind::Stock => stock::column(name),
        Kind::Customers => customers::column(name),
    }
}

/// Description of all columns.
pub(crate) fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::Orders => orders::COLUMNS,
        Kind::Products => products::COLUMNS,
        Kind::Stock => stock::COLUMNS,
        Kind::Customers => customers::COLUMNS,
    }
}

/// The required columns.
pub(super) fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Orders => &["external_ref", "currency", "sku", "quantity"],
        Kind::Products => &["sku", "name"],
        Kind::Stock => &["sku"],
        Kind::Customers => &["email"],
    }
}

/// The column whose value is the same in all rows of a document.
pub(super) fn grouped_by(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Orders => Some("external_ref"),
        Kind::Products | Kind::Stock | Kind::Customers => None,
    }
}

/// The external reference of a document, for kinds with unique external references.
pub(super) fn reference_of(kind: Kind, document: &[u8]) -> Option<Cow<'_, str>> {
    match kind {
        Kind::Orders => orders::reference_of(document),
        Kind::Products | Kind::Stock | Kind::Customers => None,
    }
}

/// The identifier of a document for people, in the rejection report. Best effort.
pub(super) fn name_of(kind: Kind, document: &Value) -> Option<String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    match kind {
        Kind::Orders => text("external_ref").or_else(|| text("id")),
        Kind::Products | Kind::Stock => text("sku"),
        // Other identifiers of a customer are personal data.
        Kind::Customers => text("id"),
    }
}

/// Converts a document to commands; `emails` computes the stream ids of e-mail addresses.
pub(super) fn plan(
    kind: Kind,
    document: &[u8],
    origin: RowOrigin,
    emails: &EmailIndex,
) -> Result<DocumentCommands, RowRejection> {
    match kind {
        Kind::Orders => orders::plan(document, origin),
        Kind::Products => products::plan(document),
        Kind::Stock => stock::plan(document),
        Kind::Customers => customers::plan(document, emails),
    }
}

/// Completes a document that was built from the rows of a CSV file.
pub(super) fn complete(kind: Kind, document: Value, origin: RowOrigin) -> Result<Value, RowRejection> {
    match kind {
        Kind::Orders => orders::complete(document, origin),
        Kind::Products => Ok(products::complete(document)),
        Kind::Stock => Ok(document),
        Kind::Customers => customers::complete(document, origin),
    }
}
