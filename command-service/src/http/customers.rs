//! Commands to customers.

use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::problem_types::*;
use domain::command::Command;
use domain::customer::CustomerCommand;
use domain::customer::register::RegisterCustomer;
use domain::customer::update::UpdateCustomer;
use events::email::EmailIndex;

/// `emails` computes the stream id of an e-mail address.
pub(super) fn commands(emails: &EmailIndex) -> CommandRoutes {
    let (of_new, of_changed) = (emails.clone(), emails.clone());
    CommandRoutes::tagged("customers", "Customers with their contact details.")
        .post(
            "/v1/customers",
            CommandOperation::new("register_customer", "Register a customer")
                .note("The e-mail address of a customer is unique; upper and lower case are not distinguished. Guests can order without registration.")
                .creates()
                .requires_key()
                .rejections(&[DUPLICATE_EMAIL, DUPLICATE_CUSTOMER, INSTANT_OUT_OF_RANGE])
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
            CommandOperation::new("update_customer", "Update a customer")
                .note("The body is a JSON merge patch (RFC 7396): absent fields are not changed, `null` removes a value, lists are replaced as a whole.")
                .requires_version()
                .rejections(&[UNKNOWN_CUSTOMER, DUPLICATE_EMAIL, CUSTOMER_ERASED])
                .example(json!({ "phone": "+44 20 7946 0000", "name": null })),
            move |customer_id, body| {
 Command::Customer(customer_id, CustomerCommand::UpdateCustomer(UpdateCustomer::new(body, &of_changed))) },
        )
        .delete(
            "/v1/customers/{customer_id}",
            CommandOperation::new("erase_customer", "Erase a customer")
                .note(
                    "From then on, no response contains the personal data of the customer: neither the customer's own data, nor the contact, \
                     addresses, notes and reasons of orders that belong or belonged to the customer. Amounts are kept. The e-mail address can \
                     be registered again. The erasure is irreversible.",
                )
                .rejections(&[UNKNOWN_CUSTOMER]),
            |customer_id| Command::Customer(customer_id, CustomerCommand::EraseCustomer {}),
        )
}
