//! Parsing of commands, for the route of a single command and for the batch. [`CommandParser::new`] is the only code that is compiled
//! once per command: everything around it takes the parser as a value.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::request::Parts;
use platform::deprecation::Deprecation;
use platform::openapi::SchemaOf;
use platform::problem::Problem;
use platform::{json, params};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::command_operation::CommandOperation;
use super::request_headers::RequiredPreconditions;
use super::responses::Effect;
use domain::command::Command;

/// The body of a command that has none. In a batch, the member `body` is absent or `{}`.
pub(super) const NO_BODY: &[u8] = b"{}";

/// A command that can be sent over HTTP: its declaration and its parser.
pub(super) struct HttpCommand {
    pub(super) operation: CommandOperation,
    pub(super) parser: CommandParser,
    /// The pattern of its path, such as `/v1/orders/{order_id}/tags`.
    pub(super) path: &'static str,
    /// The names of the path variables, in the order of the path.
    pub(super) variables: Vec<&'static str>,
}

/// All commands by name.
pub(super) type CommandTable = HashMap<&'static str, Arc<HttpCommand>>;

/// A parsed command, with what its declaration says about it.
pub(super) struct ParsedCommand {
    pub(super) command: Command,
    pub(super) required: RequiredPreconditions,
    pub(super) effect: Effect,
    pub(super) deprecation: Option<&'static Deprecation>,
}

/// The path variables of a command.
pub(super) enum Variables<'a> {
    /// In the path of a request.
    Path(&'a mut Parts),
    /// In the members of a batch item, in the order of the path.
    Members(&'a [(&'static str, &'a RawValue)]),
}

/// The body of a command.
pub(super) struct CommandBody<'a> {
    pub(super) bytes: &'a [u8],
    /// JSON pointer to the body, for problems.
    pub(super) pointer: &'static str,
}

/// Parses one kind of command. The schemas document what it accepts.
pub(super) struct CommandParser {
    parse: Box<Parse>,
    pub(super) takes_body: bool,
    pub(super) variables_schema: SchemaOf,
    pub(super) body_schema: SchemaOf,
}

type Parse = dyn Fn(Variables<'_>, Result<CommandBody<'_>, Problem>) -> Result<Command, Problem> + Send + Sync;

impl CommandParser {
    /// A parser for path variables `P` (one type, or a tuple in the order of the path) and a body `B`.
    pub(super) fn new<P, B>(make: impl Fn(P, B) -> Command + Send + Sync + 'static) -> CommandParser
    where
        P: DeserializeOwned + JsonSchema + Send,
        B: DeserializeOwned + JsonSchema,
    {
        CommandParser {
            parse: Box::new(move |variables, body| {
                let variables = variables.parse()?;
                let body = body?;
                Ok(make(variables, json::parse_object(body.bytes, body.pointer)?))
            }),
            takes_body: true,
            variables_schema: |generator| P::json_schema(generator),
            body_schema: |generator| generator.subschema_for::<B>(),
        }
    }

    /// A parser for a command without a body.
    pub(super) fn without_body<P>(make: fn(P) -> Command) -> CommandParser
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
    {
        CommandParser { takes_body: false, ..CommandParser::new(move |variables, NoBody {}| make(variables)) }
    }
}

impl HttpCommand {
    /// The command at `path`.
    pub(super) fn new(path: &'static str, operation: CommandOperation, parser: CommandParser) -> HttpCommand {
        let variables = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
        HttpCommand { operation, parser, path, variables }
    }

    /// Parses a command. An error in the path variables takes precedence over one in the body.
    pub(super) fn parse(
        &self,
        variables: Variables<'_>,
        body: Result<CommandBody<'_>, Problem>,
    ) -> Result<ParsedCommand, Problem> {
        let command = (self.parser.parse)(variables, body)?;
        Ok(ParsedCommand {
            required: self.operation.required_preconditions(&command),
            deprecation: self.operation.deprecation(&command),
            effect: self.operation.effect,
            command,
        })
    }
}

impl Variables<'_> {
    fn parse<P: DeserializeOwned + Send>(self) -> Result<P, Problem> {
        match self {
            Variables::Path(parts) => params::of_path(parts),
            Variables::Members([]) => json::parse_at(b"null", ""),
            Variables::Members([(name, value)]) => json::parse_at(value.get().as_bytes(), &format!("/{name}")),
            Variables::Members(several) => {
                let list = several.iter().map(|(_, value)| value.get()).collect::<Vec<_>>().join(",");
                json::parse_at(format!("[{list}]").as_bytes(), "").map_err(|problem| at_member(&problem, several))
            }
        }
    }
}

/// Replaces the index into the list of variables by the name of the member.
fn at_member(problem: &Problem, members: &[(&'static str, &RawValue)]) -> Problem {
    let document = problem.to_json();
    let pointer = document["pointer"].as_str().unwrap_or_default();
    let index = pointer.strip_prefix('/').and_then(|index| index.parse::<usize>().ok());
    let name = index.and_then(|index| members.get(index)).map(|(name, _)| format!("/{name}"));
    let detail = problem.explanation();
    let reason = detail.split_once(": ").map_or(detail, |(_, reason)| reason.trim_end_matches('.'));
    json::invalid(&name.unwrap_or_default(), reason)
}

/// The type of the body of a command that has none.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoBody {}
