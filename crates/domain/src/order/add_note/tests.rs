//! Tests of adding a note to an order.

use events::order::{OrderEvent, OrderNoteAdded};
use serde_json::json;

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{Counted, Rejection};
use crate::tests::past::{body, cancelled, lines_cancelled, of_order, order_id, placed};
use crate::tests::scenario::{Past, given};

fn note() -> Command {
    Command::Order(order_id(), OrderCommand::AddNote { body: body(json!({ "note": "Called.", "author": "Kim" })) })
}

fn noted() -> Vec<Past> {
    of_order(OrderEvent::NoteAdded(OrderNoteAdded { note: "Called.".into(), author: Some("Kim".into()) }))
}

fn over() -> Vec<Past> {
    [placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()].concat()
}

#[test]
fn notes_are_written_whatever_the_order_up_to_a_limit() {
    given([placed([("A", 1)])]).when(note()).then([noted()]);
    given([over()]).when(note()).then([noted()]);
    let full = vec![noted(); 200].concat();
    let limit = Rejection::TooManyParts { what: Counted::Note, limit: 200 };
    given([placed([("A", 1)]), full]).when(note()).then_rejected(limit);
    given([]).when(note()).then_rejected(Rejection::UnknownOrder(order_id()));
}
