//! Responses with Server-Sent Events: the limit on open streams, heartbeats, and the end at a shutdown. Not specific to one kind of
//! events: a route gives [`Admitted::respond`] a stream of [`Item`]s, whose text [`crate::reads::sse`] formats.
//!
//! A stream does not count as a request in flight, and no timeout of requests applies to it: both end with the response headers.
//! A client that reads nothing for `HTTP_WRITE_STALL_TIMEOUT` is disconnected by the kernel, and until then at most 16 blocks
//! wait for it (hyper's limit), which share their memory with those of other streams.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use metrics::{Gauge, counter, gauge};
use platform::metric_names::{QUERY_STREAMS_OPEN, QUERY_STREAMS_REFUSED_TOTAL};
use platform::problem::Problem;
use platform::shutdown::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::http::problems;
use crate::reads::sse;

/// A heartbeat is sent when nothing else was sent for this time: common proxies close connections that are idle for 30 to 60
/// seconds, and a reader that resumes reads at most the events of this time again.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Readers reconnect after a random time in this range, so that a restart does not meet all of them at once.
const RECONNECT_MS: std::ops::Range<u64> = 1_000..5_000;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// nginx sends the response on at once, and not when its buffer is full.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const NO: HeaderValue = HeaderValue::from_static("no");

/// What a stream sends next.
pub(super) enum Item {
    /// An encoded event.
    Event(Bytes),
    /// The id up to which nothing is missing. Sent with the next heartbeat, unless an event is sent before.
    Progress(String),
    /// The reason for the end of the stream.
    End(Problem),
}

/// The open streams of the process.
pub struct Streams {
    permits: Arc<Semaphore>,
    shutdown: Shutdown,
    open: Gauge,
}

/// Permission to open a stream, until it is dropped.
pub(super) struct Admitted {
    _permit: OwnedSemaphorePermit,
    shutdown: Shutdown,
    open: Gauge,
}

impl Streams {
    /// At most `streams_max` streams are open at a time; all of them end at the shutdown.
    pub fn new(streams_max: usize, shutdown: Shutdown) -> Streams {
        Streams { permits: Arc::new(Semaphore::new(streams_max)), shutdown, open: gauge!(QUERY_STREAMS_OPEN) }
    }

