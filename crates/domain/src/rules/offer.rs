//! What products are called and sold for in new lines, or why they cannot be sold.

use events::order::LineNo;
use events::{Currency, Minor};

use crate::command::amount::Price;
use crate::command::order::OrderLine;
use crate::rejection::{Rejection, Unfit, UnfitLine};
use crate::state::Product;

/// What a product is called and sold for in one line.
pub(super) struct Offer<'w> {
    pub(super) name: &'w str,
    pub(super) unit_price: Minor,
}

/// What each line is called and sold for, or every line that cannot be sold; `first` is the number of the first.
pub(super) fn offers<'w>(
    lines: &[OrderLine],
    products: &[Option<&'w Product>],
    currency: Currency,
    first: LineNo,
) -> Result<Vec<Offer<'w>>, Rejection> {
    let mut offers = Vec::with_capacity(products.len());
    let mut unfit = Vec::new();
    for ((line, product), number) in lines.iter().zip(products).zip(first..) {
        match offer(line, *product, currency) {
            Ok(offer) => offers.push(offer),
            Err(problem) => unfit.push(UnfitLine { line: number, sku: line.sku.clone(), problem }),
        }
    }
    match unfit.is_empty() {
        true => Ok(offers),
        false => Err(Rejection::UnfitProducts(unfit)),
    }
}

fn offer<'w>(line: &OrderLine, product: Option<&'w Product>, currency: Currency) -> Result<Offer<'w>, Unfit> {
    let product = product.ok_or(Unfit::UnknownProduct)?;
    if !product.active {
        return Err(Unfit::InactiveProduct);
    }
    let listed = || product.prices.get(&currency).copied();
    let unit_price = line.unit_price.map(Price::minor).or_else(listed).ok_or(Unfit::PriceMissing)?;
    Ok(Offer { name: &product.name, unit_price })
}
