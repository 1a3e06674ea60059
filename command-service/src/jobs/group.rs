//! The group of CSV rows that are one document. [`super::csv`] finds the group of a row, [`super::documents`] collects the rows of a group.

use xxhash_rust::xxh3::xxh3_64;

use domain::value::label::Reference;

/// The external reference that all CSV rows of one order have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group(Box<[u8]>);

impl Group {
    /// The group of this value. Different spellings of a reference are one group, because they are one reference for the command.
    pub(super) fn of(value: &[u8]) -> Group {
        match std::str::from_utf8(value).ok().and_then(|text| text.parse::<Reference>().ok()) {
            Some(reference) => Group(reference.as_str().as_bytes().into()),
            None => Group(value.into()),
        }
    }

    /// A hash for large tables. The probability that two orders of a file have the same hash is below one in ten million.
    pub(super) fn hash(&self) -> u64 {
        xxh3_64(&self.0)
    }

    /// The value for people.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}
