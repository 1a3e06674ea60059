//! The contents of a file: its invoices with their valid lines, and the reasons of the rejected lines.
//!
//! Memory: about 64 bytes per line (a valid line takes 24 bytes, a rejected line more) and at most 4 KiB per SKU. Of the
//! file's text only names are kept. [`MAX_LINES`] limits the total to about 300 MB.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use csv::StringRecord;
use events::{Quantity, Sku};

use crate::descriptions::Descriptions;
use crate::fields;
use crate::header::Header;
use crate::interned::Interned;
use crate::lines::{Line, LineNumber, Lines};
use crate::reason::{Reason, Warning};
use crate::row::{self, Kind, Row};
use domain::value::amount::Price;

/// Most lines of one file; the complete data set has half a million.
pub(crate) const MAX_LINES: u32 = 5_000_000;

/// The contents of a file.
#[derive(Debug, Default)]
pub(crate) struct FileContents {
    /// Number of lines that are not blank, without the header.
    pub lines_read: u32,
    /// Hash of the file.
    pub fingerprint: u64,
    /// Rejected lines.
    pub rejected: BTreeMap<LineNumber, Reason>,
    /// Lines that are imported with a warning.
    pub warnings: Vec<(LineNumber, Warning)>,
    /// Invoices with at least one valid line, in the order of the file.
    pub invoices: Vec<Invoice>,
    pub skus: Interned,
    /// The descriptions of each SKU, by the number of the SKU.
    pub descriptions: Vec<Descriptions>,
    pub customers: Interned,
    pub countries: Interned,
    /// Stock codes as written: there are more of them than SKUs where a code is written both in capitals and not.
    pub codes: HashSet<Box<str>>,
    by_number: HashMap<Box<str>, u32>,
}

/// An invoice and its valid lines.
#[derive(Debug)]
pub(crate) struct Invoice {
    pub number: Box<str>,
    pub kind: Kind,
    /// Date of the first line; the lines of a few invoices differ by a minute.
    pub at: DateTime<Utc>,
    /// Number of the customer in [`FileContents::customers`].
    pub customer: Option<u32>,
    /// Number of the country in [`FileContents::countries`].
    pub country: u32,
    /// In the order of the file.
    pub lines: Vec<InvoiceLine>,
}

/// A valid line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InvoiceLine {
    /// Price of one unit.
    pub price: Price,
    /// Number of the line in the file.
    pub line: LineNumber,
    /// Number of the SKU in [`FileContents::skus`].
    pub sku: u32,
    pub quantity: Quantity,
}

impl InvoiceLine {
    /// Price times quantity, in pence; at most `price::MAX_LINE_TOTAL_PENCE`.
    pub(crate) fn total(&self) -> i64 {
        self.price.minor().0 * i64::from(self.quantity.get())
    }
}

impl FileContents {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<FileContents> {
        let mut lines = Lines::open(path)?;
        let header = Header::read(&mut lines)?;
        let mut contents = FileContents::default();
        let mut fields = StringRecord::new();
        while let Some(line) = lines.next_line()? {
            if !line.is_blank() {
                contents.add_line(line, &header, &mut fields);
            }
            if contents.lines_read > MAX_LINES {
                bail!("{} has more than {MAX_LINES} lines; split it, by months for example", path.display());
            }
        }
        contents.fingerprint = lines.fingerprint();
        Ok(contents)
    }

    /// The SKU with this number.
    pub(crate) fn sku(&self, number: u32) -> Sku {
        self.skus.word(number).parse().expect("only the text of a SKU gets a number")
    }

    fn add_line(&mut self, line: Line<'_>, header: &Header, fields: &mut StringRecord) {
        self.lines_read += 1;
        let number = line.number;
        let width = header.names.len();
        let added = fields::split(line, fields).and_then(|()| match fields.len() == width {
            true => row::parse(fields, &header.columns).and_then(|row| self.add_row(number, &row)),
            false => Err(Reason::Columns { found: fields.len(), expected: width }),
        });
        if let Err(reason) = added {
            self.rejected.insert(number, reason);
        }
    }

