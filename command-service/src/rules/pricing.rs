//! What an order comes to: line discounts, the order's discount spread over the lines, tax per line, shipping.

use events::Minor;
use events::money::Overflow;
use events::order::{Line, LineNo};

use super::shelf;
use crate::command::amount::{MAX_AMOUNT, Price, TaxRate};
use crate::command::order::{OrderLine, PlaceOrderBody};
use crate::rejection::Rejection;

/// What a product is called and sold for in one line.
pub(super) struct Offer<'w> {
    pub(super) name: &'w str,
    pub(super) unit_price: Minor,
}

/// The lines of an order, priced for good, and what they come to.
pub(super) struct Priced {
    pub(super) lines: Vec<Line>,
    pub(super) shipping: Minor,
    pub(super) total: Minor,
}

/// Prices an order; `offers` are one for each line.
pub(super) fn price(body: &PlaceOrderBody, offers: &[Offer<'_>]) -> Result<Priced, Rejection> {
    let mut lines = Vec::with_capacity(body.lines.len());
    for (index, (line, offer)) in body.lines.iter().zip(offers).enumerate() {
        lines.push(before_tax(index as LineNo + 1, line, offer)?);
    }
    spread(minor(body.discount), &mut lines)?;
    let shipping = minor(body.shipping);
    let mut total = shipping;
    for (line, ordered) in lines.iter_mut().zip(&*body.lines) {
        add_tax(line, ordered.tax_rate.unwrap_or_default())?;
        total = bounded(total.plus(line.total)?)?;
    }
    Ok(Priced { lines, shipping, total })
}

/// The line with its own discount; until tax is added, `total` is what it is worth without.
fn before_tax(number: LineNo, line: &OrderLine, offer: &Offer<'_>) -> Result<Line, Rejection> {
    let quantity = line.quantity.get();
    let gross = bounded(offer.unit_price.times(quantity)?)?;
    let discount = minor(line.discount);
    if discount > gross {
        return Err(Rejection::DiscountExceeded { line: Some(number), discount, worth: gross });
    }
    Ok(Line {
        line: number,
        sku: line.sku.clone(),
        name: offer.name.to_owned(),
        quantity,
        unit_price: offer.unit_price,
        discount,
        tax: Minor::ZERO,
        total: gross.minus(discount)?,
        location: shelf::location(line).clone(),
        backordered: 0,
        untracked: false,
    })
}

/// Takes the order's discount off the lines by what they are worth; no line gets more than that.
fn spread(discount: Minor, lines: &mut [Line]) -> Result<(), Rejection> {
    if discount == Minor::ZERO {
        return Ok(());
    }
    let worths: Vec<Minor> = lines.iter().map(|line| line.total).collect();
    let worth = Minor::sum(worths.iter().copied())?;
    if discount > worth {
        return Err(Rejection::DiscountExceeded { line: None, discount, worth });
    }
    for (line, share) in lines.iter_mut().zip(discount.allocate(&worths)) {
        line.discount = line.discount.plus(share)?;
        line.total = line.total.minus(share)?;
    }
    Ok(())
}

fn add_tax(line: &mut Line, rate: TaxRate) -> Result<(), Rejection> {
    line.tax = line.total.share(rate.millionths())?;
    line.total = bounded(line.total.plus(line.tax)?)?;
    Ok(())
}

fn minor(price: Option<Price>) -> Minor {
    price.map_or(Minor::ZERO, Price::minor)
}

/// Guards a sum against what we do not count.
pub(super) fn bounded(amount: Minor) -> Result<Minor, Rejection> {
    match amount.0 <= MAX_AMOUNT {
        true => Ok(amount),
        false => Err(Rejection::AmountOverflow),
    }
}

impl From<Overflow> for Rejection {
    fn from(_: Overflow) -> Self {
        Rejection::AmountOverflow
    }
}
