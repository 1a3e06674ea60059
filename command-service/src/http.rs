//! Commands over HTTP: one declaration per command, in [`orders`], [`products`] and [`stock`], of which [`commands`] makes the
//! route and its documentation; what all of them share is in [`execute`] (key in, reply out) and [`reply`] (words of the
//! answer). Many at once: [`imports`], worked as [`jobs`]. `GET /v1/openapi.json` is the documentation, `GET /docs` a page to
//! try it.

mod commands;
mod execute;
pub mod imports;
pub mod jobs;
mod operation;
mod orders;
mod products;
mod reply;
mod stock;

use std::sync::Arc;

use axum::Router;
use platform::openapi::{Info, Routes};
use tokio::sync::SetOnce;

use crate::writer::Mailbox;

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

/// What the document says of the service.
const INFO: Info = Info {
    title: "Orders: commands",
    description: "Takes commands, decides them and appends their events to the log. A 2xx answer is durable. Repeat a command \
                  with the same `Idempotency-Key` as often as you like: it takes effect once. Amounts are whole numbers of \
                  minor units. Refusals are problem documents (RFC 9457); decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// Every route of the command-service.
pub fn router(mailbox: MailboxSlot) -> Router {
    routes().finish(&INFO).with_state(mailbox)
}

fn routes() -> Routes<MailboxSlot> {
    let commands = orders::commands().merge(products::commands()).merge(stock::commands()).into_routes();
    commands.merge(imports::routes()).merge(jobs::routes())
}

#[cfg(test)]
mod tests;
