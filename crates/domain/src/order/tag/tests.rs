//! Tests of changing the tags of an order.

use events::order::{OrderEvent, OrderTagged};
use serde_json::json;

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{Counted, Rejection};
use crate::tests::past::{body, cancelled, lines_cancelled, of_order, order_id, placed};
use crate::tests::scenario::{Past, given};

fn tag(add: &[&str], remove: &[&str]) -> Command {
    Command::Order(order_id(), OrderCommand::TagOrder { body: body(json!({ "add": add, "remove": remove })) })
}

fn tagged(added: &[&str], removed: &[&str]) -> Vec<Past> {
    let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    of_order(OrderEvent::Tagged(OrderTagged { added: set(added), removed: set(removed) }))
}

fn over() -> Vec<Past> {
    [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()].concat()
}

#[test]
fn tags_come_and_go_once() {
    given([placed([("A", 1)])]).when(tag(&["gift", "b2b"], &["late"])).then([tagged(&["b2b", "gift"], &[])]);
    given([over(), tagged(&["gift"], &[])]).when(tag(&["gift"], &[])).then_nothing();
    given([over(), tagged(&["gift", "late"], &[])])
        .when(tag(&["b2b"], &["gift", "late"]))
        .then([tagged(&["b2b"], &["gift", "late"])]);
    given([over(), tagged(&["gift"], &[])]).when(tag(&["gift"], &["gift"])).then_nothing();
}

#[test]
fn an_order_has_so_many_tags_and_no_more() {
    let words: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let limit = Rejection::TooManyParts { what: Counted::Tag, limit: 50 };
    given([placed([("A", 1)]), tagged(&words, &[])]).when(tag(&["more"], &[])).then_rejected(limit);
    given([placed([("A", 1)]), tagged(&words, &[])]).when(tag(&["more"], &["t0"])).then([tagged(&["more"], &["t0"])]);
}
