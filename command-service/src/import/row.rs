//! The fields of one line become a sale or a return, or the reason why they are neither.

use chrono::{DateTime, Utc};
use csv::StringRecord;
use events::{Quantity, Sku};

use super::header::Columns;
use super::reason::Reason;
use super::{instant, price};
use domain::command::amount::Price;

/// Dearest piece: far above any price of a shop, so that no mistake in a column becomes a fortune.
pub(super) const MAX_PRICE_PENCE: i64 = 1_000_000_000;

/// Dearest line: five hundred of them still are an amount that can be paid.
pub(super) const MAX_LINE_TOTAL_PENCE: i64 = 1_000_000_000_000;

/// What an invoice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It sells.
    Sale,
    /// It takes back: a `C` invoice.
    Return,
}

/// A line that can be a sale or a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// Number of its invoice.
    pub invoice: &'a str,
    /// What its invoice does.
    pub kind: Kind,
    /// When its invoice was written.
    pub at: DateTime<Utc>,
    /// The code as written, without blanks around it.
    pub code: &'a str,
    /// The code in capitals: the shop writes `85123a` and `85123A` for one thing.
    pub sku: Sku,
    /// What somebody called it.
    pub description: &'a str,
    /// Pieces sold or taken back.
    pub quantity: Quantity,
    /// Price of one piece, in pence.
    pub price: Price,
    /// Whether that price was rounded.
    pub rounded: bool,
    /// Who bought.
    pub customer: Option<&'a str>,
    /// Where to.
    pub country: &'a str,
}

/// What the fields say.
pub(super) fn parse<'a>(fields: &'a StringRecord, columns: &Columns) -> Result<Row<'a>, Reason> {
    let field = |column: usize| fields.get(column).unwrap_or_default().trim();
    let invoice = field(columns.invoice);
    let kind = kind(invoice)?;
    let at = instant::parse(field(columns.date)).ok_or(Reason::Date)?;
    let code = field(columns.code);
    let sku: Sku = code.to_ascii_uppercase().parse().map_err(|_| Reason::StockCode)?;
    let quantity = quantity(kind, field(columns.quantity))?;
    let (price, rounded) = unit_price(field(columns.price))?;
    if price.minor().0 * i64::from(quantity.get()) > MAX_LINE_TOTAL_PENCE {
        return Err(Reason::AmountTooLarge);
    }
    let customer = Some(field(columns.customer)).filter(|id| !id.is_empty());
    if kind == Kind::Return && customer.is_none() {
        return Err(Reason::NoCustomer);
    }
    let (description, country) = (field(columns.description), field(columns.country));
    Ok(Row { invoice, kind, at, code, sku, description, quantity, price, rounded, customer, country })
}

/// Longest invoice number, with room for the number of a part after it.
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
    let pieces: i64 = text.parse().map_err(|_| Reason::Quantity)?;
    let moved = match kind {
        Kind::Sale if pieces < 0 => return Err(Reason::WriteOff),
        Kind::Return if pieces > 0 => return Err(Reason::ReturnQuantity),
        Kind::Sale | Kind::Return => pieces.unsigned_abs(),
    };
    u32::try_from(moved).ok().and_then(|moved| Quantity::try_from(moved).ok()).ok_or(Reason::Quantity)
}

fn unit_price(text: &str) -> Result<(Price, bool), Reason> {
    let parsed = price::parse(text).ok_or(Reason::Price)?;
    match parsed.pence {
        ..0 => Err(Reason::NegativePrice),
        0 if parsed.positive => Err(Reason::PriceRoundsToZero),
        0 => Err(Reason::NoPrice),
        1..=MAX_PRICE_PENCE => {
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
    fn a_return_counts_its_pieces_from_zero_down() {
        let fields = StringRecord::from(vec!["C1", "POST", "", "-3", "12/1/10 8:26", "18", "17850", ""]);
        let row = parse(&fields, &COLUMNS).unwrap();
        assert_eq!((row.kind, row.quantity.get(), row.customer), (Kind::Return, 3, Some("17850")));
    }

    #[test]
    fn each_kind_of_dirt_has_its_reason() {
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
