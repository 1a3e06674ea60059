//! The columns of CSV and Parquet: flat, typed, and without personal data. NDJSON has the whole documents.
//!
//! Instants are in UTC, amounts in minor units of the row's currency. Sets and maps, such as tags and prices, are JSON texts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use events::stock::StockPolicy;
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use read_model::{CustomerDocument, ProductDocument, StockDocument};
use serde::Serialize;

use crate::reads::dataset::Dataset;
use crate::reads::dataset::row::{OrderRow, Row};
use crate::reads::reports::cell::Cell;
use crate::reads::reports::table::{self, ReportType};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name, as in the documents.
    pub name: &'static str,
    /// The values.
    pub kind: Kind,
    /// Whether a row can have no value.
    pub is_optional: bool,
}

/// The values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// An instant.
    Instant,
    /// True or false.
    Boolean,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// An instant, with its text.
    Instant(DateTime<Utc>, String),
    /// True or false.
    Boolean(bool),
    /// No value.
    Empty,
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, is_optional: false }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer, is_optional: false }
}

const fn instant(name: &'static str) -> Column {
    Column { name, kind: Kind::Instant, is_optional: false }
}

const fn boolean(name: &'static str) -> Column {
    Column { name, kind: Kind::Boolean, is_optional: false }
}

const fn optional(column: Column) -> Column {
    Column { is_optional: true, ..column }
}

/// The columns of orders. `lines` and `units` do not count cancelled units.
pub const ORDERS: [Column; 20] = [
    text("id"),
    text("code"),
    text("channel"),
    optional(text("customer_id")),
    optional(text("external_ref")),
    text("lifecycle"),
    text("payment"),
    text("fulfilment"),
    text("return"),
    instant("placed_at"),
    instant("updated_at"),
    text("currency"),
    integer("total"),
    integer("due"),
    integer("owed"),
    integer("lines"),
    integer("units"),
    text("tags"),
    integer("version"),
    integer("position"),
];

/// The columns of products.
pub const PRODUCTS: [Column; 11] = [
    text("sku"),
    text("name"),
    boolean("active"),
    text("prices"),
    optional(text("tax_class")),
    text("attributes"),
    text("tags"),
    instant("created_at"),
    instant("updated_at"),
    integer("version"),
    integer("position"),
];

/// The columns of customers, without personal data.
pub const CUSTOMERS: [Column; 6] = [
    text("id"),
    boolean("erased"),
    instant("registered_at"),
    instant("updated_at"),
    integer("version"),
    integer("position"),
];

/// The columns of stock items, in units.
pub const STOCK: [Column; 18] = [
    text("sku"),
    text("location"),
    integer("available"),
    integer("shortage"),
    integer("on_hand"),
    integer("reserved"),
    integer("backordered"),
    integer("received"),
    integer("restocked"),
    integer("adjusted"),
    integer("shipped"),
    integer("transferred"),
    integer("safety"),
    text("policy"),
    optional(integer("backorder_limit")),
    instant("updated_at"),
    integer("version"),
    integer("position"),
];

/// The columns of a list or report.
pub fn columns(dataset: &Dataset) -> Vec<Column> {
    match dataset {
        Dataset::Orders { .. } => ORDERS.to_vec(),
        Dataset::Products(_) => PRODUCTS.to_vec(),
        Dataset::Customers { .. } => CUSTOMERS.to_vec(),
        Dataset::Stock => STOCK.to_vec(),
        Dataset::Report { report, .. } => of_report(report),
    }
}

/// A report has no value in columns by which it is not grouped.
fn of_report(report: &ReportType) -> Vec<Column> {
    let kind = |column: &table::Column| match column.kind {
        table::Kind::Period => Kind::Instant,
        table::Kind::Text => Kind::Text,
        table::Kind::Number => Kind::Integer,
    };
    report.columns.iter().map(|it| Column { name: it.name, kind: kind(it), is_optional: true }).collect()
}

/// The values of a row, one for each column.
pub fn values(row: &Row) -> Vec<Value> {
    match row {
        Row::Order(order) => of_order(order),
        Row::Product(product) => of_product(product),
        Row::Customer(customer) => of_customer(customer),
        Row::Stock(item) => of_stock(item),
        Row::Report(_, cells) => cells.iter().map(of_cell).collect(),
    }
}

