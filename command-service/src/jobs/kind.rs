//! What the rows of each kind mean: a file per kind says which columns there are and makes commands of a document.

mod customers;
mod orders;
mod products;
mod stock;

use std::borrow::Cow;

use platform::problem::Problem;
use serde_json::Value;
use uuid::Uuid;

use super::import::{Kind, Stock};
use super::key;
use domain::command::Command;
use domain::command::email::EmailIndex;

/// What a row asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// This.
    Do(Command),
    /// Make this or, where there is one with other data, change it to be the same.
    Upsert {
        /// Makes it.
        create: Command,
        /// Change it.
        changes: Vec<Command>,
    },
}

/// Where a row comes from: what it does not bring is made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The job.
    pub import: Uuid,
    /// The row's number; the first of those that belong together.
    pub row: u32,
    /// What orders do to stock.
    pub stock: Stock,
}

impl Origin {
    /// Ten bytes that look random and are the same for the same row.
    fn random(self) -> [u8; 10] {
        key::random(self.import, self.row)
    }
}

/// Why a row takes no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The kind of the problem, as in problem documents.
    pub(super) problem: &'static str,
    /// What is wrong and what would help.
    pub(super) detail: String,
}

impl Refused {
    pub(super) fn new(problem: &'static str, detail: impl Into<String>) -> Refused {
        Refused { problem, detail: detail.into() }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        let document = problem.to_json();
        Refused::new(problem.kind(), document["detail"].as_str().unwrap_or_default())
    }
}

/// A column of a CSV file: where its value stands in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Of what.
    pub of: Of,
    /// Names of the objects on the way, the last its own.
    pub path: Vec<String>,
    /// How it is written in JSON.
    pub form: Form,
}

/// What a value says something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The document.
    Document,
    /// The line of the document that the row is.
    Line,
}

/// How a value is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In quotes.
    Text,
    /// As a number.
    Number,
}

impl Column {
    fn new(of: Of, path: &[&str], form: Form) -> Column {
        Column { of, path: path.iter().map(|name| (*name).to_owned()).collect(), form }
    }

    fn text(name: &str) -> Column {
        Column::new(Of::Document, &[name], Form::Text)
    }

    fn number(name: &str) -> Column {
        Column::new(Of::Document, &[name], Form::Number)
    }
}

/// The column of this name; `None` where there is no such.
pub(super) fn column(kind: Kind, name: &str) -> Option<Column> {
    match kind {
        Kind::Orders => orders::column(name),
        Kind::Products => products::column(name),
        Kind::Stock => stock::column(name),
        Kind::Customers => customers::column(name),
    }
}

/// The columns there are, in words.
pub(crate) fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::Orders => orders::COLUMNS,
        Kind::Products => products::COLUMNS,
        Kind::Stock => stock::COLUMNS,
        Kind::Customers => customers::COLUMNS,
    }
}

/// The columns that a file must have.
pub(super) fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Orders => &["external_ref", "currency", "sku", "quantity"],
        Kind::Products => &["sku", "name"],
        Kind::Stock => &["sku"],
        Kind::Customers => &["email"],
    }
}

/// The column whose value rows that are one document share.
pub(super) fn grouped_by(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Orders => Some("external_ref"),
        Kind::Products | Kind::Stock | Kind::Customers => None,
    }
}

/// The external reference of a document, where documents have one that only one of them may have.
pub(super) fn reference_of(kind: Kind, document: &[u8]) -> Option<Cow<'_, str>> {
    match kind {
        Kind::Orders => orders::reference_of(document),
        Kind::Products | Kind::Stock | Kind::Customers => None,
    }
}

/// What people know the row by; best effort, for the report.
pub(super) fn name_of(kind: Kind, document: &Value) -> Option<String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    match kind {
        Kind::Orders => text("external_ref").or_else(|| text("id")),
        Kind::Products | Kind::Stock => text("sku"),
        // What a customer is known by is personal.
        Kind::Customers => text("id"),
    }
}

/// Makes the commands of a document; `emails` names the streams of addresses.
pub(super) fn plan(kind: Kind, document: &[u8], origin: Origin, emails: &EmailIndex) -> Result<Plan, Refused> {
    match kind {
        Kind::Orders => orders::plan(document, origin),
        Kind::Products => products::plan(document),
        Kind::Stock => stock::plan(document),
        Kind::Customers => customers::plan(document, emails),
    }
}

/// Finishes a document that was put together from the rows of a CSV file.
pub(super) fn complete(kind: Kind, document: Value, origin: Origin) -> Result<Value, Refused> {
    match kind {
        Kind::Orders => orders::complete(document, origin),
        Kind::Products => Ok(products::complete(document)),
        Kind::Stock => Ok(document),
        Kind::Customers => customers::complete(document, origin),
    }
}
