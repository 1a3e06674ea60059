//! Routes of commands: what [`Operation`] says of each, and how the path's variables and the body become the command.

use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, Method};
use platform::json::Json;
use platform::openapi::{self, Routes};
use platform::params::Path;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::sync::Arc;

use super::MailboxSlot;
use super::execute::execute;
use super::operation::Operation;
use crate::command::Command;

/// Commands to one kind of thing.
pub(super) struct Commands {
    routes: Routes<MailboxSlot>,
}

impl Commands {
    /// No commands yet, to what `tag` names.
    pub(super) fn to(tag: &'static str, description: &'static str) -> Self {
        Commands { routes: Routes::about(tag, description) }
    }

    /// `POST`: does something.
    pub(super) fn post<P: Variables, B: Body>(
        self,
        path: &'static str,
        operation: Operation<B>,
        make: fn(P, B) -> Command,
    ) -> Self {
        self.with_body(Method::POST, path, operation, make)
    }

    /// `PUT`: sets something.
    pub(super) fn put<P: Variables, B: Body>(
        self,
        path: &'static str,
        operation: Operation<B>,
        make: fn(P, B) -> Command,
    ) -> Self {
        self.with_body(Method::PUT, path, operation, make)
    }

    fn with_body<P: Variables, B: Body>(
        self,
        method: Method,
        path: &'static str,
        operation: Operation<B>,
        make: fn(P, B) -> Command,
    ) -> Self {
        let documented = operation.documented_with_body::<P>();
        let operation = Arc::new(operation);
        let handler = async move |slot: State<MailboxSlot>, headers: HeaderMap, path: Path<P>, Json(body): Json<B>| {
            let is_key_needed = operation.is_key_needed(&body);
            execute(&slot, &headers, is_key_needed, operation.effect, make(path.0, body)).await
        };
        self.route(method, path, handler, documented)
    }

    /// Any other route about the same thing.
    pub(super) fn route<H, T>(
        self,
        method: Method,
        path: &'static str,
        handler: H,
        documented: openapi::Operation,
    ) -> Self
    where
        H: Handler<T, MailboxSlot>,
        T: 'static,
    {
        Commands { routes: self.routes.route(method, path, handler, documented) }
    }

    /// Both together.
    pub(super) fn merge(self, other: Commands) -> Self {
        Commands { routes: self.routes.merge(other.routes) }
    }

    /// Everything as routes.
    pub(super) fn into_routes(self) -> Routes<MailboxSlot> {
        self.routes
    }
}

/// The variables of a path: one type, or a tuple in the path's order.
pub(super) trait Variables: DeserializeOwned + JsonSchema + Send + 'static {}
impl<P: DeserializeOwned + JsonSchema + Send + 'static> Variables for P {}

/// The body of a command.
pub(super) trait Body: DeserializeOwned + JsonSchema + Send + 'static {}
impl<B: DeserializeOwned + JsonSchema + Send + 'static> Body for B {}
