//! Checks that the document of an erased order contains no personal data.

use read_model::OrderDocument;
use serde_json::Value;

use crate::audit::findings::Findings;

/// Adds a finding if the document contains personal data or cannot be read.
pub(super) fn check_document(place: &str, document: &Value, findings: &mut Findings) {
    match serde_json::from_value::<OrderDocument>(document.clone()) {
        Ok(mut order) => findings.expect(!order.erase_personal_data(), || format!("{place} contains personal data")),
        Err(error) => findings.add(format!("{place} cannot be read: {error}")),
    }
}
