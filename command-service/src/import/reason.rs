//! Why a line did not go in, or not as it stands: a code that a program can count and a sentence that says what to do.
//!
//! Codes are a contract with whoever counts them: they are added, never changed.

use std::borrow::Cow;
use std::sync::Arc;

use super::row::{MAX_LINE_TOTAL_PENCE, MAX_PRICE_PENCE};

/// Why a line is not in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A byte that is not UTF-8, and its place in the line from 1.
    Encoding {
        /// The byte.
        byte: u8,
        /// Its place.
        at: usize,
    },
    /// Longer than any order line.
    LongLine,
    /// A quote is opened and never closed.
    OpenQuote,
    /// More or fewer columns than the header has.
    Columns {
        /// In the line.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// Neither digits nor `C` and digits.
    InvoiceNumber,
    /// An `A` invoice.
    Adjustment,
    /// Not a date that we can read.
    Date,
    /// Not a SKU.
    StockCode,
    /// Not a number of pieces.
    Quantity,
    /// Not an amount of pounds.
    Price,
    /// Fewer than no pieces, outside of a `C` invoice.
    WriteOff,
    /// More than no pieces, in a `C` invoice.
    ReturnQuantity,
    /// A price of nothing.
    NoPrice,
    /// A price below nothing.
    NegativePrice,
    /// More than half a penny's worth of nothing.
    PriceRoundsToZero,
    /// Dearer than anything that we count.
    AmountTooLarge,
    /// Another customer than the invoice's first line has.
    OtherCustomer,
    /// A return by nobody.
    NoCustomer,
    /// A return of something that the customer has not bought earlier in this file, or not so much of it.
    NoMatchingOrder {
        /// The most pieces that one earlier order has left to give back.
        left: u32,
    },
    /// The service refused the line's order or return.
    Refused(Arc<Refusal>),
    /// A return whose order the service refused.
    OrderRefused(Arc<Refusal>),
}

/// What the service said to a request that it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The last part of the problem's type: `insufficient-stock`.
    pub kind: String,
    /// What happened and what to do.
    pub detail: String,
}

impl Reason {
    /// The reason in one word.
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::Encoding { .. } => "encoding",
            Reason::LongLine => "long-line",
            Reason::OpenQuote => "open-quote",
            Reason::Columns { .. } => "columns",
            Reason::InvoiceNumber => "invoice-number",
            Reason::Adjustment => "adjustment",
            Reason::Date => "date",
            Reason::StockCode => "stock-code",
            Reason::Quantity => "quantity",
            Reason::Price => "price",
            Reason::WriteOff => "write-off",
            Reason::ReturnQuantity => "return-quantity",
            Reason::NoPrice => "no-price",
            Reason::NegativePrice => "negative-price",
            Reason::PriceRoundsToZero => "price-rounds-to-zero",
            Reason::AmountTooLarge => "amount-too-large",
            Reason::OtherCustomer => "other-customer",
            Reason::NoCustomer => "no-customer",
            Reason::NoMatchingOrder { .. } => "no-matching-order",
            Reason::Refused(refusal) => return Cow::Owned(format!("refused:{}", refusal.kind)),
            Reason::OrderRefused(_) => "order-refused",
        })
    }

    /// What is wrong and what to do, as sentences.
    pub fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::Encoding { byte, at } => return Cow::Owned(not_utf_8(*byte, *at)),
            Reason::LongLine => "The line is longer than 65536 bytes. Is a line break missing?",
            Reason::OpenQuote => {
                "A quote is opened and not closed in this line. Close it; fields cannot hold line breaks."
            }
            Reason::Columns { found, expected } => {
                return Cow::Owned(format!(
                    "The line has {found} columns, the header has {expected}. Put text with commas into quotes."
                ));
            }
            Reason::InvoiceNumber => "InvoiceNo must be digits, or C and digits for a return.",
            Reason::Adjustment => "An invoice that starts with A corrects the books; nothing was sold or returned.",
            Reason::Date => "InvoiceDate must be month/day/year hour:minute, such as 12/1/10 8:26, from the year 2000.",
            Reason::StockCode => {
                "StockCode is no SKU (1 to 64 of A-Z a-z 0-9 . _ -), so it is a charge and not something sold."
            }
            Reason::Quantity => "Quantity must be a whole number of pieces, at most 1000000, not 0.",
            Reason::Price => "UnitPrice must be pounds, such as 2.55, with a point and no more than nine decimals.",
            Reason::WriteOff => "Pieces below zero outside of a C invoice are a correction of stock, not a sale.",
            Reason::ReturnQuantity => "A C invoice takes pieces back, so its Quantity must be below zero.",
            Reason::NoPrice => "A price of 0 is a note about stock or a gift, not a sale.",
            Reason::NegativePrice => "A price below 0 is a correction of the books, not a sale.",
            Reason::PriceRoundsToZero => "The price is less than half a penny: as a price it would be 0.",
            Reason::AmountTooLarge => return Cow::Owned(amount_too_large()),
            Reason::OtherCustomer => {
                "CustomerID differs from the first line of this invoice; an order has one customer."
            }
            Reason::NoCustomer => "A return without CustomerID cannot be matched with the order that it belongs to.",
            Reason::NoMatchingOrder { left: 0 } => {
                "The customer has no earlier order in this file that has such pieces left to give back."
            }
            Reason::NoMatchingOrder { left } => {
                return Cow::Owned(format!("No earlier order of the customer covers it; one has {left} pieces left."));
            }
            Reason::Refused(refusal) => return Cow::Owned(refusal.detail.clone()),
            Reason::OrderRefused(refusal) => {
                return Cow::Owned(format!("The order that it belongs to was refused: {}", refusal.detail));
            }
        })
    }
}

fn not_utf_8(byte: u8, at: usize) -> String {
    format!(
        "Byte 0x{byte:02X} at place {at} is not UTF-8. If the file is Latin-1, convert it: iconv -f latin1 -t utf-8 FILE."
    )
}

fn amount_too_large() -> String {
    format!(
        "A piece costs at most {} pounds and a line {}. Correct the price or the quantity.",
        MAX_PRICE_PENCE / 100,
        MAX_LINE_TOTAL_PENCE / 100
    )
}

/// What happened to a line that is in the log, but not as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Its price had parts of a penny.
    PriceRounded {
        /// The price as recorded.
        pence: i64,
    },
    /// It came back, and its order has less money left than it asks for.
    RefundNotCovered,
    /// Its order or return is there, but one of the steps after that was refused.
    Incomplete(Arc<Refusal>),
}

impl Note {
    /// The note in one word.
    pub fn code(&self) -> &'static str {
        match self {
            Note::PriceRounded { .. } => "price-rounded",
            Note::RefundNotCovered => "refund-not-covered",
            Note::Incomplete(_) => "incomplete",
        }
    }

    /// What happened, as a sentence.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Note::PriceRounded { pence } => {
                Cow::Owned(format!("Recorded with {pence} pence a piece, rounded half to even."))
            }
            Note::RefundNotCovered => {
                Cow::Borrowed("The pieces came back; no refund was recorded: it is more than is left of the payment.")
            }
            Note::Incomplete(refusal) => {
                Cow::Owned(format!("A later step was refused ({}): {}", refusal.kind, refusal.detail))
            }
        }
    }
}
