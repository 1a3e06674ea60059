//! One command of a batch: its name, its preconditions, the variables of its path and its body. The body and the variables are parsed
//! by the command's own parser ([`super::command_parser`]), once the name of the command is known.

use std::borrow::Cow;
use std::fmt;

use platform::json;
use platform::problem::Problem;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::command_parser::{CommandBody, CommandTable, HttpCommand, NO_BODY, ParsedCommand, Variables};
use super::problems;
use super::request_headers::CommandPreconditions;

/// Limit of members for path variables, several times as many as any path has. Each is compared with those before it.
const VARIABLES_MAX: usize = 8;

/// An item of a batch.
#[derive(Debug)]
pub(super) struct BatchItem<'a> {
    command: Cow<'a, str>,
    key: Option<Cow<'a, str>>,
    if_match: Option<Cow<'a, str>>,
    body: Option<&'a RawValue>,
    /// All other members: the variables of the command's path.
    variables: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl BatchItem<'_> {
    /// The preconditions of the command.
    pub(super) fn preconditions(&self) -> CommandPreconditions<'_> {
        CommandPreconditions { idempotency_key: self.key.as_deref(), if_match: self.if_match.as_deref() }
    }

    /// Parses the command.
    pub(super) fn parse(&self, commands: &CommandTable) -> Result<ParsedCommand, Problem> {
        let command = commands.get(self.command.as_ref()).ok_or_else(|| problems::unknown_command(&self.command))?;
        let variables = self.variables(&command.variables)?;
        let bytes = self.body.map_or(NO_BODY, |body| body.get().as_bytes());
        command.parse(Variables::Members(&variables), Ok(CommandBody { bytes, pointer: "/body" }))
    }

    /// The members with these names. Other members are rejected.
    fn variables(&self, names: &[&'static str]) -> Result<Vec<(&'static str, &RawValue)>, Problem> {
        if let Some((other, _)) = self.variables.iter().find(|(name, _)| !names.contains(&name.as_ref())) {
            return Err(json::invalid(&format!("/{other}"), "this command has no such field"));
        }
        let find = |name: &&'static str| {
            let found = self.variables.iter().find(|(given, _)| given == name).map(|(_, value)| (*name, *value));
            found.ok_or_else(|| json::invalid("", &format!("the field `{name}` is missing")))
        };
        names.iter().map(find).collect()
    }
}

impl<'de> Deserialize<'de> for BatchItem<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BatchItemVisitor)
    }
}

struct BatchItemVisitor;

impl<'de> Visitor<'de> for BatchItemVisitor {
    type Value = BatchItem<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a command: an object with `command`, its path variables and, as required, `key`, `if_match` and `body`",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BatchItem<'de>, A::Error> {
        let (mut command, mut key, mut if_match, mut body) = (None, None, None, None);
        let mut variables: Vec<(Cow<'de, str>, &RawValue)> = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            match name.as_ref() {
                "command" => once(&mut command, map.next_value::<Text<'_>>()?.0, "command")?,
                "key" => once(&mut key, map.next_value::<Text<'_>>()?.0, "key")?,
                "if_match" => once(&mut if_match, map.next_value::<Text<'_>>()?.0, "if_match")?,
                "body" => once(&mut body, map.next_value::<&RawValue>()?, "body")?,
                _ if variables.iter().any(|(known, _)| *known == name) => {
                    return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                }
                _ if variables.len() == VARIABLES_MAX => {
                    let limit =
                        format_args!("more than {VARIABLES_MAX} fields in addition to command, key, if_match and body");
                    return Err(A::Error::custom(limit));
                }
                _ => variables.push((name, map.next_value()?)),
            }
        }
        let command = command.ok_or_else(|| A::Error::missing_field("command"))?;
        Ok(BatchItem { command, key, if_match, body, variables })
    }
}

fn once<T, E: Error>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    match slot.replace(value) {
        Some(_) => Err(E::duplicate_field(name)),
        None => Ok(()),
    }
}

/// A string that is copied only if it contains escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The schema of the item for a command.
pub(super) fn schema(command: &HttpCommand, generator: &mut SchemaGenerator) -> Schema {
    let variables = (command.parser.variables_schema)(generator).to_value();
    let each = match variables.get("prefixItems").and_then(|schemas| schemas.as_array()) {
        Some(schemas) => schemas.clone(),
        None => vec![variables],
    };
    let mut properties = json!({
        "command": { "const": command.operation.name },
        "key": { "type": "string", "description": "As the header `Idempotency-Key`.", "minLength": 1, "maxLength": 255 },
        "if_match": { "type": "string", "description": "As the header `If-Match`." },
        "body": (command.parser.body_schema)(generator),
    });
    let mut required = vec!["command"];
    for (name, schema) in command.variables.iter().zip(each) {
        properties[name] = schema;
        required.push(name);
    }
    json_schema!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
