//! The routes of single commands. Each command is declared once, in [`super::orders`], [`super::order_edits`], [`super::products`],
//! [`super::stock`], [`super::stock_holds`] or [`super::customers`]; its route, its documentation and its entry in the batch are made of
//! the declaration.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use platform::openapi::Routes;
use platform::problem::ProblemType;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::command_operation::CommandOperation;
use super::command_parser::{CommandParser, CommandTable, HttpCommand};
use super::command_paths::CommandPaths;
use super::execute::execute;
use super::state::HttpState;
use domain::command::Command;

/// The routes of commands to one kind of thing, with the table of the commands.
pub(super) struct CommandRoutes {
    pub(super) routes: Routes<HttpState>,
    pub(super) table: CommandTable,
    /// The problems of all commands.
    pub(super) problems: Vec<ProblemType>,
}

impl CommandRoutes {
    /// No commands yet; `tag` groups them in the OpenAPI document.
    pub(super) fn tagged(tag: &'static str, description: &'static str) -> Self {
        CommandRoutes { routes: Routes::about(tag, description), table: CommandTable::new(), problems: Vec::new() }
    }

    /// Adds a command that is sent with `POST`.
    pub(super) fn post<P: Input, B: Input>(
        self,
        path: &'static str,
        operation: CommandOperation,
        make: impl Fn(P, B) -> Command + Send + Sync + 'static,
    ) -> Self {
        self.add(Method::POST, path, operation, CommandParser::new(make))
    }

    /// Adds a command that replaces something, sent with `PUT`.
    pub(super) fn put<P: Input, B: Input>(
        self,
        path: &'static str,
        operation: CommandOperation,
        make: impl Fn(P, B) -> Command + Send + Sync + 'static,
    ) -> Self {
        self.add(Method::PUT, path, operation, CommandParser::new(make))
    }

    /// Adds a command whose body is a JSON merge patch (RFC 7396), sent with `PATCH`.
    pub(super) fn patch<P: Input, B: Input>(
        self,
        path: &'static str,
        operation: CommandOperation,
        make: impl Fn(P, B) -> Command + Send + Sync + 'static,
    ) -> Self {
        self.add(Method::PATCH, path, operation, CommandParser::new(make))
    }

    /// Adds a command without a body, sent with `DELETE`.
    pub(super) fn delete<P: Input>(
        self,
        path: &'static str,
        operation: CommandOperation,
        make: fn(P) -> Command,
    ) -> Self {
        self.add(Method::DELETE, path, operation, CommandParser::without_body(make))
    }

    fn add(mut self, method: Method, path: &'static str, operation: CommandOperation, parser: CommandParser) -> Self {
        let body_schema = parser.takes_body.then_some(parser.body_schema);
        let documentation = operation.documentation(parser.variables_schema, body_schema);
        let command = Arc::new(HttpCommand::new(path, operation, parser));
        self.problems.extend(command.operation.problems());
        self.table.insert(command.operation.name, Arc::clone(&command));
        let handler =
            async move |State(state): State<HttpState>, request: Request| execute(&command, &state, request).await;
        CommandRoutes { routes: self.routes.route(method, path, handler, documentation), ..self }
    }

    /// The paths of the commands.
    pub(super) fn paths(&self) -> CommandPaths {
        CommandPaths::of(self.table.iter().map(|(name, command)| (*name, command.path)))
    }

    /// The commands of both.
    pub(super) fn merge(mut self, other: CommandRoutes) -> Self {
        self.table.extend(other.table);
        self.problems.extend(other.problems);
        CommandRoutes { routes: self.routes.merge(other.routes), ..self }
    }
}

/// The body of a command, or its path variables: one type, or a tuple in the order of the path.
pub(super) trait Input: DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for T {}
