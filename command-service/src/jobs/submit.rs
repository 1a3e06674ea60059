//! Submits commands to the writer in groups, and retries commands that the writer does not accept.

use std::time::{Duration, Instant};

use events::Metadata;
use platform::backoff::Backoff;
use uuid::Uuid;

use crate::writer::key::Key;
use crate::writer::{GROUP_MAX, Mailbox, Reply, Request, Shed, Together, Want};
use domain::command::Command;

/// First and longest delay after the writer was overloaded.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Commands were not decided; some may have taken effect.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The writer accepted no command for too long.
    #[error("the writer did not accept or decide a command for {0:?}")]
    Busy(Duration),
    /// The writer is shutting down.
    #[error("the writer is shutting down")]
    Stopping,
}

/// Options for submitting commands.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubmitOptions {
    /// Id of the job, the correlation id of all its events.
    pub import: Uuid,
    /// Whether the commands take effect or are a dry run.
    pub want: Want,
    /// Whether the commands are independent or atomic.
    pub together: Together,
    /// Submission fails if the writer accepts no command for this time.
    pub patience: Duration,
}

/// The replies to these commands, in their order. Commands that the writer sheds or whose outcome is unknown are submitted again with the
/// same keys, in smaller groups while the writer is overloaded. Atomic commands stay together; there are at most [`GROUP_MAX`].
pub(super) async fn all(
    mailbox: &Mailbox,
    commands: &[(Uuid, Command)],
    options: SubmitOptions,
) -> Result<Vec<Reply>, Undecided> {
    let mut replies: Vec<Option<Reply>> = vec![None; commands.len()];
    let mut backoff = Backoff::between(WAITS.0, WAITS.1);
    let mut progressed = Instant::now();
    loop {
        let mut open: Vec<usize> = (0..commands.len()).filter(|at| replies[*at].is_none()).collect();
        if open.is_empty() {
            return Ok(replies.into_iter().flatten().collect());
        }
        if options.together == Together::Each {
            open.truncate((open.len().min(GROUP_MAX) >> backoff.failures().min(usize::BITS - 1)).max(1));
        }
        let requests = open.iter().map(|at| request(&commands[*at], options)).collect();
        let settled = match mailbox.submit_many(requests, options.together).await {
            Ok(replied) => settled(replied, options.together),
            Err(Shed::Full | Shed::Down) => Vec::new(),
            Err(Shed::Closed) => return Err(Undecided::Stopping),
        };
        let all_settled = settled.len() == open.len();
        for (place, reply) in settled {
            replies[open[place]] = Some(reply);
            progressed = Instant::now();
        }
        if all_settled {
            backoff.reset();
            continue;
        }
        if progressed.elapsed() > options.patience {
            return Err(Undecided::Busy(options.patience));
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// The final replies with their indices. In an atomic group, one unknown outcome makes all replies of the group preliminary.
fn settled(replies: Vec<Reply>, together: Together) -> Vec<(usize, Reply)> {
    let is_open = |reply: &Reply| matches!(reply, Reply::Unknown | Reply::InFlight);
    if together == Together::AllOrNothing && replies.iter().any(is_open) {
        return Vec::new();
    }
    replies.into_iter().enumerate().filter(|(_, reply)| !is_open(reply)).collect()
}

fn request((id, command): &(Uuid, Command), options: SubmitOptions) -> Request {
    let metadata = Metadata {
        occurred_at: command.occurred_at(),
        correlation_id: Some(options.import.to_string()),
        ..Metadata::default()
    };
    let request = Request::new(Key::of(*id, command), command.clone());
    Request { metadata, want: options.want, ..request }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_of_an_atomic_group_is_known_as_a_whole_or_not_at_all() {
        let replies = || vec![Reply::KeyReused, Reply::Unknown];
        assert_eq!(settled(replies(), Together::Each), [(0, Reply::KeyReused)]);
        assert_eq!(settled(replies(), Together::AllOrNothing), []);
    }
}
