//! Reasons for rejected lines, and warnings about imported lines: each has a code for programs and a sentence for people.
//!
//! Codes may be added but never changed, because programs that read reports rely on them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::price::{MAX_LINE_TOTAL_PENCE, MAX_PRICE_PENCE};

/// Reason why a line is not imported; [`Reason::detail`] explains each one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Encoding {
        byte: u8,
        /// Place of the byte in the line, starting at 1.
        at: usize,
    },
    LongLine,
    OpenQuote,
    Columns {
        found: usize,
        expected: usize,
    },
    InvoiceNumber,
    Adjustment,
    Date,
    StockCode,
    Quantity,
    Price,
    WriteOff,
    ReturnQuantity,
    NoPrice,
    NegativePrice,
    PriceRoundsToZero,
    AmountTooLarge,
    OtherCustomer,
    NoCustomer,
    NoMatchingOrder {
        /// The most units of the SKU that one earlier order has left to return.
        left: u32,
    },
    /// The command service rejected the order or the return of the line.
    Rejected(Arc<Rejection>),
    /// The command service rejected the order that the return belongs to.
    OrderRejected(Arc<Rejection>),
}

/// A problem that the command service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// The last part of the problem type: `insufficient-stock`.
    pub kind: String,
    /// The detail of the problem.
    pub detail: String,
}

impl Reason {
    pub(crate) fn code(&self) -> Cow<'static, str> {
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
            Reason::Rejected(rejection) => return Cow::Owned(format!("refused:{}", rejection.kind)),
            Reason::OrderRejected(_) => "order-refused",
        })
    }

    /// What is wrong with the line, and how to correct it.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::Encoding { byte, at } => return Cow::Owned(not_utf_8(*byte, *at)),
            Reason::LongLine => "The line is longer than 65536 bytes. Is a line break missing?",
            Reason::OpenQuote => {
                "A quote is opened but not closed in this line. Close the quote; fields cannot contain line breaks."
            }
            Reason::Columns { found, expected } => {
                return Cow::Owned(format!(
                    "The line has {found} columns, the header has {expected}. Text that contains commas must be quoted."
                ));
            }
            Reason::InvoiceNumber => "InvoiceNo must be digits, or C and digits for a return.",
            Reason::Adjustment => {
                "An invoice number that starts with A is an accounting adjustment, not a sale or a return."
            }
            Reason::Date => "InvoiceDate must be month/day/year hour:minute, such as 12/1/10 8:26, from the year 2000.",
            Reason::StockCode => {
                "StockCode is not a SKU (1 to 64 of A-Z a-z 0-9 . _ -): the line is a charge, not the sale of a product."
            }
            Reason::Quantity => "Quantity must be a whole number of units, at most 1000000 and not 0.",
            Reason::Price => {
                "UnitPrice must be an amount in pounds, such as 2.55, with a decimal point and at most nine decimals."
            }
            Reason::WriteOff => "A negative quantity outside of a C invoice is a stock correction, not a sale.",
            Reason::ReturnQuantity => "A C invoice is a return, so its Quantity must be negative.",
            Reason::NoPrice => "A price of 0 is a stock note or a gift, not a sale.",
            Reason::NegativePrice => "A negative price is an accounting adjustment, not a sale.",
            Reason::PriceRoundsToZero => "The price is less than half a penny and would be rounded to 0.",
            Reason::AmountTooLarge => return Cow::Owned(amount_too_large()),
            Reason::OtherCustomer => {
                "CustomerID differs from the first line of this invoice; an order has one customer."
            }
            Reason::NoCustomer => "A return without CustomerID cannot be matched with an order.",
            Reason::NoMatchingOrder { left: 0 } => {
                "The customer has no earlier order in this file with units of this SKU left to return."
            }
            Reason::NoMatchingOrder { left } => {
                return Cow::Owned(format!(
                    "No earlier order of the customer has enough units left to return; one has {left} units left."
                ));
            }
            Reason::Rejected(rejection) => return Cow::Owned(rejection.detail.clone()),
            Reason::OrderRejected(rejection) => {
                return Cow::Owned(format!("The order of this return was rejected: {}", rejection.detail));
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
        "The price of a unit is at most {} pounds and the total of a line at most {}. Correct the price or the quantity.",
        MAX_PRICE_PENCE / 100,
        MAX_LINE_TOTAL_PENCE / 100
    )
}

/// Difference between an imported line and the line in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Warning {
    /// The price had fractions of a penny.
    PriceRounded {
        /// The recorded price.
        pence: i64,
    },
    /// The return is recorded without its refund, because the refund exceeds the rest of the payment.
    RefundNotCovered,
    /// The order or the return is recorded, but a later step was rejected.
    Incomplete(Arc<Rejection>),
}

impl Warning {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Warning::PriceRounded { .. } => "price-rounded",
            Warning::RefundNotCovered => "refund-not-covered",
            Warning::Incomplete(_) => "incomplete",
        }
    }

    /// The difference, as a sentence.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        match self {
            Warning::PriceRounded { pence } => {
                Cow::Owned(format!("The recorded price is {pence} pence per unit, rounded half to even."))
            }
            Warning::RefundNotCovered => {
                Cow::Borrowed("The units were returned, but not refunded: the refund exceeds the rest of the payment.")
            }
            Warning::Incomplete(rejection) => {
                Cow::Owned(format!("A later step was rejected ({}): {}", rejection.kind, rejection.detail))
            }
        }
    }
}
