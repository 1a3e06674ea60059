//! A Varnish of one test in front of a query service, and what it asks the service for. Varnish is the caching proxy of Debian that
//! applies RFC 9111 and RFC 5861; it runs as the user of the test, on a free port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use tokio::net::TcpListener;

use crate::service::PATIENCE;

/// The example for operators. Without it, Varnish uses the rules that are compiled in.
const EXAMPLE: &str = include_str!("../../../deploy/varnish/query-service.vcl");

/// Which rules Varnish applies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rules {
    /// The rules that are compiled in: only the headers of responses decide what is stored.
    BuiltIn,
    /// The example for operators.
    Example,
}

/// How Varnish treats compressed responses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gzip {
    /// It stores compressed responses, and decompresses them for clients that do not accept gzip.
    Converted,
    /// It stores one response for each value of `Accept-Encoding`, as most proxies do.
    AsSent,
}

/// A request of Varnish to the service.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded {
    pub(crate) path: String,
    pub(crate) if_none_match: Option<String>,
    /// The status of the response.
    pub(crate) status: u16,
}

/// A running Varnish.
pub(crate) struct Varnish {
    process: Child,
    folder: PathBuf,
    base: String,
    client: reqwest::Client,
    forwarded: Arc<Mutex<Vec<Forwarded>>>,
}

#[derive(Clone)]
struct Recorder {
    client: reqwest::Client,
    service: String,
    forwarded: Arc<Mutex<Vec<Forwarded>>>,
}

/// Sends a request of Varnish to the service, and records it.
async fn forward(State(recorder): State<Recorder>, request: Request) -> Response {
    let path = request.uri().path_and_query().expect("a path").to_string();
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let if_none_match = headers.get(header::IF_NONE_MATCH).map(|value| value.to_str().expect("text").to_owned());
    let sent = recorder.client.request(parts.method, format!("{}{path}", recorder.service)).headers(headers);
    let sent = sent.body(to_bytes(body, usize::MAX).await.expect("a body")).send().await.expect("a response");
    let status = sent.status();
    let mut response = Response::builder().status(status);
    for (name, value) in sent.headers() {
        let is_of_connection = name == header::TRANSFER_ENCODING || name == header::CONTENT_LENGTH;
        if !is_of_connection {
            response = response.header(name, value);
        }
    }
    let forwarded = Forwarded { path, if_none_match, status: status.as_u16() };
    recorder.forwarded.lock().unwrap_or_else(PoisonError::into_inner).push(forwarded);
    response.body(Body::from(sent.bytes().await.expect("a body"))).expect("a response")
}

impl Varnish {
    /// Starts a Varnish in front of the service at this URL.
    pub(crate) async fn start(service: &str, rules: Rules, gzip: Gzip) -> Varnish {
        let client = reqwest::Client::new();
        let forwarded = Arc::default();
        let recorder =
            Recorder { client: client.clone(), service: service.to_owned(), forwarded: Arc::clone(&forwarded) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port().to_string();
        let router = Router::new().fallback(forward).with_state(recorder);
        tokio::spawn(async move { axum::serve(listener, router).await });

        let folder = std::env::temp_dir().join(format!("varnish-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).expect("a folder");
        let vcl = match rules {
            Rules::BuiltIn => {
                format!("vcl 4.1; backend default {{ .host = \"127.0.0.1\"; .port = \"{port}\"; }}")
            }
            Rules::Example => EXAMPLE.replace("\"18082\"", &format!("\"{port}\"")),
        };
        fs::write(folder.join("rules.vcl"), vcl).expect("a file");
        let mut command = Command::new("/usr/sbin/varnishd");
        command.arg("-F").args(["-j", "none", "-a", "http=127.0.0.1:0", "-s", "malloc,16m"]);
        command.arg("-n").arg(folder.join("work")).arg("-f").arg(folder.join("rules.vcl"));
        if matches!(gzip, Gzip::AsSent) {
            command.args(["-p", "http_gzip_support=off"]);
        }
        let log = fs::File::create(folder.join("log")).expect("a file");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the file")).stderr(log);
        let process = command.spawn().expect("varnishd cannot be started; deploy/test installs it");
        let mut varnish = Varnish { process, folder, base: String::new(), client, forwarded };
        let work = varnish.folder.join("work");
        let started = tokio::task::spawn_blocking(move || address(&work)).await.expect("a result");
        let Some(address) = started else {
            panic!("varnishd does not start: {}", fs::read_to_string(varnish.folder.join("log")).expect("its log"))
        };
        varnish.base = format!("http://{address}");
        varnish
    }

    /// Sends a request through Varnish.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Proxied {
        let mut request = self.client.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Proxied { status, headers, body: response.bytes().await.expect("a body").to_vec() }
    }

    /// The requests to the service since the last call.
    pub(crate) fn forwarded(&self) -> Vec<Forwarded> {
        std::mem::take(&mut self.forwarded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Varnish {
    fn drop(&mut self) {
        // The process that stores responses ends when it loses this one.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The address on which a Varnish with this folder listens, as soon as it does.
fn address(work: &Path) -> Option<String> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut command = Command::new("varnishadm");
        let output =
            command.arg("-n").arg(work).args(["-t", "1", "debug.listen_address"]).output().expect("varnishadm");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut words = text.split_ascii_whitespace();
        if let (Some("http"), Some(host), Some(port)) = (words.next(), words.next(), words.next()) {
            return Some(format!("{host}:{port}"));
        }
    }
    None
}

/// A response of Varnish.
#[derive(Debug, Clone)]
pub(crate) struct Proxied {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Proxied {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}"));
        value.to_str().expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether the body is gzip data (RFC 1952).
    pub(crate) fn is_gzip(&self) -> bool {
        self.body.starts_with(&[0x1f, 0x8b])
    }

    /// Seconds since the service produced or confirmed the response (RFC 9111, 5.1).
    pub(crate) fn age_s(&self) -> u64 {
        self.header("age").parse().expect("seconds")
    }
}
