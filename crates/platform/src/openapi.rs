//! Routes that say what they are: [`Routes::route`] registers a handler together with its [`Operation`], and the OpenAPI 3.1
//! document is put together from these, so there is no route that it does not have. It costs requests nothing: the document
//! is made once, by [`Routes::finish`], which also serves it and a [`page`] to try it.
//!
//! What a route takes and answers is given as types ([`schemars`]); [`operation`] is what can be said of it, [`document`] puts
//! it together. Every path is registered with and without its version: `/v1/orders` and `/orders` are the same
//! ([`crate::server`] reads and writes the header `Api-Version`).

mod document;
mod operation;
mod page;
mod schemas;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

pub use document::Info;
pub use operation::{Header, Operation, Parameter, Place};
pub use schemas::SchemaOf;

/// Where the document is.
pub const DOCUMENT_PATH: &str = "/v1/openapi.json";
/// Where the page is.
pub const PAGE_PATH: &str = "/docs";
/// What every path begins with; without it the newest version is meant.
const VERSION: &str = "/v1";

/// Routes with their documentation, all about one thing.
pub struct Routes<S> {
    router: Router<S>,
    tags: Vec<Tag>,
    documented: Vec<Documented>,
}

/// What a group of routes is about.
struct Tag {
    name: &'static str,
    description: &'static str,
}

/// One method of one path.
struct Documented {
    method: Method,
    path: &'static str,
    tag: &'static str,
    operation: Operation,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet, about `tag`.
    pub fn about(tag: &'static str, description: &'static str) -> Self {
        Routes { router: Router::new(), tags: vec![Tag { name: tag, description }], documented: Vec::new() }
    }

    /// One more route; `path` begins with `/v1`. Panics where axum does: on a path that is taken or no path.
    pub fn route<H, T>(mut self, method: Method, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that routes have");
        self.router = self.router.route(path, on(filter, handler.clone()));
        if let Some(newest) = path.strip_prefix(VERSION) {
            self.router = self.router.route(newest, on(filter, handler));
        }
        let tag = self.tags.last().map_or("", |tag| tag.name);
        self.documented.push(Documented { method, path, tag, operation });
        self
    }

    /// A route for `GET` and `HEAD`.
    pub fn get<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.route(Method::GET, path, handler, operation)
    }

    /// Both together.
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

    /// The same routes in another shell, such as a layer; what they say of themselves stays.
    pub fn map(self, wrap: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Routes { router: wrap(self.router), ..self }
    }

    /// The router, with the document and the page.
    pub fn finish(self, info: &Info) -> Router<S> {
        let document = document::of(info, &self.tags, &self.documented);
        self.router.merge(page::routes(info.title, &document))
    }

    /// The document.
    pub fn document(&self, info: &Info) -> serde_json::Value {
        document::of(info, &self.tags, &self.documented)
    }
}
