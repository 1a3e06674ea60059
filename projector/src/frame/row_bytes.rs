//! Works on rows in the binary format of `COPY` without knowing their type: keys, sums, and columns as texts.

use std::collections::HashMap;

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Utc};

use super::binary::{fields, put_row, read_instant};
use super::table::{Role, Table};

/// The columns of a table.
#[derive(Debug, Clone, Default)]
pub struct RowShape {
    columns: Vec<ShapeColumn>,
    is_sum: bool,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct ShapeColumn {
    /// Name of the column.
    pub name: &'static str,
    /// SQL type of the column.
    pub column_type: &'static str,
    /// Whether the column may be null.
    pub is_optional: bool,
    role: Role,
}

impl RowShape {
    /// The columns of a table.
    pub fn of<R>(table: &Table<R>) -> RowShape {
        let column = |it: &super::table::Column<R>| ShapeColumn {
            name: it.name,
            column_type: it.values.column_type(),
            is_optional: it.values.is_optional(),
            role: it.role,
        };
        RowShape { columns: table.columns.iter().map(column).collect(), is_sum: table.is_sum() }
    }

    /// The columns, in the order of the fields of a row.
    pub fn columns(&self) -> &[ShapeColumn] {
        &self.columns
    }

    /// Names of the columns of the primary key, separated by commas.
    pub fn key_names(&self) -> String {
        let keys = self.columns.iter().filter(|column| column.role == Role::Key);
        keys.map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// Names of the columns, separated by commas, for `select`.
    pub fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// The key columns of a row, one after the other.
    pub fn key(&self, row: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        for (_, field) in self.with_role(row, Role::Key) {
            let field = field.unwrap_or_default();
            key.extend_from_slice(&(field.len() as u32).to_be_bytes());
            key.extend_from_slice(field);
        }
        key
    }

    /// The instant that selects the month of a row: the first column, which is a time-ordered id or an instant.
    pub fn instant(&self, row: &[u8]) -> Option<DateTime<Utc>> {
        let field = fields(row).first().copied().flatten()?;
        match self.columns.first()?.column_type {
            "uuid" => {
                let first: [u8; 8] = field.get(..8)?.try_into().ok()?;
                DateTime::from_timestamp_millis((u64::from_be_bytes(first) >> 16) as i64)
            }
            "timestamptz" => read_instant(big_int(field)?),
            _ => None,
        }
    }

    /// Whether the row has sums and all of them are zero.
    pub fn is_zero(&self, row: &[u8]) -> bool {
        self.is_sum
            && self.with_role(row, Role::Added).all(|(_, sum)| sum.is_some_and(|sum| sum.iter().all(|b| *b == 0)))
    }

    /// The key of a row as text, such as `sku=MUG location=main`.
    pub fn key_text(&self, row: &[u8]) -> String {
        let texts =
            self.with_role(row, Role::Key).map(|(column, field)| format!("{}={}", column.name, column.text(field)));
        texts.collect::<Vec<_>>().join(" ")
    }

    /// The columns in which two rows differ: name, value in `a`, value in `b`.
    pub fn differences(&self, a: &[u8], b: &[u8]) -> Vec<(&'static str, String, String)> {
        let both = self.columns.iter().zip(fields(a).into_iter().zip(fields(b)));
        let differing = both.filter(|(_, (a, b))| a != b);
        differing.map(|(column, (a, b))| (column.name, column.text(a), column.text(b))).collect()
    }

    fn with_role<'r>(&'r self, row: &'r [u8], role: Role) -> impl Iterator<Item = (&'r ShapeColumn, Option<&'r [u8]>)> {
        self.columns.iter().zip(fields(row)).filter(move |(column, _)| column.role == role)
    }
}

impl ShapeColumn {
    /// A value as text.
    fn text(&self, field: Option<&[u8]>) -> String {
        let Some(bytes) = field else { return "null".to_owned() };
        match (self.column_type, bytes) {
            ("uuid", bytes) => uuid::Uuid::from_slice(bytes).map_or_else(|_| hex(bytes), |id| id.to_string()),
            ("int", &[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]).to_string(),
            ("boolean", &[value]) => (value != 0).to_string(),
            ("bigint", bytes) => big_int(bytes).map_or_else(|| hex(bytes), |value| value.to_string()),
            ("timestamptz", bytes) => {
                big_int(bytes).and_then(read_instant).map_or_else(|| hex(bytes), |instant| instant.to_rfc3339())
            }
            (_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Passes rows of a table to `work` in the format of `COPY`.
pub fn for_each_row<R>(table: &Table<R>, rows: &[R], mut work: impl FnMut(&RowShape, &[u8])) {
    let shape = RowShape::of(table);
    let mut bytes = BytesMut::new();
    for row in rows {
        bytes.clear();
        put_row(&mut bytes, table, row);
        work(&shape, &bytes);
    }
}

/// Sums by key, added up from rows.
#[derive(Debug, Default)]
pub struct Sums {
    shape: RowShape,
    /// The first row of each key, and the sums.
    by_key: HashMap<Vec<u8>, (Vec<u8>, Vec<i64>)>,
}

impl Sums {
    /// Adds a row.
    pub fn add(&mut self, shape: &RowShape, row: &[u8]) {
        if self.shape.columns.is_empty() {
            self.shape = shape.clone();
        }
        let sums = shape.with_role(row, Role::Added).map(|(_, sum)| sum.and_then(big_int).unwrap_or(0));
        let sums: Vec<i64> = sums.collect();
        let (_, total) = self.by_key.entry(shape.key(row)).or_insert_with(|| (row.to_vec(), vec![0; sums.len()]));
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total = total.wrapping_add(sum));
    }

    /// Adds the sums of another reader.
    pub fn merge(&mut self, other: Sums) {
        let shape = other.shape.clone();
        other.for_each(|_, row| self.add(&shape, row));
    }

    /// Passes every key's row with its sums to `work`.
    pub fn for_each(self, mut work: impl FnMut(&RowShape, &[u8])) {
        for (row, sums) in self.by_key.into_values() {
            work(&self.shape, &with_sums(&self.shape, &row, &sums));
        }
    }
}

/// The row with other sums.
fn with_sums(shape: &RowShape, row: &[u8], sums: &[i64]) -> Vec<u8> {
    let mut bytes = BytesMut::with_capacity(row.len());
    bytes.put_i16(shape.columns.len() as i16);
    let mut sums = sums.iter();
    for (column, field) in shape.columns.iter().zip(fields(row)) {
        match (column.role, field) {
            (Role::Added, _) => {
                bytes.put_i32(8);
                bytes.put_i64(sums.next().copied().unwrap_or(0));
            }
            (_, Some(field)) => {
                bytes.put_i32(field.len() as i32);
                bytes.put_slice(field);
            }
            (_, None) => bytes.put_i32(-1),
        }
    }
    bytes.to_vec()
}

fn big_int(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_be_bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
