//! What is sold: every SKU of an accepted sale with its name, its prices over time, and the pieces that it takes to sell it.
//!
//! A day's price is the price that most of its lines have; of several the one that already holds, else the first. Lines carry
//! the price that was agreed, so this is a history to look at and nothing depends on it.

use chrono::{DateTime, Utc};
use events::name::MAX_QUANTITY;
use events::{Quantity, Sku};

use super::orders::Order;
use super::survey::Survey;
use domain::command::amount::Price;
use domain::command::text::Name;

/// Something that is sold.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its key.
    pub sku: Sku,
    /// The most frequent description; the SKU where there is none.
    pub name: Name,
    /// Its prices: the first one at its first sale, then whenever a day has another.
    pub prices: Vec<(DateTime<Utc>, Price)>,
    /// Pieces sold.
    pub sold: u64,
}

impl Product {
    /// Deliveries that bring in what is sold, each as large as one can be.
    pub fn receipts(&self) -> impl Iterator<Item = Quantity> + use<> {
        let most = u64::from(MAX_QUANTITY);
        let (full, rest) = (self.sold / most, self.sold % most);
        let pieces = (0..full).map(move |_| most).chain(std::iter::once(rest));
        pieces.filter_map(|pieces| u32::try_from(pieces).ok().and_then(|pieces| Quantity::try_from(pieces).ok()))
    }
}

/// One line of a sale.
struct Sale {
    sku: u32,
    at: DateTime<Utc>,
    price: Price,
    pieces: u32,
}

/// Every product of these orders, in the order of their SKUs' first appearance.
pub fn list(survey: &Survey, orders: &[Order]) -> Vec<Product> {
    let mut sales: Vec<Sale> = Vec::new();
    for order in orders {
        let at = order.placed_at;
        let sale =
            |item: &super::survey::Item| Sale { sku: item.sku, at, price: item.price, pieces: item.quantity.get() };
        sales.extend(order.items.iter().map(sale));
    }
    sales.sort_by_key(|sale| (sale.sku, sale.at));
    sales.chunk_by(|a, b| a.sku == b.sku).map(|sales| product(survey, sales)).collect()
}

fn product(survey: &Survey, sales: &[Sale]) -> Product {
    let number = sales[0].sku;
    let sku = survey.sku(number);
    let named = survey.descriptions[number as usize].name();
    let name = named.unwrap_or_else(|| sku.as_str().parse().expect("a SKU is short and visible"));
    let sold = sales.iter().map(|sale| u64::from(sale.pieces)).sum();
    let mut prices: Vec<(DateTime<Utc>, Price)> = Vec::new();
    for day in sales.chunk_by(|a, b| a.at.date_naive() == b.at.date_naive()) {
        let holds = prices.last().map(|(_, price)| *price);
        let (at, price) = price_of(day, holds);
        match holds {
            None => prices.push((day[0].at, price)),
            Some(holds) if holds != price => prices.push((at, price)),
            Some(_) => {}
        }
    }
    Product { sku, name, prices, sold }
}

/// The price that most lines of a day have, and when the first of them was.
fn price_of(day: &[Sale], holds: Option<Price>) -> (DateTime<Utc>, Price) {
    let mut counts: Vec<(Price, u32, DateTime<Utc>)> = Vec::new();
    for sale in day {
        match counts.iter_mut().find(|(price, ..)| *price == sale.price) {
            Some((_, count, _)) => *count += 1,
            None => counts.push((sale.price, 1, sale.at)),
        }
    }
    // Of equals the last is the maximum: the one that holds, else the first.
    let rank = |(place, (price, count, _)): &(usize, &(Price, u32, DateTime<Utc>))| {
        (*count, holds == Some(*price), std::cmp::Reverse(*place))
    };
    let most = counts.iter().enumerate().max_by_key(rank);
    most.map_or((day[0].at, day[0].price), |(_, (price, _, at))| (*at, *price))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::survey;
    use super::super::orders;
    use super::*;

    fn prices(lines: &str) -> Vec<(String, i64)> {
        let mut read = survey(lines);
        let orders = orders::list(&mut read);
        let products = list(&read, &orders);
        let shown = |(at, price): &(DateTime<Utc>, Price)| (at.format("%d %H:%M").to_string(), price.minor().0);
        products[0].prices.iter().map(shown).collect()
    }

    #[test]
    fn a_product_begins_with_the_price_of_its_first_day() {
        let lines = "1,A,Cup,1,1/5/24 9:00,1.00,,UK\n2,A,Cup,1,1/5/24 9:05,2.00,,UK\n3,A,Cup,1,1/5/24 9:06,2.00,,UK\n";
        assert_eq!(prices(lines), [("05 09:00".to_owned(), 200)]);
    }

    #[test]
    fn a_day_changes_the_price_once_if_most_of_its_lines_have_another() {
        let lines = "1,A,Cup,1,1/5/24 9:00,1.00,,UK\n\
            2,A,Cup,1,1/6/24 9:00,3.00,,UK\n3,A,Cup,1,1/6/24 9:05,1.00,,UK\n\
            4,A,Cup,1,1/7/24 9:00,1.00,,UK\n5,A,Cup,1,1/7/24 9:05,2.00,,UK\n6,A,Cup,1,1/7/24 9:06,2.00,,UK\n\
            7,A,Cup,1,1/8/24 9:00,4.00,,UK\n8,A,Cup,1,1/8/24 9:01,3.00,,UK\n";
        let expected = [("05 09:00", 100), ("07 09:05", 200), ("08 09:00", 400)];
        assert_eq!(prices(lines), expected.map(|(at, price)| (at.to_owned(), price)));
    }

    #[test]
    fn the_pieces_sold_are_counted_over_all_orders() {
        let mut read =
            survey("1,A,Cup,700000,1/5/24 9:00,1.00,,UK\n2,a,,700000,1/5/24 9:05,1.00,,UK\n3,B,,1,1/5/24 9:05,1,,\n");
        let orders = orders::list(&mut read);
        let products = list(&read, &orders);
        assert_eq!(products.iter().map(|p| (p.sku.as_str(), p.sold)).collect::<Vec<_>>(), [("A", 1_400_000), ("B", 1)]);
        assert_eq!(products[0].receipts().map(Quantity::get).collect::<Vec<_>>(), [1_000_000, 400_000]);
        assert_eq!(products.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Cup", "B"]);
    }
}
