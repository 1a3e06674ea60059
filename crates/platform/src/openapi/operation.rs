//! The documentation of a route: summary, parameters, body, responses and problems.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::schemas::{SchemaOf, schema_of};

/// The documentation of a route. Every part is added by a method, so that a declaration reads from top to bottom.
#[derive(Clone)]
pub struct Operation {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    /// The path variables: one type, or a tuple in the order of the path.
    pub(super) variables: Option<SchemaOf>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<(u16, &'static str)>,
    pub(super) is_deprecated: bool,
}

/// Location of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

/// A parameter of a request, other than a path variable.
#[derive(Clone)]
pub struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
    pub(super) schema: SchemaOf,
}

/// A header of a response.
#[derive(Clone, Copy)]
pub struct Header {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
    pub(super) schema: SchemaOf,
}

/// Builds the schema of a body.
type Make = dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync;

/// A request body.
#[derive(Clone)]
pub(super) struct Body {
    /// The supported media types with their schemas.
    pub(super) types: Vec<(&'static str, Arc<Make>)>,
    pub(super) example: Option<Value>,
}

/// A successful response.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Option<(&'static str, SchemaOf)>,
    pub(super) headers: Vec<Header>,
}

impl Operation {
    /// `id` never changes, because clients are generated from it; `summary` is an imperative sentence without a full stop.
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Operation {
            id,
            summary,
            description: String::new(),
            parameters: Vec::new(),
            variables: None,
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
            is_deprecated: false,
        }
    }

    /// Adds a paragraph to the description.
    pub fn paragraph(mut self, text: &str) -> Self {
        if !self.description.is_empty() && !text.is_empty() {
            self.description.push_str("\n\n");
        }
        self.description.push_str(text);
        self
    }

    /// The path variables: one type, or a tuple in the order of the path.
    pub fn path<P: JsonSchema>(self) -> Self {
        self.path_of(|generator| P::json_schema(generator))
    }

    /// The path variables by their schema: that of one type, or of a tuple in the order of the path.
    pub fn path_of(self, variables: SchemaOf) -> Self {
        Operation { variables: Some(variables), ..self }
    }

    /// Adds parameters.
    pub fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Adds a JSON body.
    pub fn body<B: JsonSchema + 'static>(self) -> Self {
        self.body_as::<B>("application/json")
    }

    /// Adds a body of this media type, as an alternative to those added before.
    pub fn body_as<B: JsonSchema + 'static>(self, media_type: &'static str) -> Self {
        self.body_of(media_type, schema_of::<B>)
    }

    /// Adds a body with a schema that is built by a function.
    pub fn body_of(
        mut self,
        media_type: &'static str,
        schema: impl Fn(&mut SchemaGenerator) -> Schema + Send + Sync + 'static,
    ) -> Self {
        let body = self.body.get_or_insert(Body { types: Vec::new(), example: None });
        body.types.push((media_type, Arc::new(schema)));
        self
    }

    /// Adds an example of the body.
    pub fn example(mut self, example: Value) -> Self {
        if let Some(body) = &mut self.body {
            body.example = Some(example);
        }
        self
    }

    /// Adds a response with a JSON document.
    pub fn answers<T: JsonSchema>(self, status: u16, description: &'static str, headers: &[Header]) -> Self {
        self.answer(status, description, Some(("application/json", schema_of::<T>)), headers)
    }

    /// Adds a response with another media type: of another status, or as an alternative to that of the same status.
    pub fn answers_as<T: JsonSchema>(
        self,
        status: u16,
        description: &'static str,
        media_type: &'static str,
        headers: &[Header],
    ) -> Self {
        self.answer(status, description, Some((media_type, schema_of::<T>)), headers)
    }

    /// Adds a response without a body.
    pub fn answers_nothing(self, status: u16, description: &'static str, headers: &[Header]) -> Self {
        self.answer(status, description, None, headers)
    }

    fn answer(
        mut self,
        status: u16,
        description: &'static str,
        content: Option<(&'static str, SchemaOf)>,
        headers: &[Header],
    ) -> Self {
        self.answers.push(Answer { status, description, content, headers: headers.to_vec() });
        self
    }

    /// Responds with these problems, given by status and slug or by [`ProblemType`](crate::problem::ProblemType).
    pub fn refuses(mut self, problems: impl IntoIterator<Item = impl Into<(u16, &'static str)>>) -> Self {
        for problem in problems {
            let problem = problem.into();
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        self
    }

    /// Marks the operation as deprecated.
    pub fn deprecated(self) -> Self {
        Operation { is_deprecated: true, ..self }
    }
}

impl Parameter {
    /// An optional query parameter.
    pub const fn query<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Parameter { name, place: Place::Query, is_required: false, description, schema: schema_of::<T> }
    }

    /// An optional header.
    pub const fn header<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Parameter { name, place: Place::Header, is_required: false, description, schema: schema_of::<T> }
    }

    /// Makes the parameter required.
    pub const fn required(self) -> Self {
        Parameter { is_required: true, ..self }
    }
}

impl Header {
    /// A header that is always present.
    pub const fn always<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Header { name, is_required: true, description, schema: schema_of::<T> }
    }

    /// A header that is present in some responses.
    pub const fn sometimes<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Header { name, is_required: false, description, schema: schema_of::<T> }
    }
}
