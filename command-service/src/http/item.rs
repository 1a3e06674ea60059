//! One command of a batch: its name, its key, what its path would hold, and its body. [`Entry`] is what there is to know of a
//! command to read one; [`super::commands`] makes it of the same declaration as the route.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use platform::json;
use platform::problem::Problem;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::asked::Said;
use super::commands::Make;
use super::operation::{Operation, Terms};
use domain::command::Command;

/// What a body is that was left out.
const NO_BODY: &str = "{}";

/// Most variables of a command, several times as many as a path has. Each is compared with those before it.
const VARIABLES_MAX: usize = 8;

/// A command as it stands in a batch. Bodies and variables are read once it is known what they must be.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) command: Cow<'a, str>,
    key: Option<Cow<'a, str>>,
    if_match: Option<Cow<'a, str>>,
    body: Option<&'a RawValue>,
    /// Everything else: the variables of the command's path, by their names there.
    variables: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// How to read one command.
pub(super) struct Entry {
    pub(super) read: Box<Read>,
    pub(super) schema: Arc<MakeSchema>,
}

type Read = dyn Fn(&Item<'_>) -> Result<(Terms, Command), Problem> + Send + Sync;
type MakeSchema = dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync;

impl Entry {
    /// Of the declaration of its route.
    pub(super) fn of<P, B>(path: &'static str, operation: Arc<Operation<B>>, make: impl Make<P, B>) -> Entry
    where
        P: DeserializeOwned + JsonSchema + 'static,
        B: DeserializeOwned + JsonSchema + 'static,
    {
        let names = variables(path);
        let name = operation.name;
        let schema = {
            let names = names.clone();
            Arc::new(move |generator: &mut SchemaGenerator| schema::<P, B>(name, &names, generator))
        };
        let read = Box::new(move |item: &Item<'_>| {
            let variables = item.variables::<P>(&names)?;
            let body: B = json::parse_object(item.body.map_or(NO_BODY, RawValue::get).as_bytes(), "/body")?;
            Ok((operation.terms(&body), make(variables, body)))
        });
        Entry { read, schema }
    }
}

/// The names of a path's variables, in its order.
fn variables(path: &'static str) -> Vec<&'static str> {
    path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect()
}

impl Item<'_> {
    /// What is said beside it.
    pub(super) fn said(&self) -> Said<'_> {
        Said { key: self.key.as_deref(), if_match: self.if_match.as_deref() }
    }

    /// The variables with these names, and no others.
    fn variables<P: DeserializeOwned>(&self, names: &[&str]) -> Result<P, Problem> {
        if let Some((other, _)) = self.variables.iter().find(|(name, _)| !names.contains(&name.as_ref())) {
            return Err(json::invalid(&format!("/{other}"), "this command has no such field"));
        }
        let mut values = Vec::with_capacity(names.len());
        for name in names {
            let found = self.variables.iter().find(|(given, _)| given == name).map(|(_, value)| *value);
            values.push(found.ok_or_else(|| json::invalid("", &format!("the field `{name}` is missing")))?);
        }
        match values.as_slice() {
            [] => json::parse_at(b"null", ""),
            [one] => json::parse_at(one.get().as_bytes(), &format!("/{}", names[0])),
            several => {
                let list = several.iter().map(|value| value.get()).collect::<Vec<_>>().join(",");
                json::parse_at(format!("[{list}]").as_bytes(), "").map_err(|problem| at_variable(&problem, names))
            }
        }
    }
}

/// A problem of the list of variables, as one of the variable by its name.
fn at_variable(problem: &Problem, names: &[&str]) -> Problem {
    let document = problem.to_json();
    let text = |member: &str| document[member].as_str().unwrap_or_default().to_owned();
    let (pointer, detail) = (text("pointer"), text("detail"));
    let name = pointer.strip_prefix('/').and_then(|index| names.get(index.parse::<usize>().ok()?));
    let reason = detail.split_once(": ").map_or(detail.as_str(), |(_, reason)| reason.trim_end_matches('.'));
    json::invalid(&name.map(|name| format!("/{name}")).unwrap_or_default(), reason)
}

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a command: an object with `command`, and as that needs `key`, `if_match`, `body` and what its path has",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
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
                    let limit = format_args!("more than {VARIABLES_MAX} fields beside command, key, if_match and body");
                    return Err(A::Error::custom(limit));
                }
                _ => variables.push((name, map.next_value()?)),
            }
        }
        let command = command.ok_or_else(|| A::Error::missing_field("command"))?;
        Ok(Item { command, key, if_match, body, variables })
    }
}

fn once<T, E: Error>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    match slot.replace(value) {
        Some(_) => Err(E::duplicate_field(name)),
        None => Ok(()),
    }
}

/// A text that is only copied where it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The schema of one command of a batch.
fn schema<P: JsonSchema, B: JsonSchema>(command: &str, names: &[&str], generator: &mut SchemaGenerator) -> Schema {
    let variables = P::json_schema(generator).to_value();
    let each = match variables.get("prefixItems").and_then(|schemas| schemas.as_array()) {
        Some(schemas) => schemas.clone(),
        None => vec![variables],
    };
    let mut properties = json!({
        "command": { "const": command },
        "key": { "type": "string", "description": "As the header `Idempotency-Key`.", "minLength": 1, "maxLength": 255 },
        "if_match": { "type": "string", "description": "As the header `If-Match`." },
        "body": generator.subschema_for::<B>(),
    });
    let mut required = vec!["command"];
    for (name, schema) in names.iter().zip(each) {
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
