//! Builds the OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1) as JSON from the documentation of the routes.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Body, Header, Operation, Parameter, Place};
use super::schemas::{Schemas, bound_integers};
use crate::problem::{ProblemType, types};

/// General information about the service.
#[derive(Debug, Clone)]
pub struct Info {
    /// Name of the API.
    pub title: &'static str,
    /// Description in CommonMark.
    pub description: &'static str,
    /// Version of the service.
    pub version: &'static str,
}

/// A group of routes.
pub(super) struct Tag {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

/// One method of one path.
pub(super) struct Documented {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) operation: Operation,
}

/// Problems of the HTTP server.
const SHELL_PROBLEMS: [ProblemType; 9] = [
    types::INVALID_HOST,
    types::TRANSFER_ENCODING,
    types::UNSUPPORTED_VERSION,
    types::BODY_TOO_LARGE,
    types::INTERNAL,
    types::OVERLOADED,
    types::STOPPING,
    types::TIMEOUT,
    types::BODY_TIMEOUT,
];
/// Problems of reading a body.
const BODY_PROBLEMS: [ProblemType; 6] = [
    types::MALFORMED_JSON,
    types::MALFORMED_GZIP,
    types::BODY_UNREADABLE,
    types::CONTENT_ENCODING,
    types::CONTENT_TYPE,
    types::INVALID_BODY,
];
/// Description of every request body.
const BODY_DESCRIPTION: &str =
    "The body can be compressed with `Content-Encoding: gzip`. The size limit applies before and after decompression.";

/// Builds the document.
pub(super) fn of(info: &Info, tags: &[Tag], documented: &[Documented]) -> Value {
    let mut schemas = Schemas::new();
    let (mut requests, mut answers) = (json!({}), Map::new());
    for route in documented {
        requests[route.operation.id] = request(route, &mut schemas);
        answers.insert(route.operation.id.to_owned(), responses(&route.operation, &mut schemas));
    }
    let mut definitions = schemas.finish(&mut requests);
    requests.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(bound_integers);
    answers.values_mut().for_each(bound_integers);
    definitions.insert("Problem".to_owned(), problem_schema());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in documented {
        let mut operation = requests[route.operation.id].take();
        operation["responses"] = answers[route.operation.id].take();
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

/// An operation without its responses.
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

/// The path variables: their names come from the path, their types from the operation.
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
    let schema = (parameter.schema)(&mut schemas.requests);
    // Several values are sent as one text, separated by commas.
    let is_list = schema.get("type").is_some_and(|of| of == "array");
    let mut parameter = json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema,
    });
    if is_list {
        parameter["style"] = "form".into();
        parameter["explode"] = false.into();
    }
    parameter
}

/// The header `Api-Version`, which every route accepts.
fn api_version() -> Value {
    json!({
        "name": "Api-Version",
        "in": "header",
        "required": false,
        "description": "Requested version of the API, for paths without `/v1`. Without this header, such a path refers to the newest version.",
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
        let mut response = answer(it, schemas);
        match responses.get_mut(&it.status.to_string()) {
            // Another representation of the same response.
            Some(before) => {
                if let Value::Object(content) = response["content"].take() {
                    content.into_iter().for_each(|(media_type, schema)| before["content"][media_type] = schema);
                }
            }
            None => drop(responses.insert(it.status.to_string(), response)),
        }
    }
    let body_problems = operation.body.iter().flat_map(|_| BODY_PROBLEMS);
    let path_problems = operation.variables.iter().map(|_| types::INVALID_PATH);
    let common = SHELL_PROBLEMS.into_iter().chain(body_problems).chain(path_problems).map(<(u16, &str)>::from);
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

/// The headers that the HTTP server adds to every response.
fn common_headers() -> [(String, Value); 2] {
    let header =
        |description: &str| json!({ "required": true, "description": description, "schema": { "type": "string" } });
    [
        ("Api-Version".to_owned(), header("Version of the API that handled the request.")),
        (
            "X-Request-Id".to_owned(),
            header("Id of the request in the logs of the service: the id that the client sent, or a generated one."),
        ),
    ]
}

fn problem(status: u16, kinds: &[&str]) -> Value {
    let types: Vec<String> = kinds.iter().map(|kind| format!("/problems/{kind}")).collect();
    let mut headers: Map<String, Value> = common_headers().into_iter().collect();
    if matches!(status, 503) {
        let seconds = json!({ "type": "integer", "format": "uint32", "minimum": 0 });
        headers.insert(
            "Retry-After".to_owned(),
            json!({ "description": "Seconds to wait before repeating the request.", "schema": seconds }),
        );
    }
    let schema = json!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "properties": { "type": { "enum": types }, "status": { "const": status } },
    });
    json!({
        "description": format!("Problem: {}.", kinds.join(", ")),
        "headers": headers,
        "content": { "application/problem+json": { "schema": schema } },
    })
}

/// RFC 9457.
fn problem_schema() -> Value {
    json!({
        "description": "Problem document (RFC 9457). Further members depend on the type.",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Type of the problem. Clients should decide on it: it never changes." },
            "title": { "type": "string", "description": "Short description of the type." },
            "status": { "type": "integer", "format": "uint16", "description": "Status code of the response." },
            "detail": { "type": "string", "description": "Explanation of this occurrence of the problem, and how to correct it." },
            "instance": { "type": "string", "format": "uri-reference", "description": "URI reference of this occurrence." },
            "pointer": { "type": "string", "description": "JSON pointer (RFC 6901) to the invalid part of the body." },
        },
    })
}
