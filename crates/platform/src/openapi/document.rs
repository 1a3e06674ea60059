//! The OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1), as plain JSON: put together from what routes say of themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::operation::{Answer, Body, Header, Operation, Parameter, Place};
use super::schemas::{Schemas, bound_integers};
use super::{Documented, Tag};

/// What the document says of the whole service.
#[derive(Debug, Clone)]
pub struct Info {
    /// Its name.
    pub title: &'static str,
    /// What it is, in CommonMark.
    pub description: &'static str,
    /// Version of the program.
    pub version: &'static str,
}

/// What the shell around every handler may answer.
const SHELL_PROBLEMS: [(u16, &str); 9] = [
    (400, "invalid-host"),
    (501, "transfer-encoding"),
    (400, "unsupported-version"),
    (413, "body-too-large"),
    (500, "internal"),
    (503, "overloaded"),
    (503, "stopping"),
    (503, "timeout"),
    (408, "body-timeout"),
];
/// What reading a body may answer.
const BODY_PROBLEMS: [(u16, &str); 6] = [
    (400, "malformed-json"),
    (400, "malformed-gzip"),
    (400, "body-unreadable"),
    (415, "content-encoding"),
    (415, "content-type"),
    (422, "invalid-body"),
];
/// What a caller may do with any body.
const BODY_DESCRIPTION: &str =
    "May be compressed: send `Content-Encoding: gzip`. The size limit holds before and after it is decompressed.";

/// The document of these routes.
pub(super) fn of(info: &Info, tags: &[Tag], documented: &[Documented]) -> Value {
    let mut schemas = Schemas::new();
    let (mut asked, mut answered) = (json!({}), Map::new());
    for route in documented {
        asked[route.operation.id] = request(route, &mut schemas);
        answered.insert(route.operation.id.to_owned(), responses(&route.operation, &mut schemas));
    }
    let mut definitions = schemas.finish(&mut asked);
    asked.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(bound_integers);
    answered.values_mut().for_each(bound_integers);
    definitions.insert("Problem".to_owned(), problem_schema());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in documented {
        let mut operation = asked[route.operation.id].take();
        operation["responses"] = answered[route.operation.id].take();
        paths.entry(route.path).or_default().insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title,
            "description": info.description,
            "version": info.version,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag.name, "description": tag.description })).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": definitions },
    })
}

/// An operation without its answers.
fn request(route: &Documented, schemas: &mut Schemas) -> Value {
    let operation = &route.operation;
    let mut parameters = variables(route.path, operation, schemas);
    parameters.push(api_version());
    parameters.extend(operation.parameters.iter().map(|it| parameter(it, schemas)));
    let mut request = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [route.tag],
        "parameters": parameters,
    });
    if !operation.description.is_empty() {
        request["description"] = operation.description.as_str().into();
    }
    if let Some(it) = &operation.body {
        request["requestBody"] = body(it, schemas);
    }
    if operation.is_deprecated {
        request["deprecated"] = true.into();
    }
    request
}

/// The variables of a path: their names from the path, their types from the handler.
fn variables(path: &str, operation: &Operation, schemas: &mut Schemas) -> Vec<Value> {
    let names: Vec<&str> = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
    let Some(schema_of) = operation.variables else { return Vec::new() };
    let schema = schema_of(&mut schemas.requests).to_value();
    let each = match schema.get("prefixItems").and_then(Value::as_array) {
        Some(schemas) => schemas.clone(),
        None => vec![schema],
    };
    let one = |(name, schema): (&str, Value)| json!({ "name": name, "in": "path", "required": true, "schema": schema });
    names.into_iter().zip(each).map(one).collect()
}

fn parameter(parameter: &Parameter, schemas: &mut Schemas) -> Value {
    let place = match parameter.place {
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": (parameter.schema)(&mut schemas.requests),
    })
}

