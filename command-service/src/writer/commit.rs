//! After a batch was appended: the world keeps its effects, every caller gets its reply, and the relay gets the events.
//!
//! The replies to a thousand commands take milliseconds. If the next batch is ready, they are sent while PostgreSQL appends it.

use events::Position;
use platform::metric_names;

use super::Writer;
use super::answer::Answer;
use super::batch::{Committed, DecidedBatch, Decision, DurableBatch};
use super::request::Reply;
use super::snapshots::StreamSnapshot;
use super::submission::Group;
use crate::log::End;
use crate::log::batch::{self, NewRow};

impl Writer {
    /// Keeps the effects of the batch. Its callers get their replies by [`Writer::reply`].
    pub(super) fn commit(&mut self, mut decided: DecidedBatch, committed: Committed) {
        self.derived.world.commit();
        self.follower.answered();
        let end_before = self.advance(&mut decided, committed);
        self.unanswered = Some(DurableBatch { decided, committed, end_before });
    }

    /// Follows the log to the end of the batch. Returns the end of the log before the batch, if the batch has events.
    fn advance(&mut self, decided: &mut DecidedBatch, committed: Committed) -> Option<End> {
        if decided.rows.is_empty() {
            return None;
        }
        let before = self.follower.advance(&decided.rows, committed.base, committed.recorded_at);
        for snapshot in decided.snapshots.drain(..) {
            let position = committed.base.plus(snapshot.position.0 as usize);
            self.derived.snapshots.save(StreamSnapshot { position, ..snapshot });
        }
        metrics::counter!(metric_names::WRITER_EVENTS_TOTAL).increment(decided.rows.len() as u64);
        if self.derived.snapshots.numbers_are_due(self.follower.head().position) {
            self.derived.save_numbers(self.follower.end().clone());
        }
        Some(before)
    }

    /// Replies to the callers of the batch that was appended last, unless they have their replies, and passes its events to the relay.
    pub(super) fn reply(&mut self) {
        let Some(DurableBatch { decided, committed, end_before }) = self.unanswered.take() else { return };
        self.reply_to(decided.groups, decided.decisions, committed.base);
        if let Some(end_before) = end_before {
            self.publish(decided.rows, &end_before, committed);
        }
    }

    /// Replies to every caller with the decision on its command, which is durable now.
    fn reply_to(&mut self, groups: Vec<Group>, decisions: Vec<Decision>, base: Position) {
        let at = |position: Position| base.plus(position.0 as usize);
        let mut replies = Vec::with_capacity(decisions.len());
        let mut answers = Vec::new();
        for (submission, decision) in groups.into_iter().flat_map(Group::into_members).zip(decisions) {
            let reply = match decision {
                Decision::Accepted(mut answer, state) => {
                    answer.position = at(answer.position);
                    answers.push((submission.request.key, answer.clone()));
                    Reply::Done { answer, replayed: false, state }
                }
                Decision::Repeated(answer) => {
                    let position = at(answer.position);
                    Reply::Done { answer: Answer { position, ..answer }, replayed: true, state: None }
                }
                Decision::IfUnchanged(Reply::Done { answer, replayed, state }) => {
                    // The events that left nothing to change may be in this batch.
                    let position = self.follower.head().position;
                    Reply::Done { answer: Answer { position, ..answer }, replayed, state }
                }
                Decision::IfUnchanged(reply) | Decision::Final(reply) => reply,
            };
            replies.push((submission, reply));
        }
        // The answers are remembered before a caller can repeat its command.
        self.derived.replays.remember(answers.into_iter());
        for (submission, reply) in replies {
            submission.reply(reply);
        }
    }

    /// Passes the events to the relay, preceded by the event before the batch, which tells the relay which log the batch
    /// continues. The relay may be busy or absent; it reads the events that it misses here from the log.
    fn publish(&self, rows: Vec<NewRow>, before: &End, committed: Committed) {
        let Some(Ok(place)) = self.committed.as_ref().map(|relay| relay.try_reserve()) else { return };
        match batch::recorded(rows, before.head.incarnation, committed.base, committed.recorded_at) {
            Ok(events) => place.send(before.last.as_deref().cloned().into_iter().chain(events).collect()),
            Err(error) => tracing::error!(
                %error,
                "cannot decode the metadata of an event that this process wrote; the relay reads the events from the log"
            ),
        }
    }
}
