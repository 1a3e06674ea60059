//! Routes of commands: what [`Operation`] says of each, and how the path's variables and the body become the command. The same
//! declaration puts the command into the table of the [`batch`].

use axum::extract::{RawQuery, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method};
use platform::body::Whole;
use platform::json::Json;
use platform::openapi::{self, Routes};
use platform::params::Path;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

use super::batch::{self, Table};
use super::execute::execute;
use super::item::Entry;
use super::operation::{Operation, Refusal};
use super::{MailboxSlot, fate};
use domain::command::Command;

/// Commands to one kind of thing.
pub(super) struct Commands {
    routes: Routes<MailboxSlot>,
    table: Table,
    refusals: Vec<Refusal>,
}

impl Commands {
    /// No commands yet, to what `tag` names.
    pub(super) fn to(tag: &'static str, description: &'static str) -> Self {
        Commands { routes: Routes::about(tag, description), table: Table::new(), refusals: Vec::new() }
    }

    /// `POST`: does something.
    pub(super) fn post<P: Variables, B: Body>(
        self,
        path: &'static str,
        operation: Operation<B>,
        make: impl Make<P, B>,
    ) -> Self {
        self.with_body(Method::POST, path, operation, make)
    }

    /// `PUT`: sets something.
    pub(super) fn put<P: Variables, B: Body>(
        self,
        path: &'static str,
        operation: Operation<B>,
        make: impl Make<P, B>,
    ) -> Self {
        self.with_body(Method::PUT, path, operation, make)
    }

    /// `PATCH`: changes what the body names (JSON merge patch, RFC 7396).
    pub(super) fn patch<P: Variables, B: Body>(
        self,
        path: &'static str,
        operation: Operation<B>,
        make: impl Make<P, B>,
    ) -> Self {
        self.with_body(Method::PATCH, path, operation, make)
    }

    /// `DELETE`: ends something; there is no body.
    pub(super) fn delete<P: Variables>(
        mut self,
        path: &'static str,
        operation: Operation<NoBody>,
        make: fn(P) -> Command,
    ) -> Self {
        let documented = operation.documented::<P>();
        self.refusals.extend(operation.refusals());
        let (name, operation) = (operation.name, Arc::new(operation));
        self.table.insert(name, Entry::of(path, Arc::clone(&operation), move |variables, NoBody {}| make(variables)));
        let handler = async move |slot: State<MailboxSlot>,
                                  RawQuery(query): RawQuery,
                                  headers: HeaderMap,
                                  Path(variables): Path<P>| {
            execute(&slot, query.as_deref(), &headers, operation.terms(&NoBody {}), make(variables)).await
        };
        self.route(Method::DELETE, path, handler, documented)
    }

    fn with_body<P: Variables, B: Body>(
        mut self,
        method: Method,
        path: &'static str,
        operation: Operation<B>,
        make: impl Make<P, B>,
    ) -> Self {
        let documented = operation.documented_with_body::<P>();
        self.refusals.extend(operation.refusals());
        let (name, operation) = (operation.name, Arc::new(operation));
        self.table.insert(name, Entry::of(path, Arc::clone(&operation), make.clone()));
        let handler = async move |slot: State<MailboxSlot>,
                                  RawQuery(query): RawQuery,
                                  headers: HeaderMap,
                                  Path(variables): Path<P>,
                                  Json(body): Json<B>| {
            let terms = operation.terms(&body);
            execute(&slot, query.as_deref(), &headers, terms, make(variables, body)).await
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
        Commands { routes: self.routes.route(method, path, handler, documented), ..self }
    }

    /// Both together.
    pub(super) fn merge(mut self, other: Commands) -> Self {
        self.table.extend(other.table);
        self.refusals.extend(other.refusals);
        Commands { routes: self.routes.merge(other.routes), ..self }
    }

    /// Everything as routes, with the one that takes many commands at once.
    pub(super) fn into_routes(self) -> Routes<MailboxSlot> {
        let documented = batch::documented(&self.table, &self.refusals);
        let table = Arc::new(self.table);
        let handler =
            async move |slot: State<MailboxSlot>, RawQuery(query): RawQuery, headers: HeaderMap, Whole(body): Whole| {
                batch::execute(&table, &slot, query.as_deref(), &headers, &body).await
            };
        let about = Routes::about("commands", "Many commands at once, and what became of one.");
        self.routes.merge(about.route(Method::POST, super::BATCH_PATH, handler, documented).merge(fate::routes()))
    }
}

/// The variables of a path: one type, or a tuple in the path's order.
pub(super) trait Variables: DeserializeOwned + JsonSchema + Send + 'static {}
impl<P: DeserializeOwned + JsonSchema + Send + 'static> Variables for P {}

/// How path and body become the command.
pub(super) trait Make<P, B>: Fn(P, B) -> Command + Clone + Send + Sync + 'static {}
impl<P, B, F: Fn(P, B) -> Command + Clone + Send + Sync + 'static> Make<P, B> for F {}

/// What stands for the body of a command that has none: in a batch it is left out, or `{}`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoBody {}

/// The body of a command.
pub(super) trait Body: DeserializeOwned + JsonSchema + Send + 'static {}
impl<B: DeserializeOwned + JsonSchema + Send + 'static> Body for B {}
