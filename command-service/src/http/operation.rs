//! What a command needs and does over HTTP, said once: its route, its place in the batch and its documentation are made of it
//! ([`super::commands`]), so they cannot disagree.

use platform::deprecation::Deprecation;
use platform::openapi::{self, Parameter};
use schemars::JsonSchema;
use serde_json::Value;

use super::asked::Needs;
use super::problems;
use super::reply::{self, Answered, Tried};

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

/// A use of the body that will go away.
type Deprecated<B> = (fn(&B) -> bool, &'static Deprecation);

/// What holds for one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) needs: Needs,
    pub(super) effect: Effect,
    /// What its body uses that will go away.
    pub(super) deprecation: Option<&'static Deprecation>,
}

/// A command as HTTP sees it; `B` is its body. Made from top to bottom: [`Operation::new`], then what differs.
#[derive(Debug)]
pub(super) struct Operation<B> {
    /// The command's name, as [`domain::command::Command::name`] has it.
    pub(super) name: &'static str,
    key: KeyNeed<B>,
    needs_version: bool,
    effect: Effect,
    deprecated: Option<Deprecated<B>>,
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
            needs_version: false,
            effect: Effect::Changed,
            deprecated: None,
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

    /// It would silently replace what somebody else changed, so it needs the version that was seen.
    pub(super) fn needs_version(self) -> Self {
        Operation { needs_version: true, ..self }
    }

    /// It still takes something that will go away.
    pub(super) fn deprecates(self, is_used: fn(&B) -> bool, deprecation: &'static Deprecation) -> Self {
        Operation { deprecated: Some((is_used, deprecation)), ..self }
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

    /// How it may be refused, beside what any command may be refused for.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Refusal> {
        let version = self.needs_version.then_some((428, "precondition-required"));
        self.refusals.iter().copied().chain(version)
    }

    /// What holds for a request with this body.
    pub(super) fn terms(&self, body: &B) -> Terms {
        let key = match self.key {
            KeyNeed::Required => true,
            KeyNeed::Optional => false,
            KeyNeed::RequiredIf(is_needed, _) => is_needed(body),
        };
        let used = self.deprecated.as_ref().filter(|(is_used, _)| is_used(body));
        Terms {
            needs: Needs { key, version: self.needs_version },
            effect: self.effect,
            deprecation: used.map(|(_, deprecation)| *deprecation),
        }
    }

    /// What the document says of it; `P` are the path's variables.
    pub(super) fn documented<P: JsonSchema>(&self) -> openapi::Operation {
        let mut operation = openapi::Operation::new(self.name, self.summary).path::<P>();
        for note in &self.notes {
            operation = operation.paragraph(note);
        }
        operation = operation.takes([self.key_parameter(), self.version_parameter()]).takes(BESIDE);
        operation = match self.effect {
            Effect::Created => operation
                .answers::<Answered>(201, "It is done.", &reply::CREATED_HEADERS)
                .answers::<Tried>(200, "It would be done (`dry_run`).", &[]),
            Effect::Changed => operation.answers::<AnsweredOrTried>(200, "It is done, or would be.", &reply::HEADERS),
        };
        operation.refuses(self.refusals()).refuses(problems::OF_ANY_COMMAND)
    }

    /// The same with its body.
    pub(super) fn documented_with_body<P: JsonSchema>(&self) -> openapi::Operation
    where
        B: JsonSchema + 'static,
    {
        let operation = self.documented::<P>().body::<B>();
        match &self.example {
            Some(example) => operation.example(example.clone()),
            None => operation,
        }
    }

    fn version_parameter(&self) -> Parameter {
        let version = Parameter::header::<Version>("If-Match", VERSION);
        if self.needs_version { version.required() } else { version }
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

/// The answer where 200 may be either.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AnsweredOrTried {
    Done(Answered<'static>),
    Would(Tried<'static>),
}

/// A strong tag with a version, or any.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Version(#[schemars(regex(pattern = r#"^(\*|"[0-9]{1,9}(-erased)?")$"#))] String);

/// An idempotency key.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Key(#[schemars(length(min = 1, max = 255), regex(pattern = r"^[!-~]+$"))] String);

const KEY_REQUIRED: &str =
    "A fresh UUID per intended effect, and the same one on repeats: it takes effect at most once.";
const KEY_OPTIONAL: &str = "A fresh UUID per intended effect, and the same one on repeats, which are then answered as the first \
                            time. Not needed: asking twice for what is already so does nothing.";

const VERSION: &str = "The `ETag` that was seen, of a command's answer or of a document, or `*` for any; with another version \
                       the command is refused. A repeat gets the first answer, whatever stands here.";

/// What every command takes beside its body. Headers that only accompany it are left out where they are not usable.
const BESIDE: [Parameter; 4] = [
    Parameter::query::<bool>(
        "dry_run",
        "`true`: says what would happen and does nothing. Needs no key and uses none up.",
    ),
    Parameter::header::<String>(
        "Prefer",
        "`return=representation`: the answer has the state after the command, too; `return=minimal`: as always (RFC 7240).",
    ),
    Parameter::header::<String>("X-Correlation-Id", "Stands in the events' metadata, to find what belongs together."),
    Parameter::header::<String>("traceparent", "W3C Trace Context; stands in the events' metadata."),
];
