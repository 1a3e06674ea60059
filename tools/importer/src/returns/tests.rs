//! Tests of matching returns with orders.

use super::*;
use crate::contents::FileContents;
use crate::orders;

/// (reference of the order, `C` invoice, units by line, refunded) of each return, and the reasons of the rejected lines.
type Matched = (Vec<(String, String, Vec<(u32, u32)>, bool)>, Vec<(u32, Reason)>);

fn matched(lines: &str) -> Matched {
    let mut read = FileContents::of_lines(lines);
    let orders = orders::list(&mut read);
    let shown = |found: &Return| {
        let order = orders[found.order].external_ref.as_str().to_owned();
        let units = found.units.iter().map(|(line, count)| (*line, *count)).collect();
        (order, found.external_ref.as_str().to_owned(), units, found.refunded)
    };
    let returns = list(&mut read, &orders).iter().map(shown).collect();
    (returns, read.rejected.into_iter().collect())
}

fn returned(order: &str, note: &str, units: &[(u32, u32)], refunded: bool) -> (String, String, Vec<(u32, u32)>, bool) {
    (order.to_owned(), note.to_owned(), units.to_vec(), refunded)
}

#[test]
fn a_return_matches_the_latest_earlier_order_with_enough_units_left() {
    let (returns, rejected) = matched(
        "1,A,Cup,6,1/5/24 9:00,1.00,7,\n2,A,Cup,6,1/6/24 9:00,1.00,7,\n3,A,Cup,1,1/7/24 9:00,1.00,7,\n\
        4,A,Cup,9,1/7/24 9:00,1.00,8,\nC5,A,Cup,-4,1/8/24 9:00,1.00,7,\nC6,A,Cup,-4,1/8/24 9:00,1.00,7,\n\
        6,A,Cup,9,1/9/24 9:00,1.00,7,\n",
    );
    assert_eq!(returns, [returned("1", "C6", &[(1, 4)], true), returned("2", "C5", &[(1, 4)], true)]);
    assert_eq!(rejected, []);
}

#[test]
fn lines_of_one_c_invoice_that_match_one_order_form_one_return() {
    let (returns, rejected) = matched(
        "1,A,Cup,2,1/5/24 9:00,1.00,7,\n1,B,Mug,1,1/5/24 9:00,1.00,7,\n1,A,Cup,3,1/5/24 9:00,1.00,7,\n\
        C2,A,Cup,-4,1/8/24 9:00,1.00,7,\nC2,B,Mug,-1,1/8/24 9:00,1.00,7,\nC2,A,Cup,-1,1/8/24 9:00,1.00,7,\n",
    );
    assert_eq!(returns, [returned("1", "C2", &[(1, 2), (2, 1), (3, 3)], true)]);
    assert_eq!(rejected, []);
}

#[test]
fn units_that_were_not_sold_are_rejected_with_the_units_left() {
    let (returns, rejected) = matched(
        "C1,A,Cup,-1,1/4/24 9:00,1.00,7,\n2,A,Cup,6,1/5/24 9:00,1.00,7,\n3,A,Cup,6,1/5/24 9:00,1.00,,\n\
        C4,A,Cup,-7,1/8/24 9:00,1.00,7,\nC5,A,Cup,-1,1/8/24 9:00,1.00,8,\nC6,B,Mug,-1,1/8/24 9:00,1.00,7,\n",
    );
    assert_eq!(returns, []);
    let left = rejected.iter().map(|(line, reason)| match reason {
        Reason::NoMatchingOrder { left } => (*line, *left),
        other => panic!("{other:?}"),
    });
    assert_eq!(left.collect::<Vec<_>>(), [(2, 0), (5, 6), (6, 0), (7, 0)]);
}

#[test]
fn refunds_never_exceed_the_payment() {
    let (returns, _) = matched(
        "1,A,Cup,4,1/5/24 9:00,1.00,7,\nC2,A,Cup,-1,1/6/24 9:00,3.00,7,\nC3,A,Cup,-1,1/7/24 9:00,3.00,7,\n\
        C4,A,Cup,-1,1/8/24 9:00,1.00,7,\n",
    );
    assert_eq!(
        returns.iter().map(|(_, note, _, refunded)| (note.as_str(), *refunded)).collect::<Vec<_>>(),
        [("C2", true), ("C3", false), ("C4", true)]
    );
}

#[test]
fn a_return_matches_the_order_of_a_split_invoice_that_has_the_sku() {
    use std::fmt::Write;
    let mut lines = String::new();
    (0..501).for_each(|n| writeln!(lines, "1,S{n},Cup,1,1/5/24 9:00,1.00,7,").unwrap());
    lines.push_str("C2,S500,Cup,-1,1/8/24 9:00,1.00,7,\nC2,S499,Cup,-1,1/8/24 9:00,1.00,7,\n");
    let (returns, rejected) = matched(&lines);
    assert_eq!(returns, [returned("1", "C2", &[(500, 1)], true), returned("1#2", "C2", &[(1, 1)], true)]);
    assert_eq!(rejected, []);
}
