//! Content codings of request bodies (RFC 9110, 8.4): `gzip` is decompressed while the body is read, within the limit of the route; every
//! other coding is rejected. [`crate::server`] applies this to every route, except those that decompress their bodies themselves.

use super::too_large::TooLarge;
use crate::problem::{Problem, shell};
use crate::shown::shown;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use hyper::body::Frame;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Longer header values are cut where a problem repeats them.
const SHOWN_MAX_CHARS: usize = 64;

/// The supported content codings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not compressed.
    Identity,
    /// RFC 1952, one member or several.
    Gzip,
}

impl Coding {
    /// The coding in `Content-Encoding`. Unknown codings and combinations of codings are rejected.
    pub fn of(headers: &HeaderMap) -> Result<Coding, Problem> {
        let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(first) = lines.next() else { return Ok(Coding::Identity) };
        let named = first.to_str().ok().filter(|_| lines.next().is_none());
        match named.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Some("" | "identity") => Ok(Coding::Identity),
            // Two names of one coding (RFC 9110, 8.4.1.3).
            Some("gzip" | "x-gzip") => Ok(Coding::Gzip),
            Some(_) | None => Err(shell::content_encoding(&found(headers))),
        }
    }
}

fn found(headers: &HeaderMap) -> String {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let names: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    shown(&names.join(", "), SHOWN_MAX_CHARS)
}

/// Decompresses the body of a request, up to `max_bytes`.
pub(crate) fn unpack(request: &mut Request, max_bytes: u64) -> Result<(), Problem> {
    // A request without a body has nothing that could be encoded.
    if request.body().is_end_stream() || Coding::of(request.headers())? == Coding::Identity {
        return Ok(());
    }
    request.headers_mut().remove(header::CONTENT_ENCODING);
    request.headers_mut().remove(header::CONTENT_LENGTH);
    let body = std::mem::take(request.body_mut());
    let gzip = MultiGzDecoder::new(Unpacked { bytes: Vec::new(), left_bytes: max_bytes });
    *request.body_mut() = Body::new(Unpacking { body, gzip: Some(gzip), max_bytes });
    Ok(())
}

/// The body is not valid gzip data.
#[derive(Debug, thiserror::Error)]
#[error("the body is not gzip")]
pub(super) struct Malformed(#[source] io::Error);

impl Malformed {
    pub(super) fn problem(&self) -> Problem {
        shell::malformed_gzip(&self.0)
    }
}

/// A body that is decompressed while it is received.
struct Unpacking {
    body: Body,
    /// `None` after the end of the body.
    gzip: Option<MultiGzDecoder<Unpacked>>,
    max_bytes: u64,
}

impl Unpacking {
    /// The bytes that the next step of the decoder yields.
    fn step(
        &mut self,
        step: impl FnOnce(&mut MultiGzDecoder<Unpacked>) -> io::Result<()>,
    ) -> Result<Bytes, axum::Error> {
        let Some(gzip) = &mut self.gzip else { return Ok(Bytes::new()) };
        match step(gzip) {
            Ok(()) => Ok(std::mem::take(&mut gzip.get_mut().bytes).into()),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(axum::Error::new(TooLarge { max_bytes: self.max_bytes }))
            }
            Err(error) => Err(axum::Error::new(Malformed(error))),
        }
    }
}

impl HttpBody for Unpacking {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.gzip.is_some() {
            let unpacked = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.step(|gzip| gzip.write_all(&data)),
                    // Trailers are ignored.
                    Err(_) => continue,
                },
                Some(Err(error)) => Err(error),
                None => {
                    let last = self.step(MultiGzDecoder::try_finish);
                    self.gzip = None;
                    last
                }
            };
            match unpacked {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(None)
    }
}

/// Buffers decompressed bytes up to a limit, so that a small compressed body cannot exhaust the memory.
struct Unpacked {
    bytes: Vec<u8>,
    left_bytes: u64,
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left_bytes = self.left_bytes.checked_sub(bytes.len() as u64);
        self.left_bytes = left_bytes.ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn coding(lines: &[&'static str]) -> Result<Coding, Problem> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(line));
        }
        Coding::of(&headers)
    }

    #[test]
    fn one_known_coding_is_accepted_and_everything_else_rejected() {
        for plain in [&[][..], &["identity"], &[""]] {
            assert_eq!(coding(plain).expect("plain"), Coding::Identity, "{plain:?}");
        }
        for packed in ["gzip", "GZIP", " x-gzip "] {
            assert_eq!(coding(&[packed]).expect("packed"), Coding::Gzip, "{packed}");
        }
        for wrong in [&["br"][..], &["deflate"], &["gzip, gzip"], &["gzip", "gzip"], &["identity, gzip"], &["gzip;q=1"]]
        {
            assert_eq!(coding(wrong).expect_err("refused").kind(), "content-encoding", "{wrong:?}");
        }
    }
}
