//! The amounts of an order: line discounts, the order discount spread over the lines, tax per line, shipping charges.

use events::Minor;
use events::money::Overflow;
use events::order::pricing::{Amounts, Pricing};
use events::order::progress::LineProgress;
use events::order::{Line, LineNo, ShippingLine};

use crate::order::line::{ChangeLine, OrderLine};
use crate::order::line_pricing::LinePricing;
use crate::order::reservation::Given;
use crate::order::shipping;
use crate::rejection::Rejection;
use crate::stock::stock_units;
use crate::value::amount::{MAX_AMOUNT, Price};

/// Name of the shipping line if the caller sends only an amount.
const SHIPPING: &str = "Shipping";

/// The priced lines of an order, and the total.
pub(crate) struct Priced {
    pub(crate) lines: Vec<Line>,
    pub(crate) discount: Minor,
    pub(crate) shipping: Shipping,
    pub(crate) total: Minor,
}

/// The shipping lines, and their total including tax.
pub(crate) struct Shipping {
    pub(crate) lines: Vec<ShippingLine>,
    pub(crate) total: Minor,
}

/// A line to price: the ordered line, its name and price, and the reserved units.
pub(crate) type Ordered<'a> = (&'a OrderLine, LinePricing<'a>, Given);

/// Prices an order. Discounts are for the requested units: a line that got fewer units has its discounts in proportion,
/// and a line that got no unit is left out with its share of the discount on the order.
pub(crate) fn price(ordered: &[Ordered<'_>], discount: Option<Price>, shipping: Shipping) -> Result<Priced, Rejection> {
    let discount = minor(discount);
    let shares = spread(discount, ordered)?;
    let mut lines = Vec::with_capacity(ordered.len());
    let mut total = shipping.total;
    for (ordered, share) in ordered.iter().zip(shares) {
        if ordered.2.units > 0 {
            let line = line(lines.len() as LineNo + 1, ordered, share)?;
            total = bounded(total.plus(line.total)?)?;
            lines.push(line);
        }
    }
    Ok(Priced { lines, discount, shipping, total })
}

/// Prices a line that is added to an order.
pub(crate) fn added(number: LineNo, ordered: &Ordered<'_>) -> Result<Line, Rejection> {
    worth(number, ordered)?;
    line(number, ordered, Minor::ZERO)
}

/// Prices the shipping lines.
pub(crate) fn shipping(lines: &[shipping::ShippingLine]) -> Result<Shipping, Rejection> {
    let mut shipping = Shipping { lines: Vec::with_capacity(lines.len()), total: Minor::ZERO };
    for line in lines {
        let amount = line.amount.minor();
        let rate = line.tax_rate.unwrap_or_default().millionths();
        let tax = amount.share(rate)?;
        let total = bounded(amount.plus(tax)?)?;
        shipping.total = bounded(shipping.total.plus(total)?)?;
        let (name, tax_rate) = (line.name.as_str().to_owned(), Some(rate as u32));
        shipping.lines.push(ShippingLine { name, amount, tax_rate, tax, total });
    }
    Ok(shipping)
}

/// The shipping of a single amount including tax, in the same form as in earlier events.
pub(crate) fn shipping_in_one(amount: Option<Price>) -> Shipping {
    let total = minor(amount);
    let line = ShippingLine { name: SHIPPING.to_owned(), amount: total, tax_rate: None, tax: Minor::ZERO, total };
    Shipping { lines: if total == Minor::ZERO { Vec::new() } else { vec![line] }, total }
}

/// The priced line; `share` is its share of the discount on the whole order.
fn line(number: LineNo, (asked, line_pricing, given): &Ordered<'_>, share: Minor) -> Result<Line, Rejection> {
    let pricing = Pricing {
        tax_rate: Some(asked.tax_rate.unwrap_or_default().millionths() as u32),
        taxed: None,
        ..discounted(minor(asked.discount), share, asked.quantity.get())
    };
    let Amounts { discount, tax, total } = pricing.amounts(line_pricing.unit_price, given.units)?;
    Ok(Line {
        line: number,
        sku: asked.sku.clone(),
        name: line_pricing.name.to_owned(),
        quantity: given.units,
        unit_price: line_pricing.unit_price,
        discount,
        tax,
        total: bounded(total)?,
        pricing,
        location: stock_units::location(asked).clone(),
        backordered: given.backordered,
        untracked: given.untracked,
    })
}

/// Prices `quantity` units of a line of an order, where `wanted` units are requested. The line keeps its price per
/// unit, its tax rate and its discounts per unit, unless the caller sends a new tax rate or discount. A discount that
/// the caller sends is for the requested units, and replaces all discounts of the line.
pub(crate) fn reprice(
    line: &LineProgress,
    wanted: u32,
    quantity: u32,
    asked: Option<&ChangeLine>,
) -> Result<(Pricing, Amounts), Rejection> {
    let mut pricing = line.pricing;
    if let Some(rate) = asked.and_then(|asked| asked.tax_rate) {
        (pricing.tax_rate, pricing.taxed) = (Some(rate.millionths() as u32), None);
    }
    if let Some(discount) = asked.and_then(|asked| asked.discount) {
        let gross = bounded(line.unit_price.times(wanted)?)?;
        within(gross, discount.minor(), Some(line.line))?;
        pricing = Pricing {
            tax_rate: pricing.tax_rate,
            taxed: pricing.taxed,
            ..discounted(discount.minor(), Minor::ZERO, wanted)
        };
    }
    let amounts = pricing.amounts(line.unit_price, quantity)?;
    bounded(amounts.total)?;
    Ok((pricing, amounts))
}

/// The shares of the lines in the discount on the order, in proportion to their amounts; no share is larger than the
/// amount.
fn spread(discount: Minor, ordered: &[Ordered<'_>]) -> Result<Vec<Minor>, Rejection> {
    let worths = (1..).zip(ordered).map(|(number, ordered)| worth(number, ordered));
    let worths: Vec<Minor> = worths.collect::<Result<_, _>>()?;
    within(Minor::sum(worths.iter().copied())?, discount, None)?;
    Ok(discount.allocate(&worths))
}

/// The amount of the requested units of a line after the discount on the line and before tax.
fn worth(number: LineNo, (asked, line_pricing, _): &Ordered<'_>) -> Result<Minor, Rejection> {
    let gross = bounded(line_pricing.unit_price.times(asked.quantity.get())?)?;
    let discount = minor(asked.discount);
    within(gross, discount, Some(number))?;
    Ok(gross.minus(discount)?)
}

/// Rejects a discount that is larger than the amount.
fn within(worth: Minor, discount: Minor, line: Option<LineNo>) -> Result<(), Rejection> {
    match discount <= worth {
        true => Ok(()),
        false => Err(Rejection::DiscountExceeded { line, discount, worth }),
    }
}

/// The discounts of a line, given for `quantity` units.
fn discounted(line_discount: Minor, order_discount: Minor, quantity: u32) -> Pricing {
    let is_none = line_discount == Minor::ZERO && order_discount == Minor::ZERO;
    let discount_quantity = if is_none { 0 } else { quantity };
    Pricing { line_discount, order_discount, discount_quantity, ..Pricing::default() }
}

fn minor(price: Option<Price>) -> Minor {
    price.map_or(Minor::ZERO, Price::minor)
}

/// Rejects an amount above [`MAX_AMOUNT`].
pub(crate) fn bounded(amount: Minor) -> Result<Minor, Rejection> {
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

pub(crate) fn expect(expected: Option<Minor>, total: Minor) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != total => Err(Rejection::TotalMismatch { expected, total }),
        _ => Ok(()),
    }
}
