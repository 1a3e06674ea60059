//! Default values are left out of stored payloads, so that adding a field with a default does not change payloads without it.

/// Whether a field has its default value; for `skip_serializing_if`.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
