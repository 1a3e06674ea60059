//! The declaration of a command as an HTTP operation: its preconditions, its effect and its documentation. The route, the entry in
//! the batch and the OpenAPI document are derived from it ([`super::command_routes`]), so they cannot disagree.

use platform::deprecation::Deprecation;
use platform::openapi::{self, Parameter, SchemaOf};
use platform::problem::ProblemType;
use schemars::JsonSchema;
use serde_json::Value;

use super::parameters;
use super::problem_types::PRECONDITION_REQUIRED;
use super::problems;
use super::request_headers::RequiredPreconditions;
use super::responses::{self, CommandResult, DryRunResult, Effect};
use domain::command::Command;

/// A condition on the content of a command.
type Condition = fn(&Command) -> bool;

/// Whether a command requires an idempotency key.
#[derive(Debug)]
enum KeyRequirement {
    /// Required: repeating the command would repeat its effect.
    Always,
    /// Optional: repeating the command has no further effect.
    Never,
    /// Required for the commands that meet the condition; the text describes the header.
    If(Condition, &'static str),
}

/// A command as an HTTP operation. Declared from top to bottom: [`CommandOperation::new`], then the methods for what differs from
/// the default.
#[derive(Debug)]
pub(super) struct CommandOperation {
    /// Name of the command ([`Command::name`]) and id of the operation.
    pub(super) name: &'static str,
    pub(super) effect: Effect,
    key: KeyRequirement,
    requires_version: bool,
    deprecated: Option<(Condition, &'static Deprecation)>,
    summary: &'static str,
    notes: Vec<&'static str>,
    problems: Vec<ProblemType>,
    example: Option<Value>,
}

impl CommandOperation {
    /// A command that changes something and that may be sent without an idempotency key. `summary` is an imperative sentence without
    /// a full stop.
    pub(super) fn new(name: &'static str, summary: &'static str) -> Self {
        CommandOperation {
            name,
            effect: Effect::Changed,
            key: KeyRequirement::Never,
            requires_version: false,
            deprecated: None,
            summary,
            notes: Vec::new(),
            problems: Vec::new(),
            example: None,
        }
    }

    /// The command creates something: the response is 201 with `Location`.
    pub(super) fn creates(self) -> Self {
        CommandOperation { effect: Effect::Created, ..self }
    }

    /// The command requires an idempotency key, because repeating the command would repeat its effect.
    pub(super) fn requires_key(self) -> Self {
        CommandOperation { key: KeyRequirement::Always, ..self }
    }

    /// The command requires an idempotency key if it meets the condition; `description` documents the header.
    pub(super) fn requires_key_if(self, condition: Condition, description: &'static str) -> Self {
        CommandOperation { key: KeyRequirement::If(condition, description), ..self }
    }

    /// The command requires `If-Match`, because it would otherwise overwrite concurrent changes.
    pub(super) fn requires_version(self) -> Self {
        CommandOperation { requires_version: true, ..self }
    }

    /// Responses to the commands that meet the condition carry this deprecation.
    pub(super) fn deprecates(self, condition: Condition, deprecation: &'static Deprecation) -> Self {
        CommandOperation { deprecated: Some((condition, deprecation)), ..self }
    }

    /// Adds a paragraph to the description, in CommonMark.
    pub(super) fn note(mut self, text: &'static str) -> Self {
        self.notes.push(text);
        self
    }

    /// The problems with which the rules reject the command.
    pub(super) fn rejections(mut self, problems: &[ProblemType]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// An example of a body.
    pub(super) fn example(self, body: Value) -> Self {
        CommandOperation { example: Some(body), ..self }
    }

    /// The problems of this command, in addition to [`problems::OF_ANY_COMMAND`].
    pub(super) fn problems(&self) -> impl Iterator<Item = ProblemType> {
        self.problems.iter().copied().chain(self.requires_version.then_some(PRECONDITION_REQUIRED))
    }

    /// The preconditions that this command must be sent with.
    pub(super) fn required_preconditions(&self, command: &Command) -> RequiredPreconditions {
        let idempotency_key = match self.key {
            KeyRequirement::Always => true,
            KeyRequirement::Never => false,
            KeyRequirement::If(condition, _) => condition(command),
        };
        RequiredPreconditions { idempotency_key, version: self.requires_version }
    }

    /// The deprecation that this command uses.
    pub(super) fn deprecation(&self, command: &Command) -> Option<&'static Deprecation> {
        self.deprecated.filter(|(condition, _)| condition(command)).map(|(_, deprecation)| deprecation)
    }

    /// The documentation of the operation; the schemas are those of the path variables and of the body, if there is one.
    pub(super) fn documentation(&self, variables: SchemaOf, body: Option<SchemaOf>) -> openapi::Operation {
        let mut operation = openapi::Operation::new(self.name, self.summary).path_of(variables);
        for note in &self.notes {
            operation = operation.paragraph(note);
        }
        operation = operation.takes([self.key_parameter(), self.version_parameter()]).takes(parameters::OF_ANY_COMMAND);
        operation = match self.effect {
            Effect::Created => operation
                .answers::<CommandResult>(201, "The command took effect.", &responses::CREATED_HEADERS)
                .answers::<DryRunResult>(200, "The command would take effect (`dry_run`).", &[]),
            Effect::Changed => operation.answers::<CommandOrDryRunResult>(
                200,
                "The command took effect, or would take effect (`dry_run`).",
                &responses::HEADERS,
            ),
        };
        operation = operation.refuses(self.problems()).refuses(problems::OF_ANY_COMMAND);
        let Some(body) = body else { return operation };
        operation = operation.body_of("application/json", body);
        match &self.example {
            Some(example) => operation.example(example.clone()),
            None => operation,
        }
    }

    fn key_parameter(&self) -> Parameter {
        match self.key {
            KeyRequirement::Always => parameters::idempotency_key(parameters::KEY_REQUIRED).required(),
            KeyRequirement::Never => parameters::idempotency_key(parameters::KEY_OPTIONAL),
            KeyRequirement::If(_, description) => parameters::idempotency_key(description),
        }
    }

    fn version_parameter(&self) -> Parameter {
        if self.requires_version { parameters::IF_MATCH.required() } else { parameters::IF_MATCH }
    }
}

/// The body of a 200 response.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CommandOrDryRunResult {
    Done(CommandResult<'static>),
    DryRun(DryRunResult<'static>),
}
