//! Page requests and page responses of lists: `limit`, `cursor`, and the URI of the next page. [`crate::reads::page`] reads the
//! rows.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use platform::problem::Problem;
use read_model::Projection;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::app::App;
use crate::http::content_coding::prefers_gzip;
use crate::http::cursor::{CursorError, CursorKey};
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problems;
use crate::http::respond::respond;
use crate::reads::cache::pages::CachedPage;
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::error::Error;
use crate::reads::page::Page;
use crate::reads::representation::Representation;

/// Rows of a page by default: a screenful.
const LIMIT_DEFAULT: u16 = 50;
/// Rows of the largest page: about 100 KB, read in a few milliseconds.
const LIMIT_MAX: u16 = 200;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// A large page is sent compressed to clients that accept it. A response of another size, or 304, says so as well, because a cache
/// compares requests with the newest response.
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// The parameters of every list.
pub(super) const PARAMETERS: [&str; 2] = ["limit", "cursor"];

/// A request for a page.
pub(super) struct PageRequest {
    app: App,
    uri: Uri,
    preconditions: Preconditions,
    /// Whether the client prefers a compressed response.
    prefers_gzip: bool,
    /// Maximum number of rows on the page.
    pub(super) limit: u16,
    rendering: Rendering,
    /// The sort key of the last row before the page.
    after: Option<Vec<u8>>,
}

/// What a page is rendered with.
#[derive(Clone)]
struct Rendering {
    /// The URI of the request.
    uri: Uri,
    /// The path and filters of the list. A cursor is valid for one scope.
    scope: String,
    cursor_key: CursorKey,
}

