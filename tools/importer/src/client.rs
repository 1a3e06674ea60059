//! HTTP client of the command service: sends a request, with its idempotency key, until the service answers.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use events::order::PartNo;
use platform::backoff::Backoff;
use platform::shutdown::Shutdown;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use serde::Deserialize;

use crate::reason::Rejection;
use crate::requests::Request;

/// Longer than the service's own request timeout, so that the service answers before this timeout ends.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a request is retried while the service is down, overloaded or starting; a restart takes seconds.
const RETRY_FOR: Duration = Duration::from_secs(60);

/// How long the first request is retried: a wrong address should be reported soon.
const FIRST_REQUEST_RETRY_FOR: Duration = Duration::from_secs(3);

/// Largest value of `Retry-After` that is respected.
const MAX_RETRY_AFTER_SECONDS: u64 = 30;

/// How often a request is retried after an internal error of the service (500): the request itself may cause the error.
const MAX_SERVER_ERRORS: u32 = 3;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    stop: Shutdown,
}

/// The service's final answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted(Accepted),
    /// Sending the request again would not change the answer.
    Rejected(Rejection),
}

/// The result of an accepted command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Accepted {
    /// Number of the recorded payment.
    pub(crate) payment: Option<PartNo>,
    /// Number of the created or changed fulfilment.
    pub(crate) fulfilment: Option<PartNo>,
    /// Number of the created or changed return.
    #[serde(rename = "return")]
    pub(crate) return_no: Option<PartNo>,
    /// Whether the command had already been executed in an earlier run.
    #[serde(skip)]
    pub(crate) replayed: bool,
}

/// Why the import cannot continue.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Stopped by a signal.
    Stopped,
    /// The service cannot be reached, or the address belongs to another program.
    Unreachable(anyhow::Error),
}

/// The result of one attempt to send a request.
enum Attempt {
    Answered(Answer),
    /// The delay that the service asked for, if any, and the reason.
    Retry(Option<Duration>, String),
    /// To be retried, but only [`MAX_SERVER_ERRORS`] times.
    ServerError(Rejection),
    NotCommandService(anyhow::Error),
}

impl Client {
    /// A client with a pool of `connections`, which stops retrying when `stop` is requested.
    pub(crate) fn new(url: &str, connections: usize, stop: Shutdown) -> anyhow::Result<Client> {
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
            .context("creating the HTTP client")?;
        Ok(Client { http, base, stop })
    }

    /// Checks that a command service answers at the address; waits for it for a short time.
    pub(crate) async fn check(&self) -> Result<(), SendError> {
        // A command service rejects a product without a SKU, and records nothing.
        let empty_product = Request {
            method: reqwest::Method::POST,
            path: "/v1/products".to_owned(),
            key: uuid::Uuid::nil(),
            body: Bytes::from_static(b"{}"),
        };
        self.send_until_answered(&empty_product, FIRST_REQUEST_RETRY_FOR).await.map(drop)
    }

    /// Sends a request until the service answers.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        self.send_until_answered(request, RETRY_FOR).await
    }

    async fn send_until_answered(&self, request: &Request, retry_for: Duration) -> Result<Answer, SendError> {
        let began = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let attempt = self.stop.unless_requested(self.attempt(request)).await.ok_or(SendError::Stopped)?;
            let (retry_after, reason) = match attempt {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::ServerError(rejection) if backoff.failures() >= MAX_SERVER_ERRORS => {
                    return Ok(Answer::Rejected(rejection));
                }
                Attempt::ServerError(rejection) => (None, rejection.detail),
                Attempt::Retry(retry_after, reason) => (retry_after, reason),
                Attempt::NotCommandService(error) => return Err(SendError::Unreachable(error)),
            };
            if began.elapsed() >= retry_for {
                return Err(SendError::Unreachable(self.no_answer(began.elapsed(), &reason)));
            }
            let wait = backoff.next_delay().max(retry_after.unwrap_or_default());
            self.stop.unless_requested(tokio::time::sleep(wait)).await.ok_or(SendError::Stopped)?;
        }
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let mut url = self.base.clone();
        url.set_path(&request.path);
        let builder = self.http.request(request.method.clone(), url).header("idempotency-key", request.key.to_string());
        let response = match builder.body(request.body.clone()).send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Retry(None, root_cause(&error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match response.bytes().await {
            Ok(body) => self.classify(status, &headers, &body),
            Err(error) => Attempt::Retry(None, root_cause(&error)),
        }
    }

    /// Decides whether an HTTP response is final or the request has to be retried.
    fn classify(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Attempt {
        if status.is_success() {
            return match serde_json::from_slice::<Accepted>(body) {
                Ok(accepted) => {
                    let replayed = headers.contains_key("idempotent-replayed");
                    Attempt::Answered(Answer::Accepted(Accepted { replayed, ..accepted }))
                }
                Err(_) => Attempt::NotCommandService(self.not_command_service(status)),
            };
        }
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let rejection = problem.map(Rejection::from);
        match (status, rejection) {
            (
                StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT,
                rejection,
            ) => Attempt::Retry(retry_after(headers), rejection.map_or_else(|| status.to_string(), |r| r.detail)),
            (_, None) => Attempt::NotCommandService(self.not_command_service(status)),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(rejection)) => {
                Attempt::NotCommandService(anyhow!("{} denied access: {}", self.base, rejection.detail))
            }
            (_, Some(rejection)) if rejection.kind == "not-found" => {
                Attempt::NotCommandService(self.not_command_service(status))
            }
            (status, Some(rejection)) if status.is_server_error() => Attempt::ServerError(rejection),
            (_, Some(rejection)) => Attempt::Answered(Answer::Rejected(rejection)),
        }
    }

    fn not_command_service(&self, status: StatusCode) -> anyhow::Error {
        anyhow!(
            "the program at {} answered {status} and is not a command service: set the address of the command service with --url",
            self.base
        )
    }

    fn no_answer(&self, waited: Duration, reason: &str) -> anyhow::Error {
        let waited_s = waited.as_secs();
        anyhow!(
            "no answer from the command service at {} for {waited_s} s ({reason}): start the service or set its address with \
             --url, then run the same command again to resume the import",
            self.base
        )
    }
}

/// A problem document (RFC 9457), as far as it is used here.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
    title: String,
    detail: Option<String>,
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Rejection {
        let kind = problem.r#type.rsplit('/').next().unwrap_or_default().to_owned();
        Rejection { kind, detail: problem.detail.unwrap_or(problem.title) }
    }
}

/// Reads `Retry-After` in seconds; the service never sends the form with a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER_SECONDS)))
}

/// The root cause, which is the most specific one: `Connection refused`.
fn root_cause(error: &reqwest::Error) -> String {
    let outermost: &(dyn std::error::Error + 'static) = error;
    let root = std::iter::successors(Some(outermost), |&error| error.source()).last();
    root.map(ToString::to_string).unwrap_or_default()
}
