//! Details of rejections that concern order lines: which lines, and how many units are available.

use events::order::LineNo;
use events::{Location, Sku};
use serde::Serialize;

/// A line that requests more units than are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortLine {
    /// Number of the line in the order; missing if the command is not to an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<LineNo>,
    /// SKU of the product.
    pub sku: Sku,
    /// Location of the stock.
    pub location: Location,
    /// Requested units.
    pub requested: i64,
    /// Units that are available to the line, after the lines before it.
    pub available: i64,
}

/// A line whose product cannot be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnfitLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// SKU of the product.
    pub sku: Sku,
    /// The reason why the product cannot be sold.
    pub problem: Unfit,
}

/// The reason why a product cannot be sold; the most severe reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// The product does not exist.
    UnknownProduct,
    /// The product is discontinued.
    InactiveProduct,
    /// The product has no price in the currency of the order, and the line has no `unit_price`.
    PriceMissing,
}

/// Purpose of requested units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be packed.
    Fulfilment,
    /// To be cancelled.
    Cancellation,
    /// To be returned.
    Return,
    /// To be received from a return.
    Receipt,
}

/// A line that requests more units than are left for the purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExceededLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Requested units.
    pub requested: u32,
    /// Units that are left for the purpose.
    pub available: u32,
}

/// A line that would have fewer units than are packed and shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LowLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Requested units.
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

/// The most severe problem of the lines: it is the kind of the rejection. The members of the rejection state the
/// problem of each line.
pub fn worst(lines: &[UnfitLine]) -> Unfit {
    lines.iter().map(|line| line.problem).min().unwrap_or(Unfit::UnknownProduct)
}
