//! A client of Server-Sent Events.

use serde_json::Value;

use crate::service::{PATIENCE, Service};

/// An open stream.
pub(crate) struct Stream {
    response: reqwest::Response,
    received: Vec<u8>,
}

/// A block of a stream; the fields that a block does not have are empty.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) comment: String,
}

impl Block {
    fn parse(text: &str) -> Block {
        let mut block = Block::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').expect("a space");
            match field {
                "id" => value.clone_into(&mut block.id),
                "event" => value.clone_into(&mut block.event),
                "data" => block.data += value,
                "" => value.clone_into(&mut block.comment),
                "retry" => {}
                _ => panic!("unknown field in {line}"),
            }
        }
        block
    }

    /// The data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Stream {
    /// The next block; `None` at the end of the stream.
    pub(crate) async fn next_block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.received.windows(2).position(|it| it == b"\n\n") {
                let block: Vec<u8> = self.received.drain(..end + 2).collect();
                return Some(Block::parse(std::str::from_utf8(&block).expect("UTF-8").trim_end()));
            }
            self.received.extend(self.response.chunk().await.expect("a chunk")?);
        }
    }

    /// The next block with an event.
    pub(crate) async fn next(&mut self) -> Block {
        let receiving = async {
            loop {
                let block = self.next_block().await.expect("the stream ended");
                if !block.event.is_empty() {
                    return block;
                }
            }
        };
        tokio::time::timeout(PATIENCE, receiving).await.expect("no event was received")
    }

    /// The ids of the next events.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            ids.push(self.next().await.id);
        }
        ids
    }

    /// The blocks until the end of the stream.
    pub(crate) async fn rest(mut self) -> Vec<Block> {
        let receiving = async {
            let mut blocks = Vec::new();
            while let Some(block) = self.next_block().await {
                blocks.push(block);
            }
            blocks
        };
        tokio::time::timeout(PATIENCE, receiving).await.expect("the stream does not end")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().expect("text")
    }
}

impl Service {
    /// Opens a stream, which must succeed.
    pub(crate) async fn stream(&self, path: &str, last_event_id: Option<&str>) -> Stream {
        let headers: Vec<(&str, &str)> = last_event_id.map(|id| ("Last-Event-ID", id)).into_iter().collect();
        let response = self.response(path, &headers).await;
        assert_eq!(response.status(), 200, "{path}");
        Stream { response, received: Vec::new() }
    }
}