fn of_order(OrderRow { summary: order, counts }: &OrderRow) -> Vec<Value> {
    let (lines, units) = counts.unwrap_or_default();
    vec![
        Value::text(order.id),
        Value::text(&order.code),
        Value::text(&order.channel),
        Value::maybe(order.customer_id.as_ref()),
        Value::maybe(order.external_ref.as_ref()),
        Value::text(lifecycle_word(order.status.lifecycle)),
        Value::text(payment_word(order.status.payment)),
        Value::text(fulfilment_word(order.status.fulfilment)),
        Value::text(return_word(order.status.returns)),
        Value::instant(order.placed_at),
        Value::instant(order.updated_at),
        Value::text(order.currency),
        Value::Integer(order.total.0),
        Value::Integer(order.due.0),
        Value::Integer(order.owed.0),
        Value::Integer(lines),
        Value::Integer(units),
        Value::tags(&order.tags),
        Value::Integer(order.version.0.into()),
        Value::Integer(order.position.0),
    ]
}

fn of_product(product: &ProductDocument) -> Vec<Value> {
    let prices: BTreeMap<String, i64> = product.prices.iter().map(|(it, price)| (it.to_string(), price.0)).collect();
    vec![
        Value::text(&product.sku),
        Value::text(&product.name),
        Value::Boolean(product.active),
        Value::json(&prices),
        Value::maybe(product.tax_class.as_ref()),
        Value::json(&product.attributes),
        Value::tags(&product.tags),
        Value::instant(product.created_at),
        Value::instant(product.updated_at),
        Value::Integer(product.version.0.into()),
        Value::Integer(product.position.0),
    ]
}

fn of_customer(customer: &CustomerDocument) -> Vec<Value> {
    vec![
        Value::text(customer.id),
        Value::Boolean(customer.erased),
        Value::instant(customer.registered_at),
        Value::instant(customer.updated_at),
        Value::Integer(customer.version.0.into()),
        Value::Integer(customer.position.0),
    ]
}

fn of_stock(item: &StockDocument) -> Vec<Value> {
    let level = &item.level;
    let (policy, limit) = match level.policy {
        StockPolicy::Deny => ("deny", Value::Empty),
        StockPolicy::Backorder { limit } => ("backorder", Value::Integer(limit.into())),
        StockPolicy::Untracked => ("untracked", Value::Empty),
    };
    vec![
        Value::text(&item.sku),
        Value::text(&item.location),
        Value::Integer(item.available),
        Value::Integer(item.shortage),
        Value::Integer(level.on_hand),
        Value::Integer(level.reserved),
        Value::Integer(level.backordered),
        Value::Integer(level.received),
        Value::Integer(level.restocked),
        Value::Integer(level.adjusted),
        Value::Integer(level.shipped),
        Value::Integer(level.transferred),
        Value::Integer(level.safety),
        Value::text(policy),
        limit,
        Value::instant(item.updated_at),
        Value::Integer(item.version.0.into()),
        Value::Integer(item.position.0),
    ]
}

fn of_cell(cell: &Cell) -> Value {
    match cell {
        Cell::Start(start) => Value::Instant(start.to_utc(), cell.to_text()),
        Cell::Text(text) => Value::text(text),
        Cell::Number(number) => Value::Integer(*number),
        Cell::Empty => Value::Empty,
    }
}

impl Value {
    fn text(value: impl ToString) -> Value {
        Value::Text(value.to_string())
    }

    fn maybe(value: Option<&impl ToString>) -> Value {
        value.map_or(Value::Empty, |value| Value::Text(value.to_string()))
    }

    fn instant(value: DateTime<Utc>) -> Value {
        Value::Instant(value, value.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    fn tags(tags: &BTreeSet<String>) -> Value {
        Value::json(tags)
    }

    fn json(value: &impl Serialize) -> Value {
        Value::Text(serde_json::to_string(value).expect("texts and numbers can be written as JSON"))
    }

    /// The value as text; empty without a value.
    pub fn into_text(self) -> String {
        match self {
            Value::Text(text) | Value::Instant(_, text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(is) => is.to_string(),
            Value::Empty => String::new(),
        }
    }
}
