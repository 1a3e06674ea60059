//! Reads request bodies within the limit of the route. Used by [`crate::json`] and by handlers that accept raw bytes. [`crate::server`] sets
//! the limit and rejects a body early if its `Content-Length` exceeds the limit; [`coding`] decompresses.

pub mod coding;
mod too_large;

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
pub(crate) use too_large::TooLarge;

/// Time limit for receiving a body that is read whole. It is shorter than the time limit of requests, so that a slow client gets the
/// specific problem.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory that is reserved in advance for a body with a known length; the buffer of a larger body grows.
const RESERVE_MAX_BYTES: usize = 64 * 1024;

/// Number of bytes of a rejected body that are read and discarded. A client that sends more may see a connection reset instead of the response.
const DISCARD_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Extractor of a whole body as bytes.
#[derive(Debug, Clone)]
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.into_body()).await.map(Whole)
    }
}

/// Reads a whole body. A body that arrives in one frame is not copied.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(READ_TIMEOUT, read_frames(body)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(problem_of(&error)),
        Err(_) => Err(shell::body_timeout()),
    }
}

/// The problem for an error while reading a body.
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

/// Sets the limit of a request body. Fails if the stated length exceeds the limit.
pub(crate) fn limit(request: &mut Request, max_bytes: u64) -> Result<(), TooLarge> {
    match request.body().size_hint().exact() {
        // hyper reads no more than the stated length.
        Some(length) if length <= max_bytes => Ok(()),
        Some(_) => Err(TooLarge { max_bytes }),
        None => {
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = Body::new(Capped { body, max_bytes, left_bytes: max_bytes });
            Ok(())
        }
    }
}

/// Discards the body of a rejected request: a response while the client is still sending would reset the connection. A client that waits
/// for `100 Continue` (RFC 9110, 10.1.1) has not started to send.
pub(crate) async fn refuse(request: Request, problem: Problem) -> Problem {
    if !request.headers().contains_key(header::EXPECT) {
        discard(request.into_body()).await;
    }
    problem
}

/// Discards a body, for handlers that reject a request before they have read the body: a response while the client is still sending would
/// reset the connection before the client reads the response.
pub async fn discard(body: Body) {
    // The response does not depend on whether the whole body was discarded.
    let _ = tokio::time::timeout(READ_TIMEOUT, discard_frames(body)).await;
}

/// The problem of a client that sends its body too slowly.
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

/// A body without a stated length, which fails with [`TooLarge`] once it exceeds its limit.
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
