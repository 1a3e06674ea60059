//! The payload of an event type: its stored name and schema version, declared once, next to the fields of the payload.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The payload of one event type. [`crate::codec::EVENT_TYPES`] lists every implementation.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// Name under which events of this type are stored. It never changes.
    const EVENT_TYPE: &'static str;

    /// Current schema version. A new version needs an upcaster from the previous version ([`crate::upcast`]).
    const SCHEMA_VERSION: i16 = 1;
}
