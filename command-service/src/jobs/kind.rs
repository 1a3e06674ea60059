//! The kinds of rows. The file of each kind defines its columns and converts a document to commands.

mod customers;
mod orders;
mod products;
mod stock;

use std::borrow::Cow;

use serde_json::Value;

use super::import::ImportKind;
use super::row_commands::{Column, DocumentCommands, RowOrigin, RowRejection};
use events::email::EmailIndex;

/// The column of this name.
pub(super) fn column(kind: ImportKind, name: &str) -> Option<Column> {
    match kind {
        ImportKind::Orders => orders::column(name),
        ImportKind::Products => products::column(name),
        ImportKind::Stock => stock::column(name),
        ImportKind::Customers => customers::column(name),
    }
}

/// Description of all columns.
pub(crate) fn columns(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Orders => orders::COLUMNS,
        ImportKind::Products => products::COLUMNS,
        ImportKind::Stock => stock::COLUMNS,
        ImportKind::Customers => customers::COLUMNS,
    }
}

/// The required columns.
pub(super) fn required(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Orders => &["external_ref", "currency", "sku", "quantity"],
        ImportKind::Products => &["sku", "name"],
        ImportKind::Stock => &["sku"],
        ImportKind::Customers => &["email"],
    }
}

/// The column whose value is the same in all rows of a document.
pub(super) fn grouped_by(kind: ImportKind) -> Option<&'static str> {
    match kind {
        ImportKind::Orders => Some("external_ref"),
        ImportKind::Products | ImportKind::Stock | ImportKind::Customers => None,
    }
}

/// The external reference of a document, for kinds with unique external references.
pub(super) fn reference_of(kind: ImportKind, document: &[u8]) -> Option<Cow<'_, str>> {
    match kind {
        ImportKind::Orders => orders::reference_of(document),
        ImportKind::Products | ImportKind::Stock | ImportKind::Customers => None,
    }
}

/// The identifier of a document for people, in the rejection report. Best effort.
pub(super) fn name_of(kind: ImportKind, document: &Value) -> Option<String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    match kind {
        ImportKind::Orders => text("external_ref").or_else(|| text("id")),
        ImportKind::Products | ImportKind::Stock => text("sku"),
        // Other identifiers of a customer are personal data.
        ImportKind::Customers => text("id"),
    }
}

/// Converts a document to commands; `emails` computes the stream ids of e-mail addresses.
pub(super) fn plan(
    kind: ImportKind,
    document: &[u8],
    origin: RowOrigin,
    emails: &EmailIndex,
) -> Result<DocumentCommands, RowRejection> {
    match kind {
        ImportKind::Orders => orders::plan(document, origin),
        ImportKind::Products => products::plan(document),
        ImportKind::Stock => stock::plan(document),
        ImportKind::Customers => customers::plan(document, emails),
    }
}

/// Completes a document that was built from the rows of a CSV file.
pub(super) fn complete(kind: ImportKind, document: Value, origin: RowOrigin) -> Result<Value, RowRejection> {
    match kind {
        ImportKind::Orders => orders::complete(document, origin),
        ImportKind::Products => Ok(products::complete(document)),
        ImportKind::Stock => Ok(document),
        ImportKind::Customers => customers::complete(document, origin),
    }
}
