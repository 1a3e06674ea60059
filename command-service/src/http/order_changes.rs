//! Commands that change an order as such: what it is made of, whether it may be packed, and what is known of it.

use serde_json::json;

use super::commands::Commands;
use super::operation::{Operation, Refusal};
use super::orders::ORDER;
use domain::command::{
    AddNote, AmendOrder, AssignCustomer, ChangeAddresses, Command, ErasePersonalData, HoldOrder, ReleaseOrder, TagOrder,
};

/// What a command may meet that needs pieces.
const STOCK: &[Refusal] = &[(409, "insufficient-stock"), (422, "stock-limit")];

/// What a command may meet that brings personal data.
const ERASED: &[Refusal] = &[(409, "personal-data-erased")];

/// What a command may meet that adds and prices lines.
const PRICES: &[Refusal] = &[
    (409, "inactive-product"),
    (422, "unknown-product"),
    (422, "price-missing"),
    (422, "discount-exceeded"),
    (422, "amount-overflow"),
    (422, "total-mismatch"),
];

pub(super) fn commands(orders: Commands) -> Commands {
    known(holds(amendments(orders)))
}

fn amendments(orders: Commands) -> Commands {
    orders.post(
        "/v1/orders/{order_id}/amendments",
        Operation::new("amend_order", "Changes an order's lines, shipping and addresses, and its stock with them")
            .note(
                "Lines keep their price per piece; new ones get the product's, unless they bring one. What is packed or \
                 shipped stays: `quantity` counts it in.",
            )
            .needs_key()
            .needs_version()
            .refuses(ORDER)
            .refuses(STOCK)
            .refuses(PRICES)
            .refuses(&[
                (422, "unknown-line"),
                (422, "repeated-line"),
                (422, "below-fulfilled"),
                (422, "nothing-left"),
                (422, "too-many-lines"),
                (422, "order-too-large"),
            ])
            .refuses(ERASED)
            .example(json!({
                "change": [{ "line": 1, "quantity": 3 }],
                "add": [{ "sku": "BULB", "quantity": 2 }],
                "shipping_lines": [{ "name": "Express", "amount": 900, "tax_rate": 200_000 }],
                "reason": "asked for more",
            })),
        |order_id, body| Command::AmendOrder(AmendOrder { order_id, body }),
    )
}

fn holds(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders/{order_id}/holds",
            Operation::new("hold_order", "Keeps an order from being packed and shipped")
                .note("Everything else goes on: payments, amendments, cancellation, deliveries of what has left.")
                .refuses(ORDER)
                .example(json!({ "reason": "address in doubt" })),
            |order_id, body| Command::HoldOrder(HoldOrder { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/holds/release",
            Operation::new("release_order", "Lets packing and shipping go on").refuses(ORDER).example(json!({})),
            |order_id, body| Command::ReleaseOrder(ReleaseOrder { order_id, body }),
        )
}

fn known(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders/{order_id}/notes",
            Operation::new("add_note", "Writes something down about an order")
                .creates()
                .needs_key()
                .refuses(ORDER)
                .refuses(ERASED)
                .refuses(&[(422, "too-many-parts"), (422, "order-too-large")])
                .example(json!({ "note": "Called, will be at home on Friday.", "author": "Kim" })),
            |order_id, body| Command::AddNote(AddNote { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/tags",
            Operation::new("tag_order", "Lets an order be found by other words")
                .refuses(ORDER)
                .refuses(&[(422, "too-many-parts")])
                .example(json!({ "add": ["gift"], "remove": ["urgent"] })),
            |order_id, body| Command::TagOrder(TagOrder { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/addresses",
            Operation::new("change_addresses", "Changes where an order goes, or its bill")
                .note("Only while nothing is shipped. An address that is left out stays.")
                .refuses(ORDER)
                .refuses(ERASED)
                .example(json!({
                    "shipping_address": {
                        "name": "Ada Byron", "line1": "12 St James's Square", "city": "London", "postcode": "SW1Y 4JH",
                        "country": "GB",
                    },
                })),
            |order_id, body| Command::ChangeAddresses(ChangeAddresses { order_id, body }),
        )
        .put(
            "/v1/orders/{order_id}/customer",
            Operation::new("assign_customer", "Gives an order to a customer who is registered")
                .refuses(ORDER)
                .refuses(ERASED)
                .refuses(&[
                    (422, "unknown-customer"),
                    (409, "customer-erased"),
                    (422, "too-many-parts"),
                    (422, "order-too-large"),
                ])
                .example(json!({ "customer_id": "0190163d-8694-739b-aea5-966c26f8ad92" })),
            |order_id, body| Command::AssignCustomer(AssignCustomer { order_id, body }),
        )
        .delete(
            "/v1/orders/{order_id}/personal-data",
            Operation::new("erase_personal_data", "Erase the personal data of an order")
                .note(
                    "For the orders of guests; those of a customer are erased with the customer. No response shows the contact, \
                     the addresses, the notes and the reasons of the order any more, including responses to repeated commands \
                     and texts that are recorded later. Lines, amounts, payments, tags and identifiers stay.",
                )
                .note(
                    "Allowed whatever the state of the order, and final: the order takes no new addresses, notes or customer \
                     afterwards. Erase after the goods have arrived, or know from elsewhere where they go.",
                )
                .refuses(&[(404, "unknown-order")]),
            |order_id| Command::ErasePersonalData(ErasePersonalData { order_id }),
        )
}
