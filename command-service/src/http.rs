//! Commands over HTTP: one route per command, in [`orders`], [`products`] and [`stock`]; what all of them share is in
//! [`execute`] (key in, reply out) and [`reply`] (words of the answer).

mod execute;
mod orders;
mod products;
mod reply;
mod stock;

use std::sync::{Arc, OnceLock};

use axum::Router;

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

/// Every route of the command-service.
pub fn router(mailbox: MailboxSlot) -> Router {
    Router::new().merge(orders::routes()).merge(products::routes()).merge(stock::routes()).with_state(mailbox)
}
