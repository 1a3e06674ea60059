//! The SKUs and the search text of an order.

use events::order::{Line, OrderEvent, OrderPlaced};
use read_model::OrderDocument;
use read_model::order::MAX_SEARCH_TEXT_CHARS;

use crate::erasure::{self, NAMED};
use crate::samples::{fold_orders, line, numbered, placed};

fn order(lines: Vec<Line>) -> OrderDocument {
    fold_orders(None, &numbered(vec![placed(lines)])).unwrap()
}

fn named(number: u32, sku: &str, name: &str) -> Line {
    Line { sku: sku.parse().unwrap(), name: name.to_owned(), ..line(number, 1, 100) }
}

#[test]
fn the_skus_of_an_order_are_sorted_and_have_no_repetitions() {
    let order = order(vec![named(1, "B", "b"), named(2, "A", "a"), named(3, "B", "b")]);
    assert_eq!(order.skus(), ["A", "B"]);
}

#[test]
fn a_search_text_has_code_reference_skus_and_names_without_case_and_accents() {
    let text =
        order(vec![named(1, "A", " Blue \u{a0} MÜG\t"), named(2, "B", "Cap"), named(3, "C", "Cap")]).search_text();
    assert_eq!(text, " son000001 inv-1 a b c blue mug cap ");
    let OrderEvent::Placed(placed) = placed(vec![line(1, 1, 1)]) else { panic!("no order") };
    let plain = OrderEvent::Placed(OrderPlaced { external_ref: None, ..placed });
    assert_eq!(fold_orders(None, &[(1, plain)]).unwrap().search_text(), " son000001 sku-1 thing \"1\" u ");
}

#[test]
fn a_search_text_is_bounded_and_ends_with_a_whole_word() {
    let lines = (1..=500).map(|number| named(number, "A", &format!("Größe {number:06}"))).collect();
    let text = order(lines).search_text();
    assert!(text.chars().count() <= MAX_SEARCH_TEXT_CHARS && text.chars().count() > MAX_SEARCH_TEXT_CHARS - 10);
    let last = text.trim_end().rsplit(' ').next().unwrap();
    assert!(text.ends_with(' ') && (last == "grosse" || last.len() == 6), "{text}");
}

#[test]
fn a_search_text_has_no_personal_data() {
    let order = fold_orders(None, &numbered(erasure::history())).unwrap();
    assert!(!order.search_text().contains(&NAMED.to_lowercase()));
}
