//! Lists of units in the sentences of a timeline: `2 units of MUG-1 and 1 unit of CAP-1`.

use events::order::LineNo;

use super::order::TimelineOrder;

/// Maximum number of items in a list of a sentence. An order can have 500 lines; the order's document shows all of
/// them.
pub(super) const MAX_ITEMS: usize = 5;

impl TimelineOrder {
    /// SKU of a line, or the number of a line that the order does not have.
    pub(super) fn sku(&self, line: LineNo) -> String {
        self.line(line).map_or_else(|| format!("line {line}"), |line| line.sku.to_string())
    }

    /// Units by line as a list of units by SKU.
    pub(super) fn units(&self, lines: impl IntoIterator<Item = (LineNo, u32)>) -> String {
        of_skus(lines.into_iter().map(|(line, quantity)| (self.sku(line), quantity)))
    }
}

/// A list of units by SKU; units of the same SKU are added.
pub(super) fn of_skus(units: impl IntoIterator<Item = (String, u32)>) -> String {
    let mut by_sku: Vec<(String, u64)> = Vec::new();
    for (sku, quantity) in units {
        match by_sku.iter_mut().find(|(known, _)| *known == sku) {
            Some((_, sum)) => *sum += u64::from(quantity),
            None => by_sku.push((sku, quantity.into())),
        }
    }
    if by_sku.is_empty() {
        return "no units".to_owned();
    }
    let more = by_sku.split_off(by_sku.len().min(MAX_ITEMS));
    let mut items: Vec<String> =
        by_sku.iter().map(|(sku, sum)| format!("{} of {sku}", counted(*sum, "unit"))).collect();
    if !more.is_empty() {
        let sum = more.iter().map(|(_, sum)| sum).sum();
        items.push(format!("{} of {}", counted(sum, "unit"), counted(more.len() as u64, "other SKU")));
    }
    list(&items)
}

/// At most [`MAX_ITEMS`] of the items, and the number of the other items.
pub(super) fn limited(mut items: Vec<String>, noun: &str) -> String {
    let more = items.split_off(items.len().min(MAX_ITEMS));
    if !more.is_empty() {
        items.push(counted(more.len() as u64, noun));
    }
    list(&items)
}

/// Items with commas, and with `and` before the last item.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with its noun in the singular or plural: `1 unit`, `2 units`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(units: &[(&str, u32)]) -> String {
        of_skus(units.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    #[test]
    fn units_of_the_same_sku_are_added() {
        assert_eq!(units(&[("A", 1)]), "1 unit of A");
        assert_eq!(units(&[("A", 1), ("B", 2), ("A", 3)]), "4 units of A and 2 units of B");
        assert_eq!(units(&[]), "no units");
    }

    #[test]
    fn a_long_list_ends_with_the_number_of_other_skus() {
        let many = units(&[("A", 1), ("B", 1), ("C", 1), ("D", 1), ("E", 1), ("F", 2), ("G", 3)]);
        let first = "1 unit of A, 1 unit of B, 1 unit of C, 1 unit of D, 1 unit of E";
        assert_eq!(many, format!("{first} and 5 units of 2 other SKUs"));
    }
}
