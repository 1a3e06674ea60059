//! A query service for one test, and its responses.

use std::collections::HashMap;

use platform::config::Settings;
use platform::shutdown::Shutdown;
use query_service::config::Config;
use query_service::serve::Running;
use reqwest::header::HeaderMap;
use serde_json::Value;
use testbed::Bed;

/// Longest wait for something that must happen, on a busy machine.
pub(crate) use testbed::PATIENCE;

pub(crate) struct Service {
    client: reqwest::Client,
    pub(crate) running: Option<Running>,
    base: String,
    shutdown: Shutdown,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

/// A setting that differs from the default of the tests; an empty value removes the setting.
pub(crate) type Change<'a> = (&'a str, String);

/// The settings of a service that reads the primary, without Redis.
pub(crate) fn config(bed: &Bed, changes: &[Change<'_>]) -> Config {
    let mut settings: HashMap<String, String> = [
        ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("ADMIN_ADDR", "127.0.0.1:0".to_owned()),
        ("DATABASE_URL", bed.reader_url().expect("an address")),
        ("DATABASE_CONNECTIONS", "3".to_owned()),
        ("DATABASE_ACQUIRE_TIMEOUT", "20s".to_owned()),
        ("DATABASE_STATEMENT_TIMEOUT", "20s".to_owned()),
        ("CACHE_PREFIX", bed.cache_prefix()),
        ("CURSOR_KEY", "5a".repeat(32)),
        // Tests put documents into Redis that differ from the database.
        ("WARM_UP_ORDERS", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Config::read(Settings::from_map(settings)).expect("settings")
}

impl Service {
    /// A service that reads the primary, without Redis.
    pub(crate) async fn start(bed: &Bed) -> Service {
        Service::start_with(bed, &[]).await
    }

    pub(crate) async fn start_with(bed: &Bed, changes: &[Change<'_>]) -> Service {
        let config = config(bed, changes);
        let shutdown = Shutdown::new();
        let listen = || platform::server::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let running = Running::start(config, listen(), listen(), &shutdown).expect("a service");
        let base = format!("http://{}", running.http_addr);
        Service { client: reqwest::Client::new(), running: Some(running), base, shutdown }
    }

    /// The URL of the HTTP API.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// Sends a JSON document.
    pub(crate) async fn post(&self, path: &str, document: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.post(format!("{}{path}", self.base)).json(document);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.expect("a response")).await
    }

    /// A response body as bytes.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.response(path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.expect("a body").to_vec()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// The response before its body is read.
    pub(crate) async fn response(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("a response")
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        Answer::of(self.response(path, headers).await).await
    }

    /// The status of the response to a request without a body.
    pub(crate) async fn send(&self, method: &str, path: &str) -> u16 {
        let method = method.to_ascii_uppercase().parse().expect("a method");
        let response = self.client.request(method, format!("{}{path}", self.base)).send().await;
        response.expect("a response").status().as_u16()
    }

    /// A response body as text.
    pub(crate) async fn text(&self, path: &str) -> (String, HeaderMap) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.expect("a response");
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        (response.text().await.expect("text"), headers)
    }

    /// A response body as text, of a request with headers.
    pub(crate) async fn get_text_with(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let mut request = self.client.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("a response").text().await.expect("text")
    }

    /// Sends a request with a consistency token that waits up to `wait_s` seconds.
    pub(crate) async fn get_not_older(&self, path: &str, token: i64, wait_s: u64) -> Answer {
        let (token, prefer) = (token.to_string(), format!("wait={wait_s}"));
        self.get_with(path, &[("Consistency-Token", &token), ("Prefer", &prefer)]).await
    }

    /// Repeats a request until the response satisfies `becomes`.
    pub(crate) async fn get_until(&self, path: &str, becomes: impl Fn(&Answer) -> bool) -> Answer {
        let polling = async {
            loop {
                let answer = self.get(path).await;
                if becomes(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, polling).await.expect("the expected state is not reached")
    }

    /// Waits until the databases were observed, so that responses have `Projection-Lag-Ms`.
    pub(crate) async fn until_lag_is_known(&self) {
        let is_known = |it: &Answer| it.status == 200 && it.json["projections"][0]["lag_ms"].is_u64();
        self.get_until("/v1/freshness", is_known).await;
    }

    /// The headers of a response to a client that accepts this encoding.
    pub(crate) async fn get_head(&self, path: &str, encoding: &str) -> HeaderMap {
        let request = self.client.get(format!("{}{path}", self.base)).header("Accept-Encoding", encoding);
        request.send().await.expect("a response").headers().clone()
    }

    pub(crate) async fn dependency_up(&self, name: &str) {
        self.dependency_becomes(name, "up").await;
    }

    pub(crate) async fn dependency_down(&self, name: &str) {
        self.dependency_becomes(name, "down").await;
    }

    async fn dependency_becomes(&self, name: &str, state: &str) {
        let health = &self.running.as_ref().expect("it runs").health;
        let polling = async {
            loop {
                let report = serde_json::to_value(health.report()).expect("a report");
                let components = report["components"].as_array().cloned().unwrap_or_default();
                if components.iter().any(|it| it["name"] == name && it["state"] == state) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, polling).await.expect("the expected state is not reached");
    }

    /// The value of a counter, which all services in the test process share.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let admin = self.running.as_ref().expect("it runs").admin_addr;
        let response = self.client.get(format!("http://{admin}/metrics")).send().await;
        let text = response.expect("a response").text().await.expect("text");
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(' ').next_back()?.parse().ok()).unwrap_or(0.0)
    }

    /// Requests the shutdown and waits until every response is sent.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.request();
        let running = self.running.take().expect("it runs");
        let stopping = tokio::time::timeout(PATIENCE, running.finish(&self.shutdown));
        stopping.await.expect("it does not stop").expect("an orderly shutdown");
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let admin = self.running.as_ref().expect("it runs").admin_addr;
        let response = self.client.get(format!("http://{admin}/health/ready")).send().await;
        response.expect("a response").status() == 200
    }

    pub(crate) async fn ready(&self) {
        let polling = async {
            while !self.is_ready().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, polling).await.expect("it does not become ready");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

impl Answer {
    async fn of(response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        Answer { status, headers, json }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}"));
        value.to_str().expect("text")
    }

    /// The version with which the `ETag` of a document begins.
    pub(crate) fn tagged_version(&self) -> i64 {
        let tag = self.header("etag").strip_prefix('"').and_then(|tag| tag.split_once('-'));
        tag.and_then(|(version, _)| version.parse().ok()).expect("the ETag of a document")
    }

    /// The slug of a problem.
    pub(crate) fn problem(&self) -> &str {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        self.json["type"].as_str().and_then(|it| it.strip_prefix("/problems/")).expect("a type")
    }

    pub(crate) fn detail(&self) -> &str {
        self.json["detail"].as_str().expect("a detail")
    }

    /// A member of every item of a list.
    pub(crate) fn items(&self, member: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let items = self.json["items"].as_array().expect("items");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        items.iter().map(|item| text(&item[member])).collect()
    }
}
