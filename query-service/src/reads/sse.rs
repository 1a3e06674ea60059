//! The text of Server-Sent Events (WHATWG HTML, section 9.2). [`crate::reads::event_stream`] encodes every event of the log once for all
//! streams; `http::event_stream` adds comments and heartbeats.
//!
//! axum's `sse::Event` is not used, because it cannot be encoded once and sent to many streams.

use std::time::Duration;

use bytes::Bytes;

/// A block with an event; `data` may have several lines.
pub fn event(id: Option<&str>, event_type: &str, data: &str) -> Bytes {
    let mut block = String::with_capacity(data.len() + event_type.len() + 64);
    if let Some(id) = id {
        push_line(&mut block, "id: ", id);
    }
    push_line(&mut block, "event: ", event_type);
    // A reader joins the lines with line feeds again, and between the tokens of JSON every line break is insignificant.
    for line in data.split(['\n', '\r']) {
        push_line(&mut block, "data: ", line);
    }
    block.push('\n');
    Bytes::from(block)
}

/// A comment, which readers ignore.
pub fn comment(text: &str) -> Bytes {
    Bytes::from(format!(": {text}\n\n"))
}

/// A block with an id and without data: the reader dispatches no event, but a reconnect sends this id as `Last-Event-ID`.
pub fn progress(id: &str) -> Bytes {
    Bytes::from(format!(": no matching events up to this id\nid: {id}\n\n"))
}

/// The time after which a reader that lost its connection reconnects.
pub fn retry(after: Duration) -> Bytes {
    Bytes::from(format!("retry: {}\n\n", after.as_millis()))
}

fn push_line(block: &mut String, field: &str, value: &str) {
    block.push_str(field);
    block.push_str(value);
    block.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_has_its_own_field() {
        let block = event(Some("7"), "OrderPlaced", "{\"a\":\n1,\r\"b\":2}");
        assert_eq!(block, "id: 7\nevent: OrderPlaced\ndata: {\"a\":\ndata: 1,\ndata: \"b\":2}\n\n");
    }

    #[test]
    fn a_block_ends_with_an_empty_line() {
        assert_eq!(event(None, "problem", "{}"), "event: problem\ndata: {}\n\n");
        assert_eq!(progress("9.2"), ": no matching events up to this id\nid: 9.2\n\n");
        assert_eq!(retry(Duration::from_millis(1500)), "retry: 1500\n\n");
        assert_eq!(comment("stopping"), ": stopping\n\n");
    }
}