/// The body of a page.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Page_of_{T}")]
pub(super) struct PageBody<'a, T> {
    /// The rows of the page, in the order of the list.
    items: &'a [T],
    /// Number of rows that are left out of this page because a newer release wrote them and this release cannot read them; missing
    /// if no row is left out. Repeat the query later.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
    /// The cursor of the next page; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// The URI of the next page; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl PageRequest {
    /// Parses a request for a page; `allowed` are the names of all parameters of the list, including [`PARAMETERS`].
    pub(super) fn read(
        app: App,
        uri: Uri,
        headers: &HeaderMap,
        allowed: &[&str],
    ) -> Result<(PageRequest, Parameters), Problem> {
        let preconditions = Preconditions::read(headers, app.wait_max)?;
        let parameters = Parameters::read(&uri, allowed)?;
        let form = format!("a whole number from 1 to {LIMIT_MAX}");
        let limit = parameters.parsed("limit", &form, |text| {
            let is_number = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|limit| is_number && (1..=LIMIT_MAX).contains(limit))
        })?;
        let scope = format!("{}\n{}", uri.path(), parameters.canonical(&PARAMETERS));
        let after = match parameters.text("cursor") {
            Some(cursor) => Some(app.cursor_key.open(&scope, cursor).map_err(problems::invalid_cursor)?),
            None => None,
        };
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        let prefers_gzip = prefers_gzip(headers);
        let rendering = Rendering { uri: uri.clone(), scope, cursor_key: app.cursor_key.clone() };
        Ok((PageRequest { app, uri, preconditions, prefers_gzip, limit, rendering, after }, parameters))
    }

    /// The databases.
    pub(super) fn database(&self) -> &Database {
        &self.app.reads.database
    }

    /// The consistency that the reader requires.
    pub(super) fn consistency(&self) -> Option<&Required> {
        self.preconditions.consistency.as_ref()
    }

    /// The sort key of the last row before the page. A key that cannot be parsed was issued by another release.
    pub(super) fn after<T>(&self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(key) = &self.after else { return Ok(None) };
        parse(key).map(Some).ok_or_else(|| problems::invalid_cursor(CursorError::Forged))
    }

    /// Whether the list has no rows at all, on this page or before it.
    pub(super) fn is_list_empty<T>(&self, page: &Page<T>) -> bool {
        self.after.is_none() && page.items.is_empty() && page.left_out == 0
    }

    /// Sends a page of a projection that contains personal data, or that few readers share.
    pub(super) fn respond<T: Serialize>(&self, projection: Projection, page: &Page<T>) -> Result<Response, Problem> {
        self.respond_with_lag(self.app.reads.latest.lag_header(projection), page)
    }

    /// Sends a page of the log, which only the lag of the database delays.
    pub(super) fn respond_from_log<T: Serialize>(&self, page: &Page<T>) -> Result<Response, Problem> {
        self.respond_with_lag(self.app.reads.latest.log_lag_header(), page)
    }

    /// Sends a page of a projection from the cache of pages, or reads it. Pages must not contain personal data.
    pub(super) async fn respond_cached<T, F>(
        &self,
        projection: Projection,
        read: impl FnOnce(Database, Option<Required>) -> F + Send + 'static,
    ) -> Result<Response, Problem>
    where
        T: Serialize,
        F: Future<Output = Result<Page<T>, Error>> + Send,
    {
        let lag_ms = self.app.reads.latest.lag_header(projection);
        let key = self.uri.path_and_query().map_or(self.uri.path(), |it| it.as_str());
        let pages = &self.app.reads.pages;
        let required = self.consistency().copied();
        if let Some(cached) = pages.get(key, projection, required.as_ref().map(|required| required.position)) {
            return Ok(self.send_cached(key, &cached, lag_ms));
        }
        let database = self.database().clone();
        if required.is_some() {
            // Concurrent readers may require different positions.
            return self.respond_with_lag(lag_ms, &read(database, required).await?);
        }
        let rendering = self.rendering.clone();
        let read = move || async move { Ok(rendering.render(&read(database, None).await?)?) };
        let page = pages.read_shared(key, projection, read).await?;
        Ok(self.send_cached(key, &page, lag_ms))
    }

    /// Allows shared caches to store the response, which must be a page of the product catalogue.
    pub(super) fn allow_shared_caching(&self, response: Response) -> Response {
        self.app.catalogue_caching.apply(self.consistency(), response)
    }

    fn respond_with_lag<T: Serialize>(&self, lag_ms: Option<HeaderValue>, page: &Page<T>) -> Result<Response, Problem> {
        let (representation, link) = self.rendering.render(page).map_err(|error| problems::internal(&error))?;
        Ok(self.send(&representation, link, lag_ms))
    }

    /// Sends a page of the cache, in the form that the client prefers. Both forms have the same `ETag`, which is weak.
    fn send_cached(&self, key: &str, page: &Arc<CachedPage>, lag_ms: Option<HeaderValue>) -> Response {
        let mut response = self.send(&page.representation, page.link.clone(), lag_ms);
        if self.prefers_gzip
            && response.status() == StatusCode::OK
            && let Some(gzip) = self.app.reads.pages.gzip(key, page)
        {
            *response.body_mut() = Body::from(gzip);
            response.headers_mut().insert(header::CONTENT_ENCODING, GZIP);
        }
        response
    }

    /// Sends a page of what changes at any time and belongs to no projection: without `ETag` and position.
    pub(super) fn respond_live<T: Serialize>(&self, items: &[T], last: Option<&[u8]>) -> Result<Response, Problem> {
        let (json, link) = self.rendering.json(items, 0, last).map_err(|error| problems::internal(&error))?;
        let mut response = Response::new(Body::from(json));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if let Some(link) = link {
            headers.insert(header::LINK, link);
        }
        Ok(response)
    }

    fn send(
        &self,
        representation: &Representation,
        link: Option<HeaderValue>,
        lag_ms: Option<HeaderValue>,
    ) -> Response {
        let mut response = respond(representation, &self.preconditions, lag_ms);
        response.headers_mut().insert(header::VARY, ACCEPT_ENCODING);
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

impl Rendering {
    /// The page as JSON, and the `Link` header with the next page.
    fn render<T: Serialize>(&self, page: &Page<T>) -> serde_json::Result<(Representation, Option<HeaderValue>)> {
        let (json, link) = self.json(&page.items, page.left_out, page.next_after.as_deref())?;
        Ok((Representation::page(json.into(), page.contained), link))
    }

    /// The body of a page, and the `Link` header with the next page; `last` is the key of the last row, if there is a next page.
    fn json<T: Serialize>(
        &self,
        items: &[T],
        left_out: usize,
        last: Option<&[u8]>,
    ) -> serde_json::Result<(Vec<u8>, Option<HeaderValue>)> {
        let next_cursor = last.map(|last| self.cursor_key.seal(&self.scope, last));
        let next = next_cursor.as_ref().map(|cursor| next_uri(&self.uri, cursor));
        let body = PageBody {
            items,
            left_out: Some(left_out).filter(|rows| *rows > 0),
            next_cursor: next_cursor.as_deref(),
            next: next.as_deref(),
        };
        let json = serde_json::to_vec(&body)?;
        let link = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
        Ok((json, link))
    }
}

/// All results of a search, which has no further page.
pub(super) fn render_whole<T: Serialize>(page: &Page<T>) -> serde_json::Result<Representation> {
    let left_out = Some(page.left_out).filter(|rows| *rows > 0);
    let json = serde_json::to_vec(&PageBody { items: &page.items, left_out, next_cursor: None, next: None })?;
    Ok(Representation::page(json.into(), page.contained))
}

/// The URI of the request with another cursor. The rest of the query is kept unchanged, so nothing is encoded again.
pub(super) fn next_uri(uri: &Uri, cursor: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|it| !it.is_empty() && !it.starts_with("cursor="));
    let query: Vec<&str> = kept.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{separator}cursor={cursor}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_uri_keeps_filters_and_replaces_the_cursor() {
        let next = |address: &str| next_uri(&address.parse().expect("an address"), "NEW");
        assert_eq!(next("/v1/orders"), "/v1/orders?cursor=NEW");
        assert_eq!(
            next("/v1/orders?placed_at%5Bgte%5D=2026-01-01T00:00:00Z&cursor=OLD&limit=2"),
            "/v1/orders?placed_at%5Bgte%5D=2026-01-01T00:00:00Z&limit=2&cursor=NEW"
        );
    }
}
