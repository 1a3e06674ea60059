//! Parses the fields of one line as a sale or a return; an error is the reason why the line is rejected.

use chrono::{DateTime, Utc};
use csv::StringRecord;
use events::{Quantity, Sku};

use crate::header::Columns;
use crate::reason::Reason;
use crate::{date, price};
use domain::value::amount::Price;

/// Kind of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sale,
    /// A `C` invoice (credit note).
    Return,
}

/// A valid line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// Number of the invoice.
    pub invoice: &'a str,
    pub kind: Kind,
    /// Date of the invoice.
    pub at: DateTime<Utc>,
    /// The stock code as written, trimmed.
    pub code: &'a str,
    /// The stock code in capitals: the data set has both `85123a` and `85123A` for one product.
    pub sku: Sku,
    pub description: &'a str,
    /// Units sold or returned.
    pub quantity: Quantity,
    /// Price of one unit, in pence.
    pub price: Price,
    /// Whether the price was rounded to whole pence.
    pub rounded: bool,
    pub customer: Option<&'a str>,
    pub country: &'a str,
}

/// Parses the fields of a line.
pub(crate) fn parse<'a>(fields: &'a StringRecord, columns: &Columns) -> Result<Row<'a>, Reason> {
    let field = |column: usize| fields.get(column).unwrap_or_default().trim();
    let invoice = field(columns.invoice);
    let kind = kind(invoice)?;
    let at = date::parse(field(columns.date)).ok_or(Reason::Date)?;
    let code = field(columns.code);
    let sku: Sku = code.to_ascii_uppercase().parse().map_err(|_| Reason::StockCode)?;
    let quantity = quantity(kind, field(columns.quantity))?;
    let (price, rounded) = unit_price(field(columns.price))?;
    if price.minor().0 * i64::from(quantity.get()) > price::MAX_LINE_TOTAL_PENCE {
        return Err(Reason::AmountTooLarge);
    }
    let customer = Some(field(columns.customer)).filter(|id| !id.is_empty());
    if kind == Kind::Return && customer.is_none() {
        return Err(Reason::NoCustomer);
    }
    let (description, country) = (field(columns.description), field(columns.country));
    Ok(Row { invoice, kind, at, code, sku, description, quantity, price, rounded, customer, country })
}

/// Longest invoice number that leaves room for the suffix of a split invoice (`#2`).
const MAX_INVOICE_DIGITS: usize = 32;

fn kind(invoice: &str) -> Result<Kind, Reason> {
    let (kind, digits) = match invoice.as_bytes() {
        [b'A' | b'a', ..] => return Err(Reason::Adjustment),
        [b'C', digits @ ..] => (Kind::Return, digits),
        digits => (Kind::Sale, digits),
    };
    let plain = (1..=MAX_INVOICE_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    plain.then_some(kind).ok_or(Reason::InvoiceNumber)
}

fn quantity(kind: Kind, text: &str) -> Result<Quantity, Reason> {
    let units: i64 = text.parse().map_err(|_| Reason::Quantity)?;
    let moved = match kind {
        Kind::Sale if units < 0 => return Err(Reason::WriteOff),
        Kind::Return if units > 0 => return Err(Reason::ReturnQuantity),
        Kind::Sale | Kind::Return => units.unsigned_abs(),
    };
    u32::try_from(moved).ok().and_then(|moved| Quantity::try_from(moved).ok()).ok_or(Reason::Quantity)
}

fn unit_price(text: &str) -> Result<(Price, bool), Reason> {
    let parsed = price::parse(text).ok_or(Reason::Price)?;
    match parsed.pence {
        ..0 => Err(Reason::NegativePrice),
        0 if parsed.positive => Err(Reason::PriceRoundsToZero),
        0 => Err(Reason::NoPrice),
        1..=price::MAX_PRICE_PENCE => {
            let price = Price::try_from(parsed.pence).map_err(|_| Reason::AmountTooLarge)?;
            Ok((price, parsed.rounded))
        }
        _ => Err(Reason::AmountTooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns =
        Columns { invoice: 0, code: 1, description: 2, quantity: 3, date: 4, price: 5, customer: 6, country: 7 };

    fn reason(line: [&str; 8]) -> Option<Reason> {
        parse(&StringRecord::from(line.to_vec()), &COLUMNS).err()
    }

    #[test]
    fn blanks_are_trimmed_and_codes_are_written_in_capitals() {
        let fields =
            StringRecord::from(vec![" 536365 ", "85123a ", " HEART  ", "6", " 12/1/10 8:26", "2.555", "", "France"]);
        let row = parse(&fields, &COLUMNS).unwrap();
        assert_eq!((row.invoice, row.kind, row.code, row.sku.as_str()), ("536365", Kind::Sale, "85123a", "85123A"));
        assert_eq!((row.quantity.get(), row.price.minor().0, row.rounded), (6, 256, true));
        assert_eq!((row.customer, row.description, row.country), (None, "HEART", "France"));
    }

    #[test]
    fn a_return_has_a_negative_quantity() {
        let fields = StringRecord::from(vec!["C1", "POST", "", "-3", "12/1/10 8:26", "18", "17850", ""]);
        let row = parse(&fields, &COLUMNS).unwrap();
        assert_eq!((row.kind, row.quantity.get(), row.customer), (Kind::Return, 3, Some("17850")));
    }

    #[test]
    fn every_kind_of_invalid_line_has_its_own_reason() {
        let sale = ["1", "A1", "", "6", "12/1/10 8:26", "2.55", "7", ""];
        let with = |column: usize, text| {
            let mut line = sale;
            line[column] = text;
            reason(line)
        };
        assert_eq!(reason(sale), None);
        for (column, text, expected) in [
            (0, "", Reason::InvoiceNumber),
            (0, "12x", Reason::InvoiceNumber),
            (0, "A563185", Reason::Adjustment),
            (0, "C1", Reason::ReturnQuantity),
            (1, "BANK CHARGES", Reason::StockCode),
            (1, "", Reason::StockCode),
            (3, "-6", Reason::WriteOff),
            (3, "0", Reason::Quantity),
            (3, "1.5", Reason::Quantity),
            (3, "1000001", Reason::Quantity),
            (3, "99999999999999999999", Reason::Quantity),
            (4, "2010-12-01", Reason::Date),
            (5, "0", Reason::NoPrice),
            (5, "0.004", Reason::PriceRoundsToZero),
            (5, "-11062.06", Reason::NegativePrice),
            (5, "free", Reason::Price),
            (5, "10000000.01", Reason::AmountTooLarge),
        ] {
            assert_eq!(with(column, text), Some(expected), "{text}");
        }
        assert_eq!(
            reason(["1", "A1", "", "1000000", "12/1/10 8:26", "10000.01", "7", ""]),
            Some(Reason::AmountTooLarge)
        );
        assert_eq!(reason(["C1", "A1", "", "-1", "12/1/10 8:26", "2.55", " ", ""]), Some(Reason::NoCustomer));
    }
}
