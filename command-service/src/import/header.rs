//! The first line: which column is where. Order does not matter, further columns are kept for the report.

use anyhow::bail;
use csv::StringRecord;

use super::file::Lines;
use super::record;

/// Where each column that we read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// `InvoiceNo`
    pub invoice: usize,
    /// `StockCode`
    pub code: usize,
    /// `Description`
    pub description: usize,
    /// `Quantity`
    pub quantity: usize,
    /// `InvoiceDate`
    pub date: usize,
    /// `UnitPrice`
    pub price: usize,
    /// `CustomerID`
    pub customer: usize,
    /// `Country`
    pub country: usize,
}

/// The names that a file must have, in the order of [`Columns`].
const NAMES: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

/// The first line of a file.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Its columns as they are named.
    pub names: StringRecord,
    /// Where those are that we read.
    pub columns: Columns,
}

impl Header {
    /// Reads the first line; every missing column is told at once.
    pub(super) fn read(lines: &mut Lines) -> anyhow::Result<Header> {
        let shown = lines.path().display().to_string();
        let Some(line) = lines.next_line()? else {
            bail!("{shown} is empty; its first line must name the columns: {}", NAMES.join(","));
        };
        let mut names = StringRecord::new();
        if record::split(line, &mut names).is_err() {
            bail!("the first line of {shown} is no CSV in UTF-8; it must name the columns: {}", NAMES.join(","));
        }
        let found: Vec<_> = NAMES.map(|name| position(&names, name)).into_iter().collect();
        let missing: Vec<_> = NAMES.iter().zip(&found).filter(|(_, at)| at.is_none()).map(|(name, _)| *name).collect();
        let [
            Some(invoice),
            Some(code),
            Some(description),
            Some(quantity),
            Some(date),
            Some(price),
            Some(customer),
            Some(country),
        ] = found[..]
        else {
            let has: Vec<_> = names.iter().take(NAMES.len() * 2).collect();
            bail!(
                "the first line of {shown} lacks {} (names once each, separated by commas); it has: {}",
                missing.join(", "),
                has.join(" | ").chars().take(200).collect::<String>()
            );
        };
        let columns = Columns { invoice, code, description, quantity, date, price, customer, country };
        Ok(Header { names, columns })
    }
}

/// Where the column is; `None` if it is not there, or more than once.
fn position(names: &StringRecord, name: &str) -> Option<usize> {
    let mut places = names.iter().enumerate().filter(|(_, found)| found.trim().eq_ignore_ascii_case(name));
    let (first, _) = places.next()?;
    places.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Dir;
    use super::*;

    fn header(text: &str) -> anyhow::Result<Header> {
        let dir = Dir::new();
        Header::read(&mut Lines::open(&dir.write("header.csv", text.as_bytes()))?)
    }

    #[test]
    fn columns_come_in_any_order_with_others_between_them() {
        let read =
            header("Country,Till,customerid, UnitPrice ,InvoiceDate,Quantity,\"Description\",StockCode,InvoiceNo\n")
                .unwrap();
        let expected =
            Columns { invoice: 8, code: 7, description: 6, quantity: 5, date: 4, price: 3, customer: 2, country: 0 };
        assert_eq!(read.columns, expected);
        assert_eq!(read.names.len(), 9);
    }

    #[test]
    fn a_wrong_header_is_told_in_one_line() {
        let told = |text: &str| header(text).unwrap_err().to_string();
        assert!(told("").contains("is empty; its first line must name the columns: InvoiceNo,StockCode"));
        let semicolons = told("InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country");
        assert!(semicolons.contains("lacks InvoiceNo, StockCode") && semicolons.contains("separated by commas"));
        let twice = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country,Quantity";
        assert!(told(twice).contains("lacks Quantity (names once each"));
        assert!(!told("a\nb").contains('\n'));
    }
}
