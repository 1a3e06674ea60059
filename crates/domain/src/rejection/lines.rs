//! Details of rejections that concern order lines: which lines, and how many units are available.

use events::order::LineNo;
use events::{Location, Sku};
use serde::Serialize;

/// A line that asks for more than can be promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortLine {
    /// Its number in the order; missing where no order asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<LineNo>,
    /// What.
    pub sku: Sku,
    /// Where.
    pub location: Location,
    /// Units asked for.
    pub requested: i64,
    /// Units that are there for it, after the lines before it.
    pub available: i64,
}

/// A line whose product cannot be sold like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnfitLine {
    /// Its number in the order.
    pub line: LineNo,
    /// What.
    pub sku: Sku,
    /// Why not.
    pub problem: Unfit,
}

/// Why a product cannot be sold like this; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// It does not exist.
    UnknownProduct,
    /// It is discontinued.
    InactiveProduct,
    /// It has no price in the order's currency, and the line brings none.
    PriceMissing,
}

/// What units are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be packed.
    Fulfilment,
    /// To be given up.
    Cancellation,
    /// To be sent back.
    Return,
    /// To be received from a return.
    Receipt,
}

/// A line of which more is asked than is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExceededLine {
    /// Its number in the order.
    pub line: LineNo,
    /// Units asked for.
    pub requested: u32,
    /// Units left for this.
    pub available: u32,
}

/// A line that would have fewer units than are packed and shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LowLine {
    /// Its number in the order.
    pub line: LineNo,
    /// Units asked for.
    pub requested: u32,
    /// Units packed and shipped.
    pub least: u32,
}

impl Unfit {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::UnknownProduct => "unknown-product",
            Self::InactiveProduct => "inactive-product",
            Self::PriceMissing => "price-missing",
        }
    }
}

/// A document has one kind: that of its worst line. Every line says its own.
pub fn worst(lines: &[UnfitLine]) -> Unfit {
    lines.iter().map(|line| line.problem).min().unwrap_or(Unfit::UnknownProduct)
}
