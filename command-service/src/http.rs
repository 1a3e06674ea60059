//! The HTTP interface of the command service.
//!
//! Single commands: each command is declared once, in [`orders`], [`order_edits`], [`products`], [`stock`], [`stock_holds`] or
//! [`customers`]. [`command_routes`] derives the route, the documentation ([`command_operation`], [`parameters`]) and the entry in the
//! batch from the declaration. [`execute`] handles a request: [`command_parser`] parses the command, [`request_headers`] adds the
//! preconditions, the writer decides, and [`responses`] or [`problems`] build the response; [`command_paths`] has the paths of the
//! commands that a rejection lists as allowed.
//!
//! Several commands: [`batch`] executes up to 1,000 commands ([`batch_body`], [`batch_item`]); [`bulk_imports`] accepts files of rows,
//! which run as [`jobs`]. [`outcome`] returns the outcome of a command by its idempotency key. [`state`] is shared by all handlers.
//!
//! `GET /v1/openapi.json` is the OpenAPI document, `GET /docs` a page to browse and try it.

pub mod batch;
mod batch_body;
mod batch_item;
mod bulk_import_problems;
pub mod bulk_imports;
mod command_operation;
mod command_parser;
mod command_paths;
mod command_routes;
mod customers;
mod execute;
mod jobs;
mod order_edits;
mod orders;
mod outcome;
mod parameters;
mod problem_types;
mod problems;
mod products;
mod rejection_types;
mod request_headers;
mod responses;
mod state;
mod stock;
mod stock_holds;

use axum::Router;
use platform::openapi::{Info, Routes};

use command_routes::CommandRoutes;
pub use state::{BulkImports, HttpState};

use events::email::EmailIndex;

/// General description in the OpenAPI document.
const INFO: Info = Info {
    title: "Orders: commands",
    description: "Accepts commands, decides them and appends their events to the log. A command that is answered with 2xx is durable. \
                  A command takes effect at most once per `Idempotency-Key`, so a request can be repeated safely. Amounts are integers in \
                  minor units of the currency. Errors are problem documents (RFC 9457); clients should decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// All routes of the command service.
pub fn router(state: HttpState, emails: &EmailIndex) -> Router {
    let commands = commands(emails);
    let state = state.with_command_paths(commands.paths());
    routes(commands).finish(&INFO).with_state(state)
}

fn commands(emails: &EmailIndex) -> CommandRoutes {
    order_edits::add_commands(orders::commands())
        .merge(products::commands())
        .merge(stock::commands())
        .merge(stock_holds::commands())
        .merge(customers::commands(emails))
}

fn routes(commands: CommandRoutes) -> Routes<HttpState> {
    let several = Routes::about("commands", "Batches of commands, and the outcome of a command.");
    let several = outcome::add_route(batch::add_route(several, commands.table, &commands.problems));
    commands.routes.merge(several).merge(bulk_imports::routes()).merge(jobs::routes())
}

#[cfg(test)]
mod tests;
