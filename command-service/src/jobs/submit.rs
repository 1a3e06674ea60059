//! Hands commands to the writer, in groups, and does not give up at the first refusal to take them.

use std::time::{Duration, Instant};

use chrono::Utc;
use events::{Metadata, OrderId};
use futures::future::join_all;
use platform::backoff::Backoff;
use uuid::Uuid;

use crate::command::Command;
use crate::writer::key::Key;
use crate::writer::{Mailbox, Reply, Request};

/// The first wait after the writer was too busy, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The writer took nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the writer did not take or settle a command for {0:?}")]
pub struct Busy(Duration);

/// The replies to these commands, in their order. A command that the writer sheds or whose fate is unknown is sent again
/// under its key, for as long as `patience` lasts without any other reply.
pub(super) async fn all(
    mailbox: &Mailbox,
    commands: &[(Uuid, Command)],
    patience: Duration,
) -> Result<Vec<Reply>, Busy> {
    let mut replies: Vec<Option<Reply>> = vec![None; commands.len()];
    let mut backoff = Backoff::between(WAITS.0, WAITS.1);
    let mut moved = Instant::now();
    loop {
        let open: Vec<usize> = (0..commands.len()).filter(|at| replies[*at].is_none()).collect();
        if open.is_empty() {
            return Ok(replies.into_iter().flatten().collect());
        }
        let sent = open.iter().map(|at| mailbox.submit(request(&commands[*at])));
        for (at, replied) in open.iter().zip(join_all(sent).await) {
            if let Ok(reply) = replied
                && reply != Reply::Unknown
            {
                replies[*at] = Some(reply);
                moved = Instant::now();
                backoff.reset();
            }
        }
        if moved.elapsed() > patience {
            return Err(Busy(patience));
        }
        if replies.iter().any(Option::is_none) {
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}

fn request((id, command): &(Uuid, Command)) -> Request {
    let new_id = OrderId::try_from(Uuid::now_v7()).expect("a UUID version 7 was just made");
    let metadata = Metadata { occurred_at: command.occurred_at(), ..Metadata::default() };
    Request { key: Key::of(*id, command), command: command.clone(), now: Utc::now(), new_id, metadata }
}
