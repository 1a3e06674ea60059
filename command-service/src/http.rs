//! Commands over HTTP: one declaration per command, in [`orders`], [`order_changes`], [`products`], [`stock`], [`holds`] and
//! [`customers`], of which [`commands`] makes the route and its documentation ([`operation`] is what can be declared). What
//! all of them share is in [`asked`] (what a caller says beside the command), [`execute`] (to the writer and back),
//! [`reply`] and [`problems`] (words of the answer). Many at once go through [`batch`] ([`items`] cuts it, [`item`] reads
//! one), more than that through [`imports`], which are worked as [`jobs`]; [`fate`] says what became of one.
//! `GET /v1/openapi.json` is the documentation, `GET /docs` a page to try it.

mod asked;
mod batch;
mod commands;
mod customers;
mod execute;
mod fate;
mod holds;
pub mod imports;
mod item;
mod items;
pub mod jobs;
mod operation;
mod order_changes;
mod orders;
mod problems;
mod products;
mod reply;
mod stock;

use std::sync::Arc;

use axum::Router;
use platform::openapi::{Info, Routes};
use tokio::sync::SetOnce;

use crate::writer::Mailbox;
use domain::command::email::EmailIndex;

/// Where the writer's mailbox will be once the log is read, and what imports are kept in; without them both are answered 503.
#[derive(Debug, Clone, Default)]
pub struct MailboxSlot {
    mailbox: Arc<SetOnce<Mailbox>>,
    imports: Option<jobs::Imports>,
}

impl MailboxSlot {
    /// One that takes imports too.
    pub fn importing(imports: jobs::Imports) -> MailboxSlot {
        MailboxSlot { imports: Some(imports), ..MailboxSlot::default() }
    }

    /// From now on commands are taken.
    pub fn open(&self, mailbox: Mailbox) {
        let _ = self.mailbox.set(mailbox);
    }

    /// The mailbox, once there is one.
    pub async fn opened(&self) -> Mailbox {
        self.mailbox.wait().await.clone()
    }

    fn get(&self) -> Option<&Mailbox> {
        self.mailbox.get()
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
    let commands = commands.merge(customers::commands(emails)).into_routes();
    commands.merge(imports::routes()).merge(jobs::routes())
}

#[cfg(test)]
mod tests;
