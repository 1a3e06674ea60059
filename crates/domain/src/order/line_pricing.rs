//! Names and prices of the products of new order lines, or the reason why a product cannot be sold.

use events::order::LineNo;
use events::{Currency, Minor};

use crate::order::line::OrderLine;
use crate::product::state::Product;
use crate::rejection::{Rejection, Unfit, UnfitLine};
use crate::value::amount::Price;

/// Name and price of the product of a line.
pub(crate) struct LinePricing<'w> {
    pub(crate) name: &'w str,
    pub(crate) unit_price: Minor,
}

/// Name and price of each line, or all lines whose product cannot be sold; `first` is the number of the first line.
pub(crate) fn line_pricings<'w>(
    lines: &[OrderLine],
    products: &[Option<&'w Product>],
    currency: Currency,
    first: LineNo,
) -> Result<Vec<LinePricing<'w>>, Rejection> {
    let mut line_pricings = Vec::with_capacity(products.len());
    let mut unfit = Vec::new();
    for ((line, product), number) in lines.iter().zip(products).zip(first..) {
        match line_pricing(line, *product, currency) {
            Ok(line_pricing) => line_pricings.push(line_pricing),
            Err(problem) => unfit.push(UnfitLine { line: number, sku: line.sku.clone(), problem }),
        }
    }
    match unfit.is_empty() {
        true => Ok(line_pricings),
        false => Err(Rejection::UnfitProducts(unfit)),
    }
}

fn line_pricing<'w>(
    line: &OrderLine,
    product: Option<&'w Product>,
    currency: Currency,
) -> Result<LinePricing<'w>, Unfit> {
    let product = product.ok_or(Unfit::UnknownProduct)?;
    if !product.active {
        return Err(Unfit::InactiveProduct);
    }
    let listed = || product.prices.get(&currency).copied();
    let unit_price = line.unit_price.map(Price::minor).or_else(listed).ok_or(Unfit::PriceMissing)?;
    Ok(LinePricing { name: &product.name, unit_price })
}
