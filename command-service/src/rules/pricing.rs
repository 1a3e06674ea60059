//! What an order comes to: line discounts, the order's discount spread over the lines, tax per line, shipping.

use events::Minor;
use events::money::Overflow;
use events::order::{Line, LineNo, ShippingLine};

use super::allotment::Given;
use super::offer::Offer;
use super::shelf;
use crate::command::amount::{MAX_AMOUNT, Price, TaxRate};
use crate::command::order::{self as command, ChangeLine, OrderLine};
use crate::rejection::Rejection;
use crate::state::LinePrice;

/// What shipping is called where the caller only says what it costs.
const SHIPPING: &str = "Shipping";

/// The lines of an order, priced for good, and what they come to.
pub(super) struct Priced {
    pub(super) lines: Vec<Line>,
    pub(super) shipping: Shipping,
    pub(super) total: Minor,
}

/// What shipping is made of, and what it comes to with tax.
pub(super) struct Shipping {
    pub(super) lines: Vec<ShippingLine>,
    pub(super) total: Minor,
}

/// A line to price: what was ordered of it, what it is sold for, and what it got.
pub(super) type Ordered<'a> = (&'a OrderLine, Offer<'a>, Given);

/// Prices an order. A line that got nothing is left out.
pub(super) fn price(
    ordered: Vec<Ordered<'_>>,
    discount: Option<Price>,
    shipping: Shipping,
) -> Result<Priced, Rejection> {
    let ordered: Vec<Ordered<'_>> = ordered.into_iter().filter(|(_, _, given)| given.pieces > 0).collect();
    let mut lines = Vec::with_capacity(ordered.len());
    for (number, line) in (1..).zip(&ordered) {
        lines.push(before_tax(number, line)?);
    }
    spread(minor(discount), &mut lines)?;
    let mut total = shipping.total;
    for (line, (asked, _, _)) in lines.iter_mut().zip(&ordered) {
        add_tax(line, asked.tax_rate.unwrap_or_default())?;
        total = bounded(total.plus(line.total)?)?;
    }
    Ok(Priced { lines, shipping, total })
}

/// A line that is added to an order, with tax.
pub(super) fn added(number: LineNo, ordered: &Ordered<'_>) -> Result<Line, Rejection> {
    let mut line = before_tax(number, ordered)?;
    add_tax(&mut line, ordered.0.tax_rate.unwrap_or_default())?;
    Ok(line)
}

/// What shipping comes to, line by line.
pub(super) fn shipping(lines: &[command::ShippingLine]) -> Result<Shipping, Rejection> {
    let mut shipping = Shipping { lines: Vec::with_capacity(lines.len()), total: Minor::ZERO };
    for line in lines {
        let amount = line.amount.minor();
        let tax = amount.share(line.tax_rate.unwrap_or_default().millionths())?;
        let total = bounded(amount.plus(tax)?)?;
        shipping.total = bounded(shipping.total.plus(total)?)?;
        shipping.lines.push(ShippingLine { name: line.name.as_str().to_owned(), amount, tax, total });
    }
    Ok(shipping)
}

/// What a single amount for shipping, tax included, is made of: the same as its events of old.
pub(super) fn shipping_in_one(amount: Option<Price>) -> Shipping {
    let total = minor(amount);
    let line = ShippingLine { name: SHIPPING.to_owned(), amount: total, tax: Minor::ZERO, total };
    Shipping { lines: if total == Minor::ZERO { Vec::new() } else { vec![line] }, total }
}

/// The line with its own discount; until tax is added, `total` is what it is worth without. Where it got fewer pieces
/// than it asked for, its discount is less in the same measure.
fn before_tax(number: LineNo, (line, offer, given): &Ordered<'_>) -> Result<Line, Rejection> {
    let quantity = given.pieces;
    let gross = bounded(offer.unit_price.times(quantity)?)?;
    let discount = minor(line.discount).scaled(quantity.into(), line.quantity.get().into())?;
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
        backordered: given.backordered,
        untracked: given.untracked,
    })
}

/// How a line of an order is, priced anew.
pub(super) struct Repriced {
    pub(super) discount: Minor,
    pub(super) tax: Minor,
    pub(super) total: Minor,
}

/// Prices a line of an order for `quantity` pieces where it had `before`. Each piece keeps its price, and unless the
/// caller says otherwise its share of the discount; what is left is taxed at the rate that the caller names, or else at
/// the one that the line's tax amounts to.
pub(super) fn reprice(
    line: LineNo,
    price: LinePrice,
    before: u32,
    quantity: u32,
    asked: Option<&ChangeLine>,
) -> Result<Repriced, Rejection> {
    let gross = bounded(price.unit_price.times(quantity)?)?;
    let discount = match asked.and_then(|asked| asked.discount) {
        Some(discount) => discount.minor(),
        None => price.discount.scaled(quantity.into(), before.into())?,
    };
    if discount > gross {
        return Err(Rejection::DiscountExceeded { line: Some(line), discount, worth: gross });
    }
    let worth = gross.minus(discount)?;
    let worth_before = price.unit_price.times(before)?.minus(price.discount)?;
    let tax = match asked.and_then(|asked| asked.tax_rate) {
        Some(rate) => worth.share(rate.millionths())?,
        None => price.tax.scaled(worth.0, worth_before.0)?,
    };
    Ok(Repriced { discount, tax, total: bounded(worth.plus(tax)?)? })
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
