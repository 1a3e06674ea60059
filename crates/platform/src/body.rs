//! Reads request bodies whole, once, within the route's limit. Used by [`crate::json`] and by handlers that take raw bytes.
//! The limit is set by [`crate::server`], which also refuses early what says beforehand that it is too large; [`coding`] unpacks
//! what is compressed.

pub mod coding;

use crate::problem::{Problem, shell};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A body that is read whole must be here within this time; it is shorter than any request's own, so that a slow client is
/// told that it was slow.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory reserved at once for a body that says how long it is; larger ones grow.
const RESERVE_MAX_BYTES: usize = 64 * 1024;

/// So much of a body that is too large is read away before the refusal; who sends more may see a reset instead.
const DISCARD_MAX_BYTES: usize = 8 * 1024 * 1024;

/// A whole body as bytes, as an extractor.
#[derive(Debug, Clone)]
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body()).await.map(Whole)
    }
}

/// The whole body. One that came in one piece is not copied.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(READ_TIMEOUT, read_frames(body)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(problem_of(&error)),
        Err(_) => Err(shell::body_timeout()),
    }
}

/// The problem behind an error that came while a body was streamed.
pub fn problem_of(error: &axum::Error) -> Problem {
    let outermost: &(dyn Error + 'static) = error;
    for cause in std::iter::successors(Some(outermost), |&error| error.source()) {
        if let Some(too_large) = cause.downcast_ref::<TooLarge>() {
            return shell::body_too_large(too_large.max_bytes);
        }
        if let Some(malformed) = cause.downcast_ref::<coding::Malformed>() {
            return malformed.problem();
        }
    }
    shell::body_unreadable()
}

/// Sets the limit of a request's body, unless that says beforehand that it is larger.
pub(crate) fn limit(request: &mut Request, max_bytes: u64) -> Result<(), TooLarge> {
    match request.body().size_hint().exact() {
        // The server holds a client to the length that it stated.
        Some(length) if length <= max_bytes => Ok(()),
        Some(_) => Err(TooLarge { max_bytes }),
        None => {
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = Body::new(Capped { body, max_bytes, left_bytes: max_bytes });
            Ok(())
        }
    }
}

/// Answering while the client still sends would reset the connection under the answer, so some of the body is read away
/// first. A client that asked whether to send (RFC 9110, 10.1.1) has not begun and is told not to.
pub(crate) async fn refuse(request: Request, problem: Problem) -> Problem {
    if !request.headers().contains_key(header::EXPECT) {
        discard(request.into_body()).await;
    }
    problem
}

/// Reads some of a body away, for handlers that refuse one before they have read it all: answering while the client still
/// sends would reset the connection under the answer.
pub async fn discard(body: Body) {
    // Whether all of it came or not, the answer is the same.
    let _ = tokio::time::timeout(READ_TIMEOUT, discard_frames(body)).await;
}

/// The problem of a client that sends too slowly.
pub fn too_slow() -> Problem {
    shell::body_timeout()
}

async fn discard_frames(mut body: Body) {
    let mut left_bytes = DISCARD_MAX_BYTES;
    while let Ok(Some(data)) = next_data(&mut body).await {
        let Some(left) = left_bytes.checked_sub(data.len()) else { return };
        left_bytes = left;
    }
}

async fn read_frames(mut body: Body) -> Result<Bytes, axum::Error> {
    let Some(first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(second) = next_data(&mut body).await? else { return Ok(first) };
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(RESERVE_MAX_BYTES);
    let mut whole = BytesMut::with_capacity(first.len() + second.len() + expected);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(data) = next_data(&mut body).await? {
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn next_data(body: &mut Body) -> Result<Option<Bytes>, axum::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// A body is larger than its route takes.
#[derive(Debug, thiserror::Error)]
#[error("the body is larger than {max_bytes} bytes")]
pub(crate) struct TooLarge {
    max_bytes: u64,
}

impl From<TooLarge> for Problem {
    fn from(too_large: TooLarge) -> Problem {
        shell::body_too_large(too_large.max_bytes)
    }
}

/// A body without a stated length, cut off with [`TooLarge`] once it exceeds its limit.
struct Capped {
    body: Body,
    max_bytes: u64,
    left_bytes: u64,
}

impl HttpBody for Capped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) | None => 0,
        };
        let Some(left_bytes) = self.left_bytes.checked_sub(length) else {
            return Poll::Ready(Some(Err(axum::Error::new(TooLarge { max_bytes: self.max_bytes }))));
        };
        self.left_bytes = left_bytes;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
