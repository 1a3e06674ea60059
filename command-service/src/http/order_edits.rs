//! Commands that edit an order: its lines, its holds, its notes, tags and addresses, its customer, and the erasure of its personal data.

use platform::problem::ProblemType;
use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::orders::ORDER;
use super::problem_types::*;
use domain::command::Command;
use domain::order::OrderCommand;

/// Rejections of commands that reserve units.
const STOCK: &[ProblemType] = &[INSUFFICIENT_STOCK, STOCK_LIMIT];

/// Rejections of commands that contain personal data.
const ERASED: &[ProblemType] = &[PERSONAL_DATA_ERASED];

/// Rejections of commands that add lines and compute their prices.
const PRICES: &[ProblemType] =
    &[INACTIVE_PRODUCT, PRODUCT_NOT_FOUND_IN_BODY, PRICE_MISSING, DISCOUNT_EXCEEDED, AMOUNT_OVERFLOW, TOTAL_MISMATCH];

/// Adds the commands that edit an order.
pub(super) fn add_commands(orders: CommandRoutes) -> CommandRoutes {
    details(holds(amendments(orders)))
}

fn amendments(orders: CommandRoutes) -> CommandRoutes {
    orders.post(
        "/v1/orders/{order_id}/amendments",
        CommandOperation::new("amend_order", "Amend an order")
            .note(
                "Changes the lines, the shipping lines and the addresses of an order, and reserves or releases stock accordingly. Existing \
                 lines keep their unit price; new lines get the price of the product, unless they contain a price. `quantity` is the \
                 total quantity of the line, including the units that are packed or shipped, which cannot be removed.",
            )
            .requires_key()
            .requires_version()
            .rejections(ORDER)
            .rejections(STOCK)
            .rejections(PRICES)
            .rejections(&[
                UNKNOWN_LINE,
                REPEATED_LINE,
                BELOW_FULFILLED,
                NOTHING_LEFT,
                TOO_MANY_LINES,
                ORDER_TOO_LARGE,
            ])
            .rejections(ERASED)
            .example(json!({
                "change": [{ "line": 1, "quantity": 3 }],
                "add": [{ "sku": "BULB", "quantity": 2 }],
                "shipping_lines": [{ "name": "Express", "amount": 900, "tax_rate": 200_000 }],
                "reason": "asked for more",
            })),
        |order_id, body| Command::Order(order_id, OrderCommand::AmendOrder { body }),
    )
}

fn holds(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders/{order_id}/holds",
            CommandOperation::new("hold_order", "Put an order on hold")
                .note(
                    "An order on hold must not be fulfilled: fulfilments cannot be created or shipped. Payments, amendments, \
                     cancellations and deliveries of shipped fulfilments remain possible.",
                )
                .rejections(ORDER)
                .example(json!({ "reason": "address to be verified" })),
            |order_id, body| Command::Order(order_id, OrderCommand::HoldOrder { body }),
        )
        .post(
            "/v1/orders/{order_id}/holds/release",
            CommandOperation::new("release_order", "Release an order on hold").rejections(ORDER).example(json!({})),
            |order_id, body| Command::Order(order_id, OrderCommand::ReleaseOrder { body }),
        )
}

fn details(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders/{order_id}/notes",
            CommandOperation::new("add_note", "Add a note to an order")
                .creates()
                .requires_key()
                .rejections(ORDER)
                .rejections(ERASED)
                .rejections(&[TOO_MANY_PARTS, ORDER_TOO_LARGE])
                .example(json!({ "note": "Called, will be at home on Friday.", "author": "Kim" })),
            |order_id, body| Command::Order(order_id, OrderCommand::AddNote { body }),
        )
        .post(
            "/v1/orders/{order_id}/tags",
            CommandOperation::new("tag_order", "Add and remove tags of an order")
                .rejections(ORDER)
                .rejections(&[TOO_MANY_PARTS])
                .example(json!({ "add": ["gift"], "remove": ["urgent"] })),
            |order_id, body| Command::Order(order_id, OrderCommand::TagOrder { body }),
        )
        .post(
            "/v1/orders/{order_id}/addresses",
            CommandOperation::new("change_addresses", "Change the addresses of an order")
                .note("Possible only while nothing is shipped. An address that is absent from the body is not changed.")
                .rejections(ORDER)
                .rejections(ERASED)
                .example(json!({
                    "shipping_address": {
                        "name": "Ada Byron", "line1": "12 St James's Square", "city": "London", "postcode": "SW1Y 4JH",
                        "country": "GB",
                    },
                })),
            |order_id, body| Command::Order(order_id, OrderCommand::ChangeAddresses { body }),
        )
        .put(
            "/v1/orders/{order_id}/customer",
            CommandOperation::new("assign_customer", "Assign an order to a customer")
                .rejections(ORDER)
                .rejections(ERASED)
                .rejections(&[
                    CUSTOMER_NOT_FOUND_IN_BODY,
                    ORDER_OF_ERASED_CUSTOMER,
                    TOO_MANY_PARTS,
                    ORDER_TOO_LARGE,
                ])
                .example(json!({ "customer_id": "0190163d-8694-739b-aea5-966c26f8ad92" })),
            |order_id, body| Command::Order(order_id, OrderCommand::AssignCustomer { body }),
        )
        .delete(
            "/v1/orders/{order_id}/personal-data",
            CommandOperation::new("erase_personal_data", "Erase the personal data of an order")
                .note(
                    "For orders of guests; the orders of a customer are erased with the customer. From then on, no response contains the \
                     contact, addresses, notes and reasons of the order, including responses to repeated commands and texts that are \
                     recorded later. Lines, amounts, payments, tags and identifiers are kept.",
                )
                .note(
                    "Possible in every state of the order, and irreversible: afterwards, the order accepts no new addresses, notes or \
                     customer. Erase the personal data after delivery, unless the delivery address is stored elsewhere.",
                )
                .rejections(&[UNKNOWN_ORDER]),
            |order_id| Command::Order(order_id, OrderCommand::ErasePersonalData {}),
        )
}
