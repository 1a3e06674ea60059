//! What a command needs and does over HTTP, said once: its route, its place in the batch and its documentation are made of it
//! ([`super::commands`]), so they cannot disagree.

use platform::openapi::{self, Parameter};
use schemars::JsonSchema;
use serde_json::Value;

use super::reply::{self, Answered};

/// Status and kind of a problem: the last part of its type.
pub(super) type Refusal = (u16, &'static str);

/// Whether a command may come without an idempotency key.
#[derive(Debug)]
pub(super) enum KeyNeed<B> {
    /// No: a repeat would act twice.
    Required,
    /// Yes: a repeat finds that it is so already.
    Optional,
    /// No, with such a body; the text completes "Needed if …".
    RequiredIf(fn(&B) -> bool, &'static str),
}

/// What a command that took effect has done, for the status of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Made something that was not there: 201.
    Created,
    /// Changed something: 200.
    Changed,
}

/// A command as HTTP sees it; `B` is its body. Made from top to bottom: [`Operation::new`], then what differs.
#[derive(Debug)]
pub(super) struct Operation<B> {
    /// The command's name, as [`crate::command::Command::name`] has it.
    pub(super) name: &'static str,
    pub(super) key: KeyNeed<B>,
    pub(super) effect: Effect,
    summary: &'static str,
    notes: Vec<&'static str>,
    refusals: Vec<Refusal>,
    example: Option<Value>,
}

impl<B> Operation<B> {
    /// A command that changes something and may come without a key; `summary` is a sentence without its full stop.
    pub(super) fn new(name: &'static str, summary: &'static str) -> Self {
        Operation {
            name,
            key: KeyNeed::Optional,
            effect: Effect::Changed,
            summary,
            notes: Vec::new(),
            refusals: Vec::new(),
            example: None,
        }
    }

    /// It makes something: its answer is 201 and says where.
    pub(super) fn creates(self) -> Self {
        Operation { effect: Effect::Created, ..self }
    }

    /// A repeat would act twice, so it needs an idempotency key.
    pub(super) fn needs_key(self) -> Self {
        Operation { key: KeyNeed::Required, ..self }
    }

    /// It needs an idempotency key with such a body; `said` completes "Needed if …".
    pub(super) fn needs_key_if(self, is_needed: fn(&B) -> bool, said: &'static str) -> Self {
        Operation { key: KeyNeed::RequiredIf(is_needed, said), ..self }
    }

    /// What else is to be known, in CommonMark.
    pub(super) fn note(mut self, text: &'static str) -> Self {
        self.notes.push(text);
        self
    }

    /// How the rules may refuse it.
    pub(super) fn refuses(mut self, refusals: &[Refusal]) -> Self {
        self.refusals.extend(refusals);
        self
    }

    /// A body that is right.
    pub(super) fn example(self, body: Value) -> Self {
        Operation { example: Some(body), ..self }
    }

    /// Whether this body must come with a key.
    pub(super) fn is_key_needed(&self, body: &B) -> bool {
        match self.key {
            KeyNeed::Required => true,
            KeyNeed::Optional => false,
            KeyNeed::RequiredIf(is_needed, _) => is_needed(body),
        }
    }

    /// What the document says of it; `P` are the path's variables.
    pub(super) fn documented<P: JsonSchema>(&self) -> openapi::Operation {
        let mut operation = openapi::Operation::new(self.name, self.summary).path::<P>();
        for note in &self.notes {
            operation = operation.paragraph(note);
        }
        operation = operation.takes([self.key_parameter()]).takes(CONTEXT);
        operation = match self.effect {
            Effect::Created => operation.answers::<Answered>(201, "It is done.", &reply::CREATED_HEADERS),
            Effect::Changed => operation.answers::<Answered>(200, "It is done.", &reply::HEADERS),
        };
        operation.refuses(self.refusals.iter().copied()).refuses(reply::REFUSALS)
    }

    /// The same with its body.
    pub(super) fn documented_with_body<P: JsonSchema>(&self) -> openapi::Operation
    where
        B: JsonSchema,
    {
        let operation = self.documented::<P>().body::<B>();
        match &self.example {
            Some(example) => operation.example(example.clone()),
            None => operation,
        }
    }

    fn key_parameter(&self) -> Parameter {
        let key = |description| Parameter::header::<Key>("Idempotency-Key", description);
        match self.key {
            KeyNeed::Required => key(KEY_REQUIRED).required(),
            KeyNeed::Optional => key(KEY_OPTIONAL),
            KeyNeed::RequiredIf(_, said) => key(said),
        }
    }
}

/// An idempotency key.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Key(#[schemars(length(min = 1, max = 255), regex(pattern = r"^[!-~]+$"))] String);

const KEY_REQUIRED: &str =
    "A fresh UUID per intended effect, and the same one on repeats: it takes effect at most once.";
const KEY_OPTIONAL: &str = "A fresh UUID per intended effect, and the same one on repeats, which are then answered as the first \
                            time. Not needed: asking twice for what is already so does nothing.";

/// Headers that only accompany a command; what is not usable is left out, not refused.
const CONTEXT: [Parameter; 2] = [
    Parameter::header::<String>("X-Correlation-Id", "Stands in the events' metadata, to find what belongs together."),
    Parameter::header::<String>("traceparent", "W3C Trace Context; stands in the events' metadata."),
];
