//! A server on a free port, and a client that sends exactly the given bytes.

use axum::Router;
use platform::server::{Drained, Limits, bind, serve};
use platform::shutdown::Shutdown;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Time limit of every step; reached only in case of a defect.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: JoinHandle<Drained>,
}

/// Starts a server. Must be called inside a runtime.
pub(crate) fn start(router: Router, limits: Limits) -> Server {
    let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let shutdown = Shutdown::new();
    let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
    Server { addr, shutdown, served }
}

impl Server {
    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.addr).await.expect("the server accepts"))
    }

    /// Sends one request on a separate connection.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }
}

pub(crate) struct Client(TcpStream);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        serde_json::from_str(&self.body).expect("a problem document is JSON")
    }

    /// The slug of the problem type.
    pub(crate) fn kind(&self) -> String {
        let problem = self.problem();
        let kind = problem["type"].as_str().and_then(|it| it.strip_prefix("/problems/"));
        kind.expect("the type is one of ours").to_owned()
    }
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the server reads");
    }

    /// Sends bytes of a large body; the server may stop reading before their end.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.read_answer()).await.expect("an answer in time")
    }

    async fn read_answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("an answer before the connection ends"));
        }
        let head = String::from_utf8(head).expect("heads are text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("as much body as was promised");
        let body = String::from_utf8(body).expect("bodies are text");
        Answer { status: status.expect("a status line"), headers, body }
    }

    /// Reads until the server closes or resets the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the server closes in time");
        String::from_utf8(rest).expect("answers are text")
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

pub(crate) fn post_json(path: &str, body: &str) -> String {
    post(path, "content-type: application/json\r\n", body)
}

pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}
