//! Pages of what an order has: its events, as they are in the log and in sentences.

use axum::http::{HeaderMap, Uri};
use events::{OrderId, Version};
use platform::problem::Problem;

use super::parse_key;
use crate::http::app::App;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::problems;
use crate::reads::orders::OrderKey;
use crate::reads::page::Page;

/// A request for a page of what an order has, in the order of the versions of its stream.
pub(super) struct PageOfOrder {
    /// The request.
    pub(super) request: PageRequest,
    key: OrderKey,
    /// Id of the order.
    pub(super) id: OrderId,
    /// The version after which the page begins.
    pub(super) after: Version,
}

impl PageOfOrder {
    /// Reads the request and finds the order.
    pub(super) async fn read(app: &App, key: &str, uri: Uri, headers: &HeaderMap) -> Result<PageOfOrder, Problem> {
        let (request, _) = PageRequest::read(app.clone(), uri, headers, &PARAMETERS)?;
        let key = parse_key(key)?;
        let after = request.after(|key| Some(Version(i32::from_be_bytes(key.try_into().ok()?))))?;
        let id = app.reads.orders.find_id(&key, request.consistency()).await?;
        let id = id.ok_or_else(|| problems::order_not_found(&key))?;
        Ok(PageOfOrder { request, key, id, after: after.unwrap_or(Version::NONE) })
    }

    /// The page. Every order has a row from its first event on, so an empty list means that the order does not exist.
    pub(super) fn found<T>(&self, page: Page<T>) -> Result<Page<T>, Problem> {
        match self.request.is_list_empty(&page) {
            true => Err(problems::order_not_found(&self.key)),
            false => Ok(page),
        }
    }
}
