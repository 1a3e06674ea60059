//! A minimal keep-alive HTTP/1.1 connection. It uses little processor time, because the load generator shares the machine with
//! the services.
//!
//! A request takes one write and, nearly always, one read; answers are parsed in the read buffer. Only answers with a
//! `Content-Length` are supported, as the services send them; a chunked answer is an error.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Initial size of the read buffer, which grows for larger answers.
const BUFFER_BYTES: usize = 16 * 1024;

/// Most headers of an answer.
const HEADERS_MAX: usize = 32;

/// A connection with at most one request in flight.
#[derive(Debug)]
pub struct HttpConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer in the read buffer of its connection.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Status of an answer, and the offsets of its body.
struct Frame {
    status: u16,
    body: usize,
    end: usize,
}

impl HttpConnection {
    pub async fn connect(addr: SocketAddr) -> io::Result<HttpConnection> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(HttpConnection { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request and reads the complete answer.
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

/// Parses the head of an answer; `None` while the head is incomplete.
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
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer has no Content-Length"))?;
    Ok(Some(Frame { status: response.code.unwrap_or_default(), body, end: body + length }))
}

/// The integer member `name` of a JSON object without white space.
pub fn number(json: &[u8], name: &str) -> Option<i64> {
    let value = after(json, name)?;
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    std::str::from_utf8(&value[..end]).ok()?.parse().ok()
}

/// The string member `name` of a JSON object without white space; the string must not contain escapes.
pub fn text<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let value = after(json, name)?.strip_prefix(b"\"")?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&value[..end]).ok()
}

/// Number of occurrences of a text in a body.
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
    fn a_head_is_parsed_when_it_is_complete() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok";
        assert!(frame(&answer[..30]).unwrap().is_none());
        let frame = frame(answer).unwrap().unwrap();
        assert_eq!((frame.status, &answer[frame.body..frame.end]), (201, b"ok".as_slice()));
    }

    #[test]
    fn an_answer_without_content_length_is_an_error() {
        assert!(frame(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn members_of_compact_json_are_found() {
        let json = br#"{"id":"a-b","code":"SON000001","version":1,"position":42}"#;
        assert_eq!((text(json, "id"), number(json, "position")), (Some("a-b"), Some(42)));
        assert_eq!(number(json, "missing"), None);
    }
}