/// Every route takes it.
fn api_version() -> Value {
    json!({
        "name": "Api-Version",
        "in": "header",
        "required": false,
        "description": "Version of the API that is meant. Needed only on paths without `/v1`, where the newest is meant otherwise.",
        "schema": { "type": "string", "enum": crate::server::API_VERSIONS },
    })
}

fn body(body: &Body, schemas: &mut Schemas) -> Value {
    let mut content = Map::new();
    for (media_type, schema) in &body.types {
        let mut media = json!({ "schema": schema(&mut schemas.requests) });
        if let Some(example) = &body.example {
            media["example"] = example.clone();
        }
        content.insert((*media_type).to_owned(), media);
    }
    json!({ "description": BODY_DESCRIPTION, "required": true, "content": content })
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for it in &operation.answers {
        responses.insert(it.status.to_string(), answer(it, schemas));
    }
    let body_problems = operation.body.iter().flat_map(|_| BODY_PROBLEMS);
    let path_problems = operation.variables.iter().map(|_| (400, "invalid-path"));
    let common = SHELL_PROBLEMS.into_iter().chain(body_problems).chain(path_problems);
    let mut kinds: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (status, kind) in operation.problems.iter().copied().chain(common) {
        let of_status = kinds.entry(status).or_default();
        if !of_status.contains(&kind) {
            of_status.push(kind);
        }
    }
    for (status, kinds) in kinds {
        responses.insert(status.to_string(), problem(status, &kinds));
    }
    Value::Object(responses)
}

fn answer(answer: &Answer, schemas: &mut Schemas) -> Value {
    let headers = answer.headers.iter().map(|it| (it.name.to_owned(), header(it, schemas)));
    let mut headers: Map<String, Value> = headers.collect();
    headers.extend(common_headers());
    let mut response = json!({ "description": answer.description, "headers": headers });
    if let Some((media_type, schema)) = answer.content {
        response["content"] = json!({ media_type: { "schema": schema(&mut schemas.answers) } });
    }
    response
}

fn header(header: &Header, schemas: &mut Schemas) -> Value {
    json!({
        "required": header.is_required,
        "description": header.description,
        "schema": (header.schema)(&mut schemas.answers),
    })
}

/// What the shell puts on every answer.
fn common_headers() -> [(String, Value); 2] {
    let header =
        |description: &str| json!({ "required": true, "description": description, "schema": { "type": "string" } });
    [
        ("Api-Version".to_owned(), header("Version of the API that answered.")),
        ("X-Request-Id".to_owned(), header("Names the request in our logs: the one that was sent, or one of ours.")),
    ]
}

fn problem(status: u16, kinds: &[&str]) -> Value {
    let types: Vec<String> = kinds.iter().map(|kind| format!("/problems/{kind}")).collect();
    let mut headers: Map<String, Value> = common_headers().into_iter().collect();
    if matches!(status, 503) {
        let seconds = json!({ "type": "integer", "format": "uint32", "minimum": 0 });
        headers.insert("Retry-After".to_owned(), json!({ "description": "Seconds to wait.", "schema": seconds }));
    }
    let schema = json!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "properties": { "type": { "enum": types }, "status": { "const": status } },
    });
    json!({
        "description": format!("Refused: {}.", kinds.join(", ")),
        "headers": headers,
        "content": { "application/problem+json": { "schema": schema } },
    })
}

/// RFC 9457.
fn problem_schema() -> Value {
    json!({
        "description": "Why a request was refused (RFC 9457). Members beside these depend on the type and are for machines.",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Stable; decide on it." },
            "title": { "type": "string", "description": "The type in words." },
            "status": { "type": "integer", "format": "uint16", "description": "The status of the answer." },
            "detail": { "type": "string", "description": "What happened this time, and what to do." },
            "instance": { "type": "string", "format": "uri-reference", "description": "This occurrence." },
            "pointer": { "type": "string", "description": "JSON pointer (RFC 6901) to what is wrong in the body." },
        },
    })
}
