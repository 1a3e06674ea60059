//! The way to a running command-service: keeps connections, repeats with the same key until there is an answer.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use events::order::PartNo;
use platform::backoff::Backoff;
use platform::shutdown::Shutdown;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use serde::Deserialize;

use super::call::Call;
use super::reason::Refusal;

/// Longer than the service takes for any request, so that it is the service that gives up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a request is repeated while the service is away, busy or starting; a restart takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the first request is repeated: a wrong address should be told soon.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);

/// Longest wait that the service may ask for.
const MAX_RETRY_AFTER_SECONDS: u64 = 30;

/// How often a request is repeated that the service fails at (500): it may be the request's own fault.
const MAX_FAILURES: u32 = 3;

/// A client of one command-service.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    stop: Shutdown,
}

/// The service's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is so now.
    Done(Done),
    /// It will not be so, however often it is asked.
    Refused(Refusal),
}

/// What a request did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Done {
    /// Number of the payment that it made.
    pub payment: Option<PartNo>,
    /// Number of the fulfilment that it made or moved.
    pub fulfilment: Option<PartNo>,
    /// Number of the return that it made or moved.
    #[serde(rename = "return")]
    pub return_no: Option<PartNo>,
    /// Whether it was done by an earlier run.
    #[serde(skip)]
    pub replayed: bool,
}

/// Why an import cannot go on.
#[derive(Debug)]
pub enum Failed {
    /// Somebody asked to stop.
    Stopped,
    /// The service cannot be reached, or is something else.
    Lost(anyhow::Error),
}

/// What one attempt gave.
enum Attempt {
    Answered(Answer),
    /// Again after this long, if the service said so; why.
    Again(Option<Duration>, String),
    /// As [`Attempt::Again`], but it may be the request's own fault.
    Failing(Refusal),
    Foreign(anyhow::Error),
}

impl Client {
    /// A client that keeps as many connections; stops repeating when it is asked to stop.
    pub fn new(url: &str, connections: usize, stop: Shutdown) -> anyhow::Result<Client> {
        let base = Url::parse(url).with_context(|| format!("reading --url {url}"))?;
        if base.scheme() != "http" || base.host().is_none() {
            bail!("--url {url} must begin with http:// and name a host, such as http://127.0.0.1:18081");
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .timeout(REQUEST_TIMEOUT)
            .pool_max_idle_per_host(connections)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .context("making an HTTP client")?;
        Ok(Client { http, base, stop })
    }

    /// Whether there is a command-service; waits for it a little.
    pub async fn check(&self) -> Result<(), Failed> {
        // A product without a body is refused by whoever speaks our language, and leaves no trace.
        let nothing = Call {
            method: reqwest::Method::POST,
            path: "/v1/products".to_owned(),
            key: uuid::Uuid::nil(),
            body: Bytes::from_static(b"{}"),
        };
        self.repeat(&nothing, FIRST_PATIENCE).await.map(drop)
    }

    /// Sends a request until there is an answer.
    pub async fn send(&self, call: &Call) -> Result<Answer, Failed> {
        self.repeat(call, PATIENCE).await
    }

    async fn repeat(&self, call: &Call, patience: Duration) -> Result<Answer, Failed> {
        let began = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let attempt = self.stop.unless_requested(self.attempt(call)).await.ok_or(Failed::Stopped)?;
            let (asked, why) = match attempt {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Failing(refusal) if backoff.failures() >= MAX_FAILURES => return Ok(Answer::Refused(refusal)),
                Attempt::Failing(refusal) => (None, refusal.detail),
                Attempt::Again(asked, why) => (asked, why),
                Attempt::Foreign(error) => return Err(Failed::Lost(error)),
            };
            if began.elapsed() >= patience {
                return Err(Failed::Lost(self.silent(began.elapsed(), &why)));
            }
            let wait = backoff.next_delay().max(asked.unwrap_or_default());
            self.stop.unless_requested(tokio::time::sleep(wait)).await.ok_or(Failed::Stopped)?;
        }
    }

    async fn attempt(&self, call: &Call) -> Attempt {
        let mut url = self.base.clone();
        url.set_path(&call.path);
        let request = self.http.request(call.method.clone(), url).header("idempotency-key", call.key.to_string());
        let response = match request.body(call.body.clone()).send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Again(None, innermost(&error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match response.bytes().await {
            Ok(body) => self.judge(status, &headers, &body),
            Err(error) => Attempt::Again(None, innermost(&error)),
        }
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Attempt {
        if status.is_success() {
            return match serde_json::from_slice::<Done>(body) {
                Ok(done) => {
                    let replayed = headers.contains_key("idempotent-replayed");
                    Attempt::Answered(Answer::Done(Done { replayed, ..done }))
                }
                Err(_) => Attempt::Foreign(self.foreign(status)),
            };
        }
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let refusal = problem.map(Refusal::from);
        match (status, refusal) {
            (
                StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT,
                refusal,
            ) => Attempt::Again(retry_after(headers), refusal.map_or_else(|| status.to_string(), |r| r.detail)),
            (_, None) => Attempt::Foreign(self.foreign(status)),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(refusal)) => {
                Attempt::Foreign(anyhow!("{} does not let us in: {}", self.base, refusal.detail))
            }
            (_, Some(refusal)) if refusal.kind == "not-found" => Attempt::Foreign(self.foreign(status)),
            (status, Some(refusal)) if status.is_server_error() => Attempt::Failing(refusal),
            (_, Some(refusal)) => Attempt::Answered(Answer::Refused(refusal)),
        }
    }

    fn foreign(&self, status: StatusCode) -> anyhow::Error {
        anyhow!("{} answers {status}, but not as a command-service: name its address with --url", self.base)
    }

    fn silent(&self, waited: Duration, why: &str) -> anyhow::Error {
        let waited_s = waited.as_secs();
        anyhow!(
            "no answer from the command-service at {} for {waited_s} s ({why}): start it or name its address with --url, \
             then run this again; it resumes",
            self.base
        )
    }
}

/// RFC 9457, the members that we read.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
    title: String,
    detail: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let kind = problem.r#type.rsplit('/').next().unwrap_or_default().to_owned();
        Refusal { kind, detail: problem.detail.unwrap_or(problem.title) }
    }
}

/// Seconds only; a date (RFC 9110, 10.2.3) is nothing that our service sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER_SECONDS)))
}

/// The last cause is the one that says something: `Connection refused`.
fn innermost(error: &reqwest::Error) -> String {
    let outermost: &(dyn std::error::Error + 'static) = error;
    let last = std::iter::successors(Some(outermost), |&error| error.source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}
