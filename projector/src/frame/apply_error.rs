//! Reasons why an event cannot be applied. The stream of the event is then parked.

use events::DecodeError;
use read_model::FoldError;

/// Reason why an event cannot be applied. The text contains no value of the event, because the text is stored and
/// logged.
#[derive(Debug)]
pub enum ApplyError {
    /// This build cannot decode the event.
    Decode(DecodeError),
    /// The event cannot be folded into the state of its stream.
    Fold(FoldError),
    /// This build cannot read the stored state of the stream.
    StoredState(String),
    /// This build cannot read the metadata of the event.
    Metadata(String),
    /// The instant of the event, or that of the id of its stream, is outside the range of months.
    UnknownMonth,
}

impl From<DecodeError> for ApplyError {
    fn from(error: DecodeError) -> Self {
        ApplyError::Decode(error)
    }
}

impl From<FoldError> for ApplyError {
    fn from(error: FoldError) -> Self {
        ApplyError::Fold(error)
    }
}

impl std::fmt::Display for ApplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApplyError::Decode(DecodeError::Shape { event_type, source }) => write!(
                f,
                "the payload of `{event_type}` does not match its schema (line {}, column {})",
                source.line(),
                source.column()
            ),
            ApplyError::Decode(error) => error.fmt(f),
            ApplyError::Fold(error) => error.fmt(f),
            ApplyError::StoredState(reason) => write!(f, "the stored document cannot be read: {reason}"),
            ApplyError::UnknownMonth => f.write_str(
                "the instant of the event or of its stream's id is before 2000-01-01 or more than a day after the event \
                 was recorded: no month is created for it",
            ),
            ApplyError::Metadata(reason) => write!(f, "the metadata of the event cannot be read ({reason})"),
        }
    }
}
