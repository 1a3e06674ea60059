//! Commands over HTTP: one route per command, in [`orders`], [`products`] and [`stock`]; what all of them share is in
//! [`execute`] (key in, reply out) and [`reply`] (words of the answer). Many at once: [`imports`], worked as [`jobs`].

mod execute;
pub mod imports;
pub mod jobs;
mod orders;
mod products;
mod reply;
mod stock;

use std::sync::Arc;

use axum::Router;
use tokio::sync::SetOnce;

use crate::writer::Mailbox;

/// Where the writer's mailbox will be once the log is read; until then commands are answered 503.
#[derive(Debug, Clone, Default)]
pub struct MailboxSlot(Arc<SetOnce<Mailbox>>);

impl MailboxSlot {
    /// From now on commands are taken.
    pub fn open(&self, mailbox: Mailbox) {
        let _ = self.0.set(mailbox);
    }

    /// The mailbox, once there is one.
    pub async fn opened(&self) -> Mailbox {
        self.0.wait().await.clone()
    }

    fn get(&self) -> Option<&Mailbox> {
        self.0.get()
    }
}

/// Every route of the command-service.
pub fn router(mailbox: MailboxSlot) -> Router {
    Router::new().merge(orders::routes()).merge(products::routes()).merge(stock::routes()).with_state(mailbox)
}

/// Every route of jobs and imports.
pub fn jobs_router(imports: jobs::Imports) -> Router {
    Router::new().merge(imports::routes()).merge(jobs::routes()).with_state(imports)
}
