//! The first pass: what a file holds, in a few bytes a line. Lines that cannot go in are put aside with their reason.
//!
//! Memory: about 64 bytes a line (a kept line is 24, a rejected one some more), 4 KiB a SKU at the very most; nothing of the
//! file's text but names. [`MAX_LINES`] bounds it to some 300 MB.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use csv::StringRecord;
use events::{Quantity, Sku};

use super::descriptions::Descriptions;
use super::file::{Line, LineNumber, Lines};
use super::header::Header;
use super::interned::Interned;
use super::reason::{Note, Reason};
use super::record;
use super::row::{self, Kind, Row};
use domain::command::amount::Price;

/// Most lines of one file; the whole of the original data has half a million.
pub const MAX_LINES: u32 = 5_000_000;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Survey {
    /// Lines with something in them, without the header.
    pub lines_read: u32,
    /// The same for the same file.
    pub fingerprint: u64,
    /// Lines that cannot go in.
    pub rejected: BTreeMap<LineNumber, Reason>,
    /// Lines that go in, but not as they stand.
    pub notes: Vec<(LineNumber, Note)>,
    /// Every invoice with a line that is kept, in the order of their first lines.
    pub invoices: Vec<Invoice>,
    /// What is sold or taken back.
    pub skus: Interned,
    /// What each SKU is called, by its number.
    pub descriptions: Vec<Descriptions>,
    /// Who buys.
    pub customers: Interned,
    /// Where to.
    pub countries: Interned,
    /// Codes as they were written; more than SKUs where one is written in several ways.
    pub codes: HashSet<Box<str>>,
    by_number: HashMap<Box<str>, u32>,
}

/// An invoice and its lines that are kept.
#[derive(Debug)]
pub struct Invoice {
    /// Its number.
    pub number: Box<str>,
    /// What it does.
    pub kind: Kind,
    /// When it was written: a few invoices cross a minute, their first line counts.
    pub at: DateTime<Utc>,
    /// Number of its customer.
    pub customer: Option<u32>,
    /// Number of its country.
    pub country: u32,
    /// Its lines, in the order of the file.
    pub lines: Vec<Item>,
}

/// A line that is kept.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Price of one piece.
    pub price: Price,
    /// Its number in the file.
    pub line: LineNumber,
    /// Number of its SKU.
    pub sku: u32,
    /// Pieces.
    pub quantity: Quantity,
}

impl Item {
    /// What it comes to, in pence.
    pub fn total(&self) -> i64 {
        // Bounded by `row::MAX_LINE_TOTAL_PENCE`.
        self.price.minor().0 * i64::from(self.quantity.get())
    }
}

impl Survey {
    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Survey> {
        let mut lines = Lines::open(path)?;
        let header = Header::read(&mut lines)?;
        let mut survey = Survey::default();
        let mut fields = StringRecord::new();
        while let Some(line) = lines.next_line()? {
            if !line.is_blank() {
                survey.take(line, &header, &mut fields);
            }
            if survey.lines_read > MAX_LINES {
                bail!("{} has more than {MAX_LINES} lines; split it, by months for example", path.display());
            }
        }
        survey.fingerprint = lines.fingerprint();
        Ok(survey)
    }

    /// The SKU with this number.
    pub fn sku(&self, number: u32) -> Sku {
        self.skus.word(number).parse().expect("only the text of a SKU gets a number")
    }

    fn take(&mut self, line: Line<'_>, header: &Header, fields: &mut StringRecord) {
        self.lines_read += 1;
        let number = line.number;
        let width = header.names.len();
        let kept = record::split(line, fields).and_then(|()| match fields.len() == width {
            true => row::parse(fields, &header.columns).and_then(|row| self.keep(number, &row)),
            false => Err(Reason::Columns { found: fields.len(), expected: width }),
        });
        if let Err(reason) = kept {
            self.rejected.insert(number, reason);
        }
    }

    fn keep(&mut self, line: LineNumber, row: &Row<'_>) -> Result<(), Reason> {
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
            self.notes.push((line, Note::PriceRounded { pence: row.price.minor().0 }));
        }
        self.invoices[invoice].lines.push(Item { price: row.price, line, sku, quantity: row.quantity });
        Ok(())
    }

    /// The place of the row's invoice; nearly always the last one.
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
mod tests {
    use super::super::fixture::survey;
    use super::*;

    #[test]
    fn lines_of_one_invoice_belong_together_wherever_they_stand() {
        let read = survey(
            "1,A,Cup,1,1/5/24 9:00,1.00,7,UK\n2,A,Cup,1,1/5/24 9:01,1.00,8,UK\n\n1,b,Mug,2,1/5/24 9:01,2.00,7,UK\n",
        );
        let lines: Vec<_> = read.invoices.iter().map(|i| i.lines.iter().map(|l| l.line).collect::<Vec<_>>()).collect();
        assert_eq!(lines, [vec![2, 5], vec![3]]);
        assert_eq!((read.lines_read, read.skus.count(), read.rejected.len()), (3, 2, 0));
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let read = survey(
            "1,A,\"Cup\",1,1/5/24 9:00,1.00,7,UK\r2,B,Mug,1,1/5/24 9:00,1.00,7,UK\r\n3,C,Jug,1,1/5/24 9:00,1.00,7,UK\n",
        );
        assert_eq!((read.lines_read, read.invoices.len(), read.rejected.len()), (3, 3, 0));
    }

    #[test]
    fn an_order_has_one_customer() {
        let read = survey("1,A,Cup,1,1/5/24 9:00,1.00,7,UK\n1,B,Mug,1,1/5/24 9:00,1.00,8,UK\n");
        assert_eq!(read.rejected, BTreeMap::from([(3, Reason::OtherCustomer)]));
    }

    #[test]
    fn a_line_of_another_width_is_put_aside() {
        let read = survey("1,A,Cup, red,1,1/5/24 9:00,1.00,7,UK\n1,A\n");
        let columns = |found| Reason::Columns { found, expected: 8 };
        assert_eq!(read.rejected, BTreeMap::from([(2, columns(9)), (3, columns(2))]));
    }

    #[test]
    fn codes_in_two_cases_are_one_sku() {
        let read = survey("1,85123a,Heart,1,1/5/24 9:00,1.00,7,UK\n2,85123A,Heart,1,1/5/24 9:00,1.00,7,UK\n");
        assert_eq!((read.codes.len(), read.skus.count()), (2, 1));
        assert_eq!(read.sku(0).as_str(), "85123A");
    }
}
