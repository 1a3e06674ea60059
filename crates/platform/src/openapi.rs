//! Routes with their documentation: [`Routes::route`] registers a handler together with its [`Operation`], and the OpenAPI 3.1 document is
//! built from the operations, so it contains every route. [`Routes::finish`] builds the document once and serves it together with a
//! [`page`] to try it.
//!
//! Types describe requests and responses ([`schemars`]); [`operation`] is the documentation of a route, [`document`] builds the document.
//! Every path is registered with and without its version: `/v1/orders` and `/orders` are the same route ([`crate::server`] handles the header
//! `Api-Version`).

mod document;
mod operation;
mod page;
mod schemas;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

pub use document::Info;
use document::{Documented, Tag};
pub use operation::{Header, Operation, Parameter, Place};
pub use page::{DOCUMENT_PATH, PAGE_PATH};
pub use schemas::SchemaOf;

/// Prefix of every path. Without it, a path refers to the newest version.
const VERSION: &str = "/v1";

/// Routes with their documentation, grouped by tags.
pub struct Routes<S> {
    router: Router<S>,
    tags: Vec<Tag>,
    documented: Vec<Documented>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Starts a group of routes with this tag.
    pub fn about(tag: &'static str, description: &'static str) -> Self {
        Routes { router: Router::new(), tags: vec![Tag { name: tag, description }], documented: Vec::new() }
    }

    /// Adds a route; `path` starts with `/v1`. Panics if the path is invalid or registered already.
    pub fn route<H, T>(mut self, method: Method, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method of a route");
        self.router = self.router.route(path, on(filter, handler.clone()));
        if let Some(newest) = path.strip_prefix(VERSION) {
            self.router = self.router.route(newest, on(filter, handler));
        }
        let tag = self.tags.last().map_or("", |tag| tag.name);
        self.documented.push(Documented { method, path, tag, operation });
        self
    }

    /// Adds a route for `GET` and `HEAD`.
    pub fn get<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::GET, path, handler, operation)
    }

    /// The routes of both.
    pub fn merge(mut self, other: Routes<S>) -> Self {
        self.router = self.router.merge(other.router);
        for tag in other.tags {
            if !self.tags.iter().any(|known| known.name == tag.name) {
                self.tags.push(tag);
            }
        }
        self.documented.extend(other.documented);
        self
    }

    /// Wraps the router, for example with a layer. The documentation is unchanged.
    pub fn map(self, wrap: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Routes { router: wrap(self.router), ..self }
    }

    /// The router, with the document and the page.
    pub fn finish(self, info: &Info) -> Router<S> {
        let document = document::of(info, &self.tags, &self.documented);
        self.router.merge(page::routes(info.title, &document))
    }

    /// The OpenAPI document.
    pub fn document(&self, info: &Info) -> serde_json::Value {
        document::of(info, &self.tags, &self.documented)
    }
}
