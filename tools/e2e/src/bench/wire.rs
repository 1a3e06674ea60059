//! One keep-alive HTTP/1.1 connection, as cheap as it can be: the load generator shares the machine with what it measures.
//!
//! One write and, nearly always, one read per request; answers are parsed where they lie. It knows what our own services
//! send (a `Content-Length`, no chunks), and says so when it meets something else.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// First size of the buffer for answers; it grows when one does not fit.
const BUFFER_BYTES: usize = 16 * 1024;

/// Most headers of an answer.
const HEADERS_MAX: usize = 32;

/// A connection that waits for one answer at a time.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; borrows the connection's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// `200` and so on.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Where the body of an answer begins and ends.
struct Frame {
    status: u16,
    body: usize,
    end: usize,
}

impl Wire {
    /// Connects.
    pub async fn connect(addr: SocketAddr) -> io::Result<Wire> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request and reads its answer to the end.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(2 * filled, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(frame) = frame(&self.buffer[..filled])?.filter(|frame| frame.end <= filled) {
                return Ok(Answer { status: frame.status, body: &self.buffer[frame.body..frame.end] });
            }
        }
    }
}

/// Reads the head of an answer; `None` while it is not complete.
fn frame(bytes: &[u8]) -> io::Result<Option<Frame>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let body = match response.parse(bytes) {
        Ok(httparse::Status::Complete(body)) => body,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let length =
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an answer without Content-Length"))?;
    Ok(Some(Frame { status: response.code.unwrap_or_default(), body, end: body + length }))
}

/// The whole number behind `"name":` in a JSON object that nobody formatted.
pub fn number(json: &[u8], name: &str) -> Option<i64> {
    let value = after(json, name)?;
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    std::str::from_utf8(&value[..end]).ok()?.parse().ok()
}

/// The text behind `"name":` in a JSON object that nobody formatted; it must have nothing escaped.
pub fn text<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let value = after(json, name)?.strip_prefix(b"\"")?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&value[..end]).ok()
}

/// How often a text stands in a body.
pub fn count(body: &[u8], text: &str) -> u64 {
    body.windows(text.len()).filter(|window| *window == text.as_bytes()).count() as u64
}

fn after<'a>(json: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let pattern = format!("\"{name}\":");
    let at = json.windows(pattern.len()).position(|window| window == pattern.as_bytes())?;
    Some(&json[at + pattern.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok";
        assert!(frame(&answer[..30]).unwrap().is_none());
        let frame = frame(answer).unwrap().unwrap();
        assert_eq!((frame.status, &answer[frame.body..frame.end]), (201, b"ok".as_slice()));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(frame(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn members_are_found_in_compact_json() {
        let json = br#"{"id":"a-b","code":"SON000001","version":1,"position":42}"#;
        assert_eq!((text(json, "id"), number(json, "position")), (Some("a-b"), Some(42)));
        assert_eq!(number(json, "missing"), None);
    }
}
