//! Hands commands to the writer, in groups, and does not give up at the first refusal to take them.

use std::time::{Duration, Instant};

use events::Metadata;
use platform::backoff::Backoff;
use uuid::Uuid;

use crate::writer::key::Key;
use crate::writer::{GROUP_MAX, Mailbox, Reply, Request, Shed, Together, Want};
use domain::command::Command;

/// The first wait after the writer was too busy, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Why commands were not decided; some may have been.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The writer took nothing for too long.
    #[error("the writer did not take or settle a command for {0:?}")]
    Busy(Duration),
    /// The writer takes nothing any more.
    #[error("the writer stops")]
    Stopping,
}

/// What is asked of the writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The job, which stands in the metadata of all that it brings about.
    pub import: Uuid,
    /// That commands take effect, or only to know what they would do.
    pub want: Want,
    /// How they hang together.
    pub together: Together,
    /// How long the writer may take nothing.
    pub patience: Duration,
}

/// The replies to these commands, in their order. Commands that the writer sheds or whose fate is unknown are sent again
/// under their keys, fewer at a time while it is busy, unless they belong together; such are at most [`GROUP_MAX`].
pub(super) async fn all(
    mailbox: &Mailbox,
    commands: &[(Uuid, Command)],
    terms: Terms,
) -> Result<Vec<Reply>, Undecided> {
    let mut replies: Vec<Option<Reply>> = vec![None; commands.len()];
    let mut backoff = Backoff::between(WAITS.0, WAITS.1);
    let mut moved = Instant::now();
    loop {
        let mut open: Vec<usize> = (0..commands.len()).filter(|at| replies[*at].is_none()).collect();
        if open.is_empty() {
            return Ok(replies.into_iter().flatten().collect());
        }
        if terms.together == Together::Each {
            open.truncate((open.len().min(GROUP_MAX) >> backoff.failures().min(usize::BITS - 1)).max(1));
        }
        let requests = open.iter().map(|at| request(&commands[*at], terms)).collect();
        let settled = match mailbox.submit_many(requests, terms.together).await {
            Ok(replied) => settled(replied, terms.together),
            Err(Shed::Full | Shed::Down) => Vec::new(),
            Err(Shed::Closed) => return Err(Undecided::Stopping),
        };
        let all_settled = settled.len() == open.len();
        for (place, reply) in settled {
            replies[open[place]] = Some(reply);
            moved = Instant::now();
        }
        if all_settled {
            backoff.reset();
            continue;
        }
        if moved.elapsed() > terms.patience {
            return Err(Undecided::Busy(terms.patience));
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// The replies that stand, with their places. One that leaves open what became of its command leaves a whole group open that
/// belongs together.
fn settled(replies: Vec<Reply>, together: Together) -> Vec<(usize, Reply)> {
    let is_open = |reply: &Reply| matches!(reply, Reply::Unknown | Reply::InFlight);
    if together == Together::AllOrNothing && replies.iter().any(is_open) {
        return Vec::new();
    }
    replies.into_iter().enumerate().filter(|(_, reply)| !is_open(reply)).collect()
}

fn request((id, command): &(Uuid, Command), terms: Terms) -> Request {
    let metadata = Metadata {
        occurred_at: command.occurred_at(),
        correlation_id: Some(terms.import.to_string()),
        ..Metadata::default()
    };
    let request = Request::new(Key::of(*id, command), command.clone());
    Request { metadata, want: terms.want, ..request }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_group_that_belongs_together_is_known_as_a_whole_or_not() {
        let replies = || vec![Reply::KeyReused, Reply::Unknown];
        assert_eq!(settled(replies(), Together::Each), [(0, Reply::KeyReused)]);
        assert_eq!(settled(replies(), Together::AllOrNothing), []);
    }
}