    fn add_row(&mut self, line: LineNumber, row: &Row<'_>) -> Result<(), Reason> {
        let customer = row.customer.map(|id| self.customers.number(id));
        let invoice = self.invoice(row, customer);
        if self.invoices[invoice].customer != customer {
            return Err(Reason::OtherCustomer);
        }
        let sku = self.skus.number(row.sku.as_str());
        let place = sku as usize;
        if self.descriptions.len() <= place {
            self.descriptions.resize_with(place + 1, Descriptions::default);
        }
        if row.kind == Kind::Sale {
            self.descriptions[place].add(row.description);
        }
        if !self.codes.contains(row.code) {
            self.codes.insert(row.code.into());
        }
        if row.rounded {
            self.warnings.push((line, Warning::PriceRounded { pence: row.price.minor().0 }));
        }
        self.invoices[invoice].lines.push(InvoiceLine { price: row.price, line, sku, quantity: row.quantity });
        Ok(())
    }

    /// Index of the row's invoice; nearly always the last one.
    fn invoice(&mut self, row: &Row<'_>, customer: Option<u32>) -> usize {
        if self.invoices.last().is_some_and(|last| *last.number == *row.invoice) {
            return self.invoices.len() - 1;
        }
        if let Some(place) = self.by_number.get(row.invoice) {
            return *place as usize;
        }
        let country = self.countries.number(row.country);
        let place = self.invoices.len();
        self.by_number.insert(row.invoice.into(), place as u32);
        let (kind, at, lines) = (row.kind, row.at, Vec::new());
        self.invoices.push(Invoice { number: row.invoice.into(), kind, at, customer, country, lines });
        place
    }
}

#[cfg(test)]
impl FileContents {
    /// The contents of a file with these lines after the header.
    pub(crate) fn of_lines(lines: &str) -> FileContents {
        let dir = crate::fixture::Dir::new();
        let file = dir.write("contents.csv", format!("{}{lines}", crate::fixture::HEADER).as_bytes());
        FileContents::read(&file).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_invoice_belong_together_wherever_they_are_in_the_file() {
        let read = FileContents::of_lines(
            "1,A,Cup,1,1/5/24 9:00,1.00,7,UK\n2,A,Cup,1,1/5/24 9:01,1.00,8,UK\n\n1,b,Mug,2,1/5/24 9:01,2.00,7,UK\n",
        );
        let lines: Vec<_> = read.invoices.iter().map(|i| i.lines.iter().map(|l| l.line).collect::<Vec<_>>()).collect();
        assert_eq!(lines, [vec![2, 5], vec![3]]);
        assert_eq!((read.lines_read, read.skus.count(), read.rejected.len()), (3, 2, 0));
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let read = FileContents::of_lines(
            "1,A,\"Cup\",1,1/5/24 9:00,1.00,7,UK\r2,B,Mug,1,1/5/24 9:00,1.00,7,UK\r\n3,C,Jug,1,1/5/24 9:00,1.00,7,UK\n",
        );
        assert_eq!((read.lines_read, read.invoices.len(), read.rejected.len()), (3, 3, 0));
    }

    #[test]
    fn an_order_has_one_customer() {
        let read = FileContents::of_lines("1,A,Cup,1,1/5/24 9:00,1.00,7,UK\n1,B,Mug,1,1/5/24 9:00,1.00,8,UK\n");
        assert_eq!(read.rejected, BTreeMap::from([(3, Reason::OtherCustomer)]));
    }

    #[test]
    fn a_line_with_another_number_of_columns_is_rejected() {
        let read = FileContents::of_lines("1,A,Cup, red,1,1/5/24 9:00,1.00,7,UK\n1,A\n");
        let columns = |found| Reason::Columns { found, expected: 8 };
        assert_eq!(read.rejected, BTreeMap::from([(2, columns(9)), (3, columns(2))]));
    }

    #[test]
    fn codes_in_two_cases_are_one_sku() {
        let read =
            FileContents::of_lines("1,85123a,Heart,1,1/5/24 9:00,1.00,7,UK\n2,85123A,Heart,1,1/5/24 9:00,1.00,7,UK\n");
        assert_eq!((read.codes.len(), read.skus.count()), (2, 1));
        assert_eq!(read.sku(0).as_str(), "85123A");
    }
}
