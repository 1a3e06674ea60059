//! Estimates of the memory that a state takes.

/// Estimated bytes of a short text, including the overhead of the allocator.
pub(crate) const TEXT: usize = 64;

/// Estimated bytes of a list whose elements have `texts` texts each.
pub(crate) fn list<T>(list: &[T], texts: usize) -> usize {
    list.len() * (size_of::<T>() + texts * TEXT)
}
