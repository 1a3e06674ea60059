//! Estimates of the memory that a state takes.

/// Roughly the bytes of a short text with what the allocator adds.
pub(crate) const TEXT: usize = 64;

pub(crate) fn list<T>(list: &[T], texts: usize) -> usize {
    list.len() * (size_of::<T>() + texts * TEXT)
}
