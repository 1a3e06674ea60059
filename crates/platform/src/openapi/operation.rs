//! What can be said of a route: what it is for, what it takes, what it answers, how it refuses.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::schemas::{SchemaOf, schema_of};

/// What a route says of itself. Every statement is a method, so that a declaration reads from top to bottom.
#[derive(Clone)]
pub struct Operation {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    /// The variables of the path, in its order: one type, or a tuple.
    pub(super) variables: Option<SchemaOf>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<(u16, &'static str)>,
    pub(super) is_deprecated: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind the `?`.
    Query,
    /// In a header.
    Header,
}

/// A parameter of a request, beside the path's variables.
#[derive(Clone)]
pub struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
    pub(super) schema: SchemaOf,
}

/// A header of an answer.
#[derive(Clone, Copy)]
pub struct Header {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
    pub(super) schema: SchemaOf,
}

/// Makes the schema of a body.
type Make = dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync;

/// A request's body.
#[derive(Clone)]
pub(super) struct Body {
    /// The same content in all of these.
    pub(super) types: Vec<(&'static str, Arc<Make>)>,
    pub(super) example: Option<Value>,
}

/// What comes back where all went well.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) content: Option<(&'static str, SchemaOf)>,
    pub(super) headers: Vec<Header>,
}

impl Operation {
    /// `id` is stable, because clients are generated from it; `summary` is a short sentence without a full stop.
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

    /// One more paragraph of what is to be known.
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

    /// Takes these parameters too.
    pub fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Takes a JSON body.
    pub fn body<B: JsonSchema + 'static>(self) -> Self {
        self.body_as::<B>("application/json")
    }

    /// Takes a body of this media type, if not of one that was named before.
    pub fn body_as<B: JsonSchema + 'static>(self, media_type: &'static str) -> Self {
        self.body_of(media_type, schema_of::<B>)
    }

    /// Takes a body whose schema is put together.
    pub fn body_of(
        mut self,
        media_type: &'static str,
        schema: impl Fn(&mut SchemaGenerator) -> Schema + Send + Sync + 'static,
    ) -> Self {
        let body = self.body.get_or_insert(Body { types: Vec::new(), example: None });
        body.types.push((media_type, Arc::new(schema)));
        self
    }

    /// What a body looks like.
    pub fn example(mut self, example: Value) -> Self {
        if let Some(body) = &mut self.body {
            body.example = Some(example);
        }
        self
    }

    /// Answers with a JSON document.
    pub fn answers<T: JsonSchema>(self, status: u16, description: &'static str, headers: &[Header]) -> Self {
        self.answer(status, description, Some(("application/json", schema_of::<T>)), headers)
    }

    /// Answers with something else than JSON.
    pub fn answers_as<T: JsonSchema>(
        self,
        status: u16,
        description: &'static str,
        media_type: &'static str,
        headers: &[Header],
    ) -> Self {
        self.answer(status, description, Some((media_type, schema_of::<T>)), headers)
    }

    /// Answers without a body.
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

    /// Will go away.
    pub fn deprecated(self) -> Self {
        Operation { is_deprecated: true, ..self }
    }
}

impl Parameter {
    /// One behind the `?`, which may be left out.
    pub const fn query<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Parameter { name, place: Place::Query, is_required: false, description, schema: schema_of::<T> }
    }

    /// A header, which may be left out.
    pub const fn header<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Parameter { name, place: Place::Header, is_required: false, description, schema: schema_of::<T> }
    }

    /// The same, and it may not be left out.
    pub const fn required(self) -> Self {
        Parameter { is_required: true, ..self }
    }
}

impl Header {
    /// One that every answer has.
    pub const fn always<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Header { name, is_required: true, description, schema: schema_of::<T> }
    }

    /// One that some answers have.
    pub const fn sometimes<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Header { name, is_required: false, description, schema: schema_of::<T> }
    }
}
