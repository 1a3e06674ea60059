//! What cannot be taken apart: a command alone, or a group of commands that take effect together or not at all.

/// One, or several together.
#[derive(Debug)]
pub(super) enum Unit<T> {
    /// Stands alone.
    One(T),
    /// All or nothing, in this order.
    Together(Vec<T>),
}

impl<T> Unit<T> {
    pub(super) fn members(&self) -> &[T] {
        match self {
            Unit::One(member) => std::slice::from_ref(member),
            Unit::Together(members) => members,
        }
    }

    pub(super) fn into_members(self) -> impl Iterator<Item = T> {
        let (one, together) = match self {
            Unit::One(member) => (Some(member), Vec::new()),
            Unit::Together(members) => (None, members),
        };
        one.into_iter().chain(together)
    }

    pub(super) fn map<U>(self, each: impl FnMut(T) -> U) -> Unit<U> {
        let mut each = each;
        match self {
            Unit::One(member) => Unit::One(each(member)),
            Unit::Together(members) => Unit::Together(members.into_iter().map(each).collect()),
        }
    }
}
