//! The header line: finds the required columns. Their order does not matter; further columns are copied to the report.

use anyhow::bail;
use csv::StringRecord;

use crate::fields;
use crate::lines::Lines;

/// Index of each required column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
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

/// Names of the required columns, in the order of [`Columns`].
const NAMES: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

/// The first line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Names of all columns.
    pub names: StringRecord,
    pub columns: Columns,
}

impl Header {
    /// Reads the first line. The error lists all missing columns.
    pub(crate) fn read(lines: &mut Lines) -> anyhow::Result<Header> {
        let shown = lines.path().display().to_string();
        let Some(line) = lines.next_line()? else {
            bail!("{shown} is empty; its first line must name the columns: {}", NAMES.join(","));
        };
        let mut names = StringRecord::new();
        if fields::split(line, &mut names).is_err() {
            bail!("the first line of {shown} is not CSV in UTF-8; it must name the columns: {}", NAMES.join(","));
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
                "the first line of {shown} lacks {} (each name once, separated by commas); it has: {}",
                missing.join(", "),
                has.join(" | ").chars().take(200).collect::<String>()
            );
        };
        let columns = Columns { invoice, code, description, quantity, date, price, customer, country };
        Ok(Header { names, columns })
    }
}

/// Index of the column; `None` if the column is missing or occurs more than once.
fn position(names: &StringRecord, name: &str) -> Option<usize> {
    let mut places = names.iter().enumerate().filter(|(_, found)| found.trim().eq_ignore_ascii_case(name));
    let (first, _) = places.next()?;
    places.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Dir;

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
    fn a_wrong_header_is_a_one_line_error() {
        let error = |text: &str| header(text).unwrap_err().to_string();
        assert!(error("").contains("is empty; its first line must name the columns: InvoiceNo,StockCode"));
        let semicolons = error("InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country");
        assert!(semicolons.contains("lacks InvoiceNo, StockCode") && semicolons.contains("separated by commas"));
        let twice = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country,Quantity";
        assert!(error(twice).contains("lacks Quantity (each name once"));
        assert!(!error("a\nb").contains('\n'));
    }
}
