//! Commands to customers.

use serde_json::json;

use super::commands::Commands;
use super::operation::Operation;
use domain::command::email::EmailIndex;
use domain::command::{Command, EraseCustomer, RegisterCustomer, UpdateCustomer};

/// `emails` names the streams of their addresses.
pub(super) fn commands(emails: &EmailIndex) -> Commands {
    let (of_new, of_changed) = (emails.clone(), emails.clone());
    Commands::to("customers", "Customers, and what is known of them.")
        .post(
            "/v1/customers",
            Operation::new("register_customer", "Takes in a customer")
                .note("No two customers have the same e-mail address, without regard to case. Guests need not register.")
                .creates()
                .needs_key()
                .refuses(&[(409, "duplicate-email"), (409, "duplicate-customer"), (422, "instant-out-of-range")])
                .example(json!({
                    "email": "ada@example.com",
                    "name": "Ada Lovelace",
                    "addresses": [{
                        "name": "Ada Lovelace",
                        "line1": "12 St James's Square",
                        "city": "London",
                        "postcode": "SW1Y 4JH",
                        "country": "GB",
                    }],
                    "tags": ["vip"],
                })),
            move |(), body| Command::RegisterCustomer(RegisterCustomer::new(body, &of_new)),
        )
        .patch(
            "/v1/customers/{customer_id}",
            Operation::new("update_customer", "Changes what is known of a customer")
                .note("A JSON merge patch (RFC 7396): what is not sent stays, `null` takes away, lists are replaced as a whole.")
                .needs_version()
                .refuses(&[(404, "unknown-customer"), (409, "duplicate-email"), (410, "customer-erased")])
                .example(json!({ "phone": "+44 20 7946 0000", "name": null })),
            move |customer_id, body| Command::UpdateCustomer(UpdateCustomer::new(customer_id, body, &of_changed)),
        )
        .delete(
            "/v1/customers/{customer_id}",
            Operation::new("erase_customer", "Forgets a customer, for good")
                .note(
                    "No response shows the personal data of the customer any more: neither what is known of the customer, nor the \
                     contact, addresses, notes and reasons of orders that belong or belonged to the customer. Sums stay, the \
                     e-mail address can be registered anew. There is no way back.",
                )
                .refuses(&[(404, "unknown-customer")]),
            |customer_id| Command::EraseCustomer(EraseCustomer { customer_id }),
        )
}
