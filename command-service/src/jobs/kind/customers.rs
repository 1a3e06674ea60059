//! Rows that are customers.

use super::{Column, Plan, Refused};

pub(super) const COLUMNS: &str = "name, email";

pub(super) fn column(name: &str) -> Option<Column> {
    matches!(name, "name" | "email").then(|| Column::text(name))
}

pub(super) fn plan(_: &[u8]) -> Result<Plan, Refused> {
    Err(Refused::new("unsupported-kind", "Customers cannot be imported yet."))
}