    /// Permission to open a stream.
    pub(super) fn admit(&self) -> Result<Admitted, Problem> {
        if self.shutdown.is_requested() {
            return Err(problems::streams_end());
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            counter!(QUERY_STREAMS_REFUSED_TOTAL).increment(1);
            return Err(problems::too_many_streams());
        };
        self.open.increment(1.0);
        // A child, because all streams waiting for the same signal would contend for its lock.
        Ok(Admitted { _permit: permit, shutdown: self.shutdown.child(), open: self.open.clone() })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl Admitted {
    /// The response with these items.
    pub(super) fn respond(self, items: impl Stream<Item = Item> + Send + 'static) -> Response {
        let sending = Sending::new(self, items.boxed(), HEARTBEAT);
        let blocks = unfold(sending, async |mut sending| Some((sending.next().await?, sending)));
        let mut response = Response::new(Body::from_stream(blocks.map(Ok::<Bytes, Infallible>)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(X_ACCEL_BUFFERING, NO);
        response
    }
}

/// A stream that is being sent.
struct Sending {
    admitted: Admitted,
    items: BoxStream<'static, Item>,
    /// Interval between two heartbeats.
    heartbeat: Duration,
    heartbeat_at: Instant,
    /// The id that the next heartbeat sends.
    progress: Option<String>,
    state: State,
}

enum State {
    /// Nothing was sent.
    New,
    Open,
    /// The last block was sent.
    Over,
}

impl Sending {
    fn new(admitted: Admitted, items: BoxStream<'static, Item>, heartbeat: Duration) -> Sending {
        let heartbeat_at = Instant::now() + heartbeat;
        Sending { admitted, items, heartbeat, heartbeat_at, progress: None, state: State::New }
    }

    /// The next block; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        match self.state {
            // Sent at once, because some clients report a stream as open only after its first bytes.
            State::New => {
                self.state = State::Open;
                return Some(sse::retry(Duration::from_millis(fastrand::u64(RECONNECT_MS))));
            }
            State::Open => {}
            State::Over => return None,
        }
        loop {
            let item = tokio::select! {
                biased;
                () = self.admitted.shutdown.requested() => return Some(self.end(sse::comment(SHUTDOWN))),
                item = self.items.next() => item?,
                () = tokio::time::sleep_until(self.heartbeat_at) => return Some(self.send_heartbeat()),
            };
            match item {
                Item::Event(block) => {
                    self.progress = None;
                    self.heartbeat_at = Instant::now() + self.heartbeat;
                    return Some(block);
                }
                Item::Progress(id) => self.progress = Some(id),
                Item::End(problem) => {
                    let json = problem.to_json().to_string();
                    return Some(self.end(sse::event(None, "problem", &json)));
                }
            }
        }
    }

    fn send_heartbeat(&mut self) -> Bytes {
        self.heartbeat_at = Instant::now() + self.heartbeat;
        self.progress.take().map_or_else(|| sse::comment("no new events"), |id| sse::progress(&id))
    }

    fn end(&mut self, last: Bytes) -> Bytes {
        self.state = State::Over;
        last
    }
}

/// The last comment at a shutdown.
const SHUTDOWN: &str = "the service is shutting down; reconnect with the id of the last event as Last-Event-ID";

#[cfg(test)]
mod tests {
    use futures::stream::{iter, pending};

    use super::*;

    fn sending(items: impl Stream<Item = Item> + Send + 'static, heartbeat: Duration) -> (Sending, Shutdown) {
        let shutdown = Shutdown::new();
        let admitted = Streams::new(1, shutdown.clone()).admit().expect("the first stream");
        (Sending::new(admitted, items.boxed(), heartbeat), shutdown)
    }

    async fn texts(mut sending: Sending, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(block) = sending.next().await {
            texts.push(String::from_utf8(block.to_vec()).expect("UTF-8"));
            if texts.len() == count {
                break;
            }
        }
        texts
    }

    #[tokio::test]
    async fn a_heartbeat_sends_the_progress_once_and_then_comments() {
        let items = iter([Item::Progress("7".into()), Item::Progress("9".into())]).chain(pending());
        let (sending, _) = sending(items, Duration::from_millis(1));
        let texts = texts(sending, 4).await;
        assert!(texts[0].starts_with("retry: "), "{texts:?}");
        assert_eq!(texts[1], ": no matching events up to this id\nid: 9\n\n");
        assert_eq!(texts[2..], [": no new events\n\n", ": no new events\n\n"]);
    }

    #[tokio::test]
    async fn progress_before_an_event_is_not_sent() {
        let event = Item::Event(Bytes::from_static(b"id: 8\n\n"));
        let items = iter([Item::Progress("7".into()), event]).chain(pending());
        let (sending, shutdown) = sending(items, HEARTBEAT);
        let mut sent = Box::pin(texts(sending, 9));
        assert!(futures::poll!(&mut sent).is_pending(), "the stream stays open");
        shutdown.request();
        let sent = sent.await;
        assert_eq!(sent[1..], ["id: 8\n\n".to_owned(), format!(": {SHUTDOWN}\n\n")]);
    }

    #[tokio::test]
    async fn a_problem_ends_the_stream() {
        let items = iter([Item::End(problems::too_many_streams()), Item::Event(Bytes::from_static(b"never sent"))]);
        let (sending, _) = sending(items, HEARTBEAT);
        let sent = texts(sending, 9).await;
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[1].starts_with("event: problem\ndata: {\"") && sent[1].contains("too-many-streams"), "{sent:?}");
    }

    #[tokio::test]
    async fn streams_beyond_the_limit_are_refused_until_one_ends() {
        let streams = Streams::new(1, Shutdown::new());
        let first = streams.admit().ok();
        assert_eq!(streams.admit().err().expect("the limit").kind(), "too-many-streams");
        drop(first);
        assert!(streams.admit().is_ok());
        streams.shutdown.request();
        assert_eq!(streams.admit().err().expect("the shutdown").kind(), "streams-ending");
    }
}
