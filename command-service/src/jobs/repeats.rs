//! Orders whose rows stand in more than one place of a file, found before any of them is placed.
//!
//! The file is read once more for it. An order of which only some rows were together could otherwise be placed without the
//! others: a file sorted by SKU would become many incomplete orders.

use platform::shutdown::Shutdown;

use super::documents::{Documents, Group};
use super::import::Kind;
use super::rows;

/// Where orders stand whose rows are in more than one place: the hash of the order and the line of the place, in that order.
///
/// Memory: 16 bytes a place while the file is read, so 16 MB for the million rows that a file may have by default.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<(u64, u32)>);

impl Repeats {
    /// Reads all documents; `None` when asked to stop meanwhile.
    pub(super) async fn find(
        kind: Kind,
        documents: &mut Documents,
        stop: &Shutdown,
    ) -> Result<Option<Repeats>, rows::Error> {
        let mut places = Vec::new();
        if kind != Kind::Orders {
            return Ok(Some(Repeats(places)));
        }
        while let Some(document) = documents.next().await? {
            places.extend(document.group.map(|group| (group.hash(), document.rows[0].line)));
            if stop.is_requested() {
                return Ok(None);
            }
            // Requests wait for this thread, and most documents are there already.
            tokio::task::coop::consume_budget().await;
        }
        Ok(Some(Repeats::among(places)))
    }

    fn among(mut places: Vec<(u64, u32)>) -> Repeats {
        places.sort_unstable();
        let repeated = places.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1);
        Repeats(repeated.flatten().copied().collect())
    }

    /// The first other line on which rows of this order begin.
    pub(super) fn elsewhere(&self, group: &Group, line: u32) -> Option<u32> {
        let hash = group.hash();
        let first = self.0.partition_point(|(other, _)| *other < hash);
        let same = self.0[first..].iter().take_while(|(other, _)| *other == hash);
        same.map(|(_, other)| *other).find(|other| *other != line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_in_two_places_is_told_the_other_one() {
        let group = |name: &str| Group::of(name.as_bytes());
        let place = |name: &str, line| (group(name).hash(), line);
        let repeats = Repeats::among(vec![place("A", 2), place("B", 3), place("A", 5), place("C", 6), place("A", 9)]);
        assert_eq!(repeats.elsewhere(&group("A"), 2), Some(5));
        assert_eq!(repeats.elsewhere(&group("A"), 9), Some(2));
        assert_eq!((repeats.elsewhere(&group("B"), 3), repeats.elsewhere(&group("D"), 1)), (None, None));
        assert_eq!(repeats.0.len(), 3, "what stands in one place costs nothing");
    }
}
