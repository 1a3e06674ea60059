//! A task that looks up repeats in the log: commands whose keys are known to be used, but whose answers are not in memory
//! ([`super::replay`]). It looks up many keys with one query, on a connection of its own, so that the writer does not wait.

use tokio::sync::mpsc;

use super::key::Key;
use super::queue::{Entry, Permits};
use super::replay::find_earlier;
use super::submission::{Group, Submission};
use crate::log::Log;

/// Keys that are looked up with one query.
const KEYS_PER_QUERY: usize = 256;

/// Replies to repeats. A command whose key is not in the log goes on to the writer, and so do all commands if the log does not
/// answer. Ends when the mailbox is gone.
pub(super) async fn run(
    log: Log,
    mut repeats: mpsc::UnboundedReceiver<Submission>,
    entries: mpsc::UnboundedSender<Entry>,
    permits: Permits,
) {
    let mut submissions = Vec::new();
    while repeats.recv_many(&mut submissions, KEYS_PER_QUERY).await > 0 {
        let keys: Vec<Key> = submissions.iter().map(|submission| submission.request.key).collect();
        let earlier = find_earlier(&log, &keys).await.unwrap_or_default();
        for submission in submissions.drain(..) {
            match earlier.get(&submission.request.key.id) {
                Some(command) => {
                    permits.give_back(1);
                    let reply = command.reply_to(submission.request.key);
                    submission.reply(reply);
                }
                // If the writer has stopped, the caller gets the reply that the outcome is unknown.
                None => drop(entries.send(Entry::Group(Group::One(submission)))),
            }
        }
    }
}
