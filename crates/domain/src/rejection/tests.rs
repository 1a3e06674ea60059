//! Tests of rejections: kinds never change, and details contain how to correct the command.

use events::order::progress::FulfilmentState;
use serde_json::json;

use super::samples::{every, short, state, unfit};
use super::{Obstacle, Rejection, Unfit};

#[test]
fn kinds_are_a_contract() {
    for (rejection, kind) in every() {
        assert_eq!(rejection.kind(), kind);
    }
}

#[test]
fn details_are_whole_sentences() {
    for (rejection, kind) in every() {
        let detail = rejection.detail();
        assert!(detail.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()), "{kind}: {detail}");
        assert!(detail.ends_with('.') && !detail.contains("  "), "{kind}: {detail}");
    }
}

#[test]
fn a_rejection_by_the_state_of_an_order_names_the_obstacle() {
    let rejection = state(Obstacle::Fulfilment(2, FulfilmentState::Shipped), &[]);
    assert_eq!(rejection.detail(), "Fulfilment 2 is shipped.");
    let members = json!({ "lifecycle": "open", "fulfilment": 2, "state": "shipped" });
    assert_eq!(json!(rejection.extensions()), members);
}

#[test]
fn short_lines_are_members_for_machines() {
    let rejection = Rejection::InsufficientStock(vec![short(Some(2))]);
    let line = json!({ "line": 2, "sku": "A", "location": "main", "requested": 5, "available": 3 });
    assert_eq!(json!(rejection.extensions()), json!({ "lines": [line] }));
}

#[test]
fn every_unfit_line_says_its_own_problem() {
    let rejection = unfit(&[Unfit::PriceMissing, Unfit::UnknownProduct]);
    let line = |line: u32, problem: &str| json!({ "line": line, "sku": "A", "problem": problem });
    let lines = json!([line(1, "price-missing"), line(2, "unknown-product")]);
    assert_eq!(json!(rejection.extensions()), json!({ "lines": lines }));
}

#[test]
fn a_sentence_tells_a_few_lines_and_counts_the_rest() {
    let rejection = Rejection::InsufficientStock((1..=500).map(|line| short(Some(line))).collect());
    let detail = rejection.detail();
    assert!(detail.ends_with("; and 495 more. Ask for less, or wait for stock."), "{detail}");
    assert_eq!(rejection.extensions()["lines"].as_array().map(Vec::len), Some(500));
}
