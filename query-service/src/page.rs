//! Pages of lists: how many rows, after which one, and where the next page is. No counts: they cost more than the page.

use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use platform::problem::Problem;
use read_model::{Projection, Stamp};
use serde::Serialize;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::database::Freshness;
use crate::parameters::Parameters;
use crate::problems;
use crate::serve::App;

/// Rows of a page unless asked otherwise: a screenful.
const LIMIT_DEFAULT: u16 = 50;
/// Rows of the largest page: some 100 KB, in a few milliseconds.
const LIMIT_MAX: u16 = 200;

/// The parameters that every list takes.
pub const PARAMETERS: [&str; 2] = ["limit", "cursor"];

/// The page that was asked for.
#[derive(Debug)]
pub struct Page {
    limit: u16,
    /// What the list is made of: its address and filters. A cursor belongs to one scope.
    scope: String,
    /// Key of the last row before this page.
    after: Option<Vec<u8>>,
}

/// The rows of a page as they are sent.
#[derive(Serialize)]
struct Listed<'a, T> {
    items: &'a [T],
    /// The cursor of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// The address of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl Page {
    /// The page that these parameters ask for.
    pub fn read(app: &App, uri: &Uri, parameters: &Parameters) -> Result<Page, Problem> {
        let form = format!("a whole number from 1 to {LIMIT_MAX}");
        let limit = parameters.read_as("limit", &form, |text| {
            let is_number = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|limit| is_number && (1..=LIMIT_MAX).contains(limit))
        })?;
        let scope = format!("{}\n{}", uri.path(), parameters.canonical(&PARAMETERS));
        let after = match parameters.text("cursor") {
            Some(cursor) => Some(app.cursor_key.open(&scope, cursor).map_err(problems::invalid_cursor)?),
            None => None,
        };
        Ok(Page { limit: limit.unwrap_or(LIMIT_DEFAULT), scope, after })
    }

    /// Rows to select: one more than the page holds tells whether there is a next page.
    pub fn select_limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Whether it is the first page.
    pub fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// Key of the last row before this page; one that does not parse was made by another build.
    pub fn after<T>(&self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(key) = &self.after else { return Ok(None) };
        parse(key).map(Some).ok_or_else(|| problems::invalid_cursor(crate::cursor::Refused::Forged))
    }

    /// Sends the page. `rows` are as many as [`Page::select_limit`] brought; `key` is what the next page begins after.
    pub fn respond<T: Serialize>(
        &self,
        app: &App,
        asked: &Asked,
        uri: &Uri,
        projection: Projection,
        freshness: &Freshness,
        mut rows: Vec<T>,
        key: impl FnOnce(&T) -> Vec<u8>,
    ) -> Result<Response, Problem> {
        let has_next = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let next_cursor = rows.last().filter(|_| has_next).map(|last| app.cursor_key.seal(&self.scope, &key(last)));
        let next = next_cursor.as_ref().map(|cursor| next_address(uri, cursor));
        let listed = Listed { items: &rows, next_cursor: next_cursor.as_deref(), next: next.as_deref() };
        let json = serde_json::to_vec(&listed).map_err(|error| problems::internal(&error))?;
        let stamp = Stamp { incarnation: freshness.relay.incarnation, position: freshness.applied() };
        let answer = Answer::page(json.into(), stamp);
        let mut response = answer.respond(asked, app.current.lag_header(projection));
        if let Some(link) = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }
}

/// The same address with another cursor. What was sent is kept as it was sent, so nothing needs to be encoded again.
fn next_address(uri: &Uri, cursor: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|it| !it.is_empty() && !it.starts_with("cursor="));
    let query: Vec<&str> = kept.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{separator}cursor={cursor}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_address_keeps_filters_and_replaces_the_cursor() {
        let next = |address: &str| next_address(&address.parse().expect("an address"), "NEW");
        assert_eq!(next("/v1/orders"), "/v1/orders?cursor=NEW");
        assert_eq!(
            next("/v1/orders?placed_at%5Bgte%5D=2026-01-01T00:00:00Z&cursor=OLD&limit=2"),
            "/v1/orders?placed_at%5Bgte%5D=2026-01-01T00:00:00Z&limit=2&cursor=NEW"
        );
    }
}
