//! Commands over HTTP: one declaration per command, in [`orders`], [`order_changes`], [`products`], [`stock`], [`holds`] and
//! [`customers`], of which [`commands`] makes the route and its documentation ([`operation`] is what can be declared). What
//! all of them share is in [`asked`] (what a caller says beside the command), [`execute`] (to the writer and back),
//! [`reply`] and [`problems`] (words of the answer). Many at once go through [`batch`] ([`items`] cuts it, [`item`] reads
//! one); [`fate`] says what became of one. `GET /v1/openapi.json` is the documentation, `GET /docs` a page to try it.

mod asked;
mod batch;
mod commands;
mod customers;
mod execute;
mod fate;
mod holds;
mod item;
mod items;
mod operation;
mod order_changes;
mod orders;
mod problems;
mod products;
mod reply;
mod stock;

use std::sync::{Arc, OnceLock};

use axum::Router;
use platform::openapi::{Info, Routes};

use crate::command::email::EmailIndex;
use crate::writer::Mailbox;

/// Where the writer's mailbox will be once the log is read; until then commands are answered 503.
#[derive(Debug, Clone, Default)]
pub struct MailboxSlot(Arc<OnceLock<Mailbox>>);

impl MailboxSlot {
    /// From now on commands are taken.
    pub fn open(&self, mailbox: Mailbox) {
        let _ = self.0.set(mailbox);
    }

    fn get(&self) -> Option<&Mailbox> {
        self.0.get()
    }
}

/// Where many commands are taken at once: its bodies are larger than others.
pub const BATCH_PATH: &str = "/v1/commands";

/// The same without its version.
pub const UNVERSIONED_BATCH_PATH: &str = "/commands";

/// What the document says of the service.
const INFO: Info = Info {
    title: "Orders: commands",
    description: "Takes commands, decides them and appends their events to the log. A 2xx answer is durable. Repeat a command \
                  with the same `Idempotency-Key` as often as you like: it takes effect once. Amounts are whole numbers of \
                  minor units. Refusals are problem documents (RFC 9457); decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// Every route of the command-service.
pub fn router(mailbox: MailboxSlot, emails: &EmailIndex) -> Router {
    routes(emails).finish(&INFO).with_state(mailbox)
}

fn routes(emails: &EmailIndex) -> Routes<MailboxSlot> {
    let commands = orders::commands().merge(products::commands()).merge(stock::commands()).merge(holds::commands());
    commands.merge(customers::commands(emails)).into_routes()
}

#[cfg(test)]
mod tests;
