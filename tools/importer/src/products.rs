//! Plans the products of a file: every SKU of a sale, with its name, its price changes and the units to receive.
//!
//! The price of a day is the most frequent price of its lines; of equally frequent prices, the current price or else the
//! first one. Order lines contain their own price, so the price changes only serve as a history.

use chrono::{DateTime, Utc};
use events::name::MAX_QUANTITY;
use events::{Quantity, Sku};

use crate::contents::FileContents;
use crate::orders::Order;
use domain::value::amount::Price;
use domain::value::text::Name;

/// A product to create.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub sku: Sku,
    /// The most frequent description; the SKU if there is no description.
    pub name: Name,
    /// The price at the first sale, and every later price change.
    pub prices: Vec<(DateTime<Utc>, Price)>,
    /// Units sold.
    pub sold: u64,
}

impl Product {
    /// Quantities of the stock receipts that together receive all units sold.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = Quantity> + use<> {
        let most = u64::from(MAX_QUANTITY);
        let (full, rest) = (self.sold / most, self.sold % most);
        let receipts = (0..full).map(move |_| most).chain(std::iter::once(rest));
        receipts.filter_map(|units| u32::try_from(units).ok().and_then(|units| Quantity::try_from(units).ok()))
    }
}

/// One line of a sale.
struct Sale {
    sku: u32,
    at: DateTime<Utc>,
    price: Price,
    units: u32,
}

/// Every product of these orders, in the order of their SKUs' first appearance.
pub(crate) fn list(contents: &FileContents, orders: &[Order]) -> Vec<Product> {
    let mut sales: Vec<Sale> = Vec::new();
    for order in orders {
        let at = order.placed_at;
        let sale = |item: &crate::contents::InvoiceLine| Sale {
            sku: item.sku,
            at,
            price: item.price,
            units: item.quantity.get(),
        };
        sales.extend(order.items.iter().map(sale));
    }
    sales.sort_by_key(|sale| (sale.sku, sale.at));
    sales.chunk_by(|a, b| a.sku == b.sku).map(|sales| product(contents, sales)).collect()
}

fn product(contents: &FileContents, sales: &[Sale]) -> Product {
    let number = sales[0].sku;
    let sku = contents.sku(number);
    let named = contents.descriptions[number as usize].name();
    let name = named.unwrap_or_else(|| sku.as_str().parse().expect("a SKU is short and visible"));
    let sold = sales.iter().map(|sale| u64::from(sale.units)).sum();
    let mut prices: Vec<(DateTime<Utc>, Price)> = Vec::new();
    for day in sales.chunk_by(|a, b| a.at.date_naive() == b.at.date_naive()) {
        let current = prices.last().map(|(_, price)| *price);
        let (at, price) = price_of(day, current);
        match current {
            None => prices.push((day[0].at, price)),
            Some(current) if current != price => prices.push((at, price)),
            Some(_) => {}
        }
    }
    Product { sku, name, prices, sold }
}

/// The most frequent price of a day, and the time of its first sale at that price.
fn price_of(day: &[Sale], current: Option<Price>) -> (DateTime<Utc>, Price) {
    let mut counts: Vec<(Price, u32, DateTime<Utc>)> = Vec::new();
    for sale in day {
        match counts.iter_mut().find(|(price, ..)| *price == sale.price) {
            Some((_, count, _)) => *count += 1,
            None => counts.push((sale.price, 1, sale.at)),
        }
    }
    // Of equally frequent prices the current price wins, else the first one of the day.
    let rank = |(place, (price, count, _)): &(usize, &(Price, u32, DateTime<Utc>))| {
        (*count, current == Some(*price), std::cmp::Reverse(*place))
    };
    let most = counts.iter().enumerate().max_by_key(rank);
    most.map_or((day[0].at, day[0].price), |(_, (price, _, at))| (*at, *price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::FileContents;
    use crate::orders;

    fn prices(lines: &str) -> Vec<(String, i64)> {
        let mut read = FileContents::of_lines(lines);
        let orders = orders::list(&mut read);
        let products = list(&read, &orders);
        let shown = |(at, price): &(DateTime<Utc>, Price)| (at.format("%d %H:%M").to_string(), price.minor().0);
        products[0].prices.iter().map(shown).collect()
    }

    #[test]
    fn the_first_price_of_a_product_is_the_price_of_its_first_day() {
        let lines = "1,A,Cup,1,1/5/24 9:00,1.00,,UK\n2,A,Cup,1,1/5/24 9:05,2.00,,UK\n3,A,Cup,1,1/5/24 9:06,2.00,,UK\n";
        assert_eq!(prices(lines), [("05 09:00".to_owned(), 200)]);
    }

    #[test]
    fn a_price_changes_at_most_once_a_day_and_if_most_lines_have_another_price() {
        let lines = "1,A,Cup,1,1/5/24 9:00,1.00,,UK\n\
            2,A,Cup,1,1/6/24 9:00,3.00,,UK\n3,A,Cup,1,1/6/24 9:05,1.00,,UK\n\
            4,A,Cup,1,1/7/24 9:00,1.00,,UK\n5,A,Cup,1,1/7/24 9:05,2.00,,UK\n6,A,Cup,1,1/7/24 9:06,2.00,,UK\n\
            7,A,Cup,1,1/8/24 9:00,4.00,,UK\n8,A,Cup,1,1/8/24 9:01,3.00,,UK\n";
        let expected = [("05 09:00", 100), ("07 09:05", 200), ("08 09:00", 400)];
        assert_eq!(prices(lines), expected.map(|(at, price)| (at.to_owned(), price)));
    }

    #[test]
    fn the_units_sold_are_summed_over_all_orders() {
        let mut read = FileContents::of_lines(
            "1,A,Cup,700000,1/5/24 9:00,1.00,,UK\n2,a,,700000,1/5/24 9:05,1.00,,UK\n3,B,,1,1/5/24 9:05,1,,\n",
        );
        let orders = orders::list(&mut read);
        let products = list(&read, &orders);
        assert_eq!(products.iter().map(|p| (p.sku.as_str(), p.sold)).collect::<Vec<_>>(), [("A", 1_400_000), ("B", 1)]);
        assert_eq!(products[0].receipts().map(Quantity::get).collect::<Vec<_>>(), [1_000_000, 400_000]);
        assert_eq!(products.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Cup", "B"]);
    }
}
