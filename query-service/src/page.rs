//! Pages of lists: how many rows, after which one, and where the next page is. No counts: they cost more than the page.
//!
//! A row that this build cannot read, because a newer one has written it, is left out of its page, which says so: without this
//! one row no page that contains it could be had.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use platform::metric_names::QUERY_ROWS_UNREADABLE_TOTAL;
use platform::problem::Problem;
use read_model::Projection;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::postgres::PgRow;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::consistency;
use crate::cursor::Refused;
use crate::database::{Class, Found, Freshness, Scope, Statement};
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
pub struct Page {
    app: App,
    uri: Uri,
    asked: Asked,
    limit: u16,
    /// What the list is made of: its address and filters. A cursor belongs to one scope.
    scope: String,
    /// Key of the last row before this page.
    after: Option<Vec<u8>>,
}

/// The rows of a page.
pub struct Rows<T> {
    projection: Projection,
    freshness: Freshness,
    items: Vec<T>,
    left_out: usize,
    /// Key of the last row, where there are more behind it.
    next_after: Option<Vec<u8>>,
}

/// A page as it is sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Page_of_{T}")]
pub(crate) struct Listed<'a, T> {
    /// Its rows, in the list's order.
    items: &'a [T],
    /// Rows of this page that are not among `items`, because a newer release has written them and this one cannot read them;
    /// missing where there are none. Repeat the query later.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
    /// The cursor of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// The address of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl Page {
    /// The page that a request asks for, and all its parameters; `allowed` are this list's own and [`PARAMETERS`].
    pub fn read(app: App, uri: Uri, headers: &HeaderMap, allowed: &[&str]) -> Result<(Page, Parameters), Problem> {
        let asked = Asked::read(headers, app.wait_max)?;
        let parameters = Parameters::read(&uri, allowed)?;
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
        Ok((Page { app, uri, asked, limit: limit.unwrap_or(LIMIT_DEFAULT), scope, after }, parameters))
    }

    /// Rows to select: one more than the page holds tells whether there is a next page.
    pub fn select_limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Key of the last row before this page; one that does not parse was made by another build.
    pub fn after<T>(&self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(key) = &self.after else { return Ok(None) };
        parse(key).map(Some).ok_or_else(|| problems::invalid_cursor(Refused::Forged))
    }

    /// Reads the rows, as new as they were asked for.
    pub async fn rows<T>(
        &self,
        projection: Projection,
        scope: &Scope,
        select: impl Fn(&mut Statement),
        read: impl Fn(&PgRow) -> sqlx::Result<T>,
        key: impl Fn(&PgRow) -> sqlx::Result<Vec<u8>>,
    ) -> Result<Rows<T>, Problem> {
        let wanted = self.asked.wanted.as_ref();
        let Found { freshness, mut rows } =
            consistency::read(&self.app.database, Class::List, wanted, projection, scope, select).await?;
        let has_next = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let (items, unreadable): (Vec<_>, Vec<_>) = rows.iter().map(read).partition(Result::is_ok);
        report(projection, &unreadable);
        let next_after = rows.last().filter(|_| has_next).map(key).transpose();
        let next_after = next_after.map_err(|error| problems::internal(&error))?;
        let (items, left_out) = (items.into_iter().flatten().collect(), unreadable.len());
        Ok(Rows { projection, freshness, items, left_out, next_after })
    }

    /// Whether there is a page after this one, so that nothing is missing on it.
    pub fn is_full<T>(&self, rows: &Rows<T>) -> bool {
        rows.next_after.is_some()
    }

    /// Whether there are no rows at all, on this page or before it.
    pub fn is_empty<T>(&self, rows: &Rows<T>) -> bool {
        self.after.is_none() && rows.items.is_empty() && rows.left_out == 0
    }

    /// Sends the page.
    pub fn respond<T: Serialize>(&self, rows: &Rows<T>) -> Result<Response, Problem> {
        let next_cursor = rows.next_after.as_ref().map(|last| self.app.cursor_key.seal(&self.scope, last));
        let next = next_cursor.as_ref().map(|cursor| next_address(&self.uri, cursor));
        let listed = Listed {
            items: &rows.items,
            left_out: Some(rows.left_out).filter(|rows| *rows > 0),
            next_cursor: next_cursor.as_deref(),
            next: next.as_deref(),
        };
        let json = serde_json::to_vec(&listed).map_err(|error| problems::internal(&error))?;
        let lag_ms = self.app.current.lag_header(rows.projection);
        let mut response = Answer::page(json.into(), rows.freshness.contained()).respond(&self.asked, lag_ms);
        if let Some(link) = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }
}

/// Rows that could not be read are no fault of the query; somebody should know.
fn report<T>(projection: Projection, unreadable: &[sqlx::Result<T>]) {
    let Some(Err(error)) = unreadable.first() else { return };
    metrics::counter!(QUERY_ROWS_UNREADABLE_TOTAL, "projection" => projection.name())
        .increment(unreadable.len() as u64);
    tracing::error!(
        projection = projection.name(),
        rows = unreadable.len(),
        %error,
        "rows that this build cannot read are left out of a page; deploy the release that wrote them"
    );
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
