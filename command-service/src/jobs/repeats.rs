//! Finds orders whose CSV rows do not follow each other directly, before any order is placed.
//!
//! The file is read an additional time for this. Otherwise an order could be placed without the rows that are elsewhere: a file that is sorted
//! by SKU would become many incomplete orders.

use platform::shutdown::Shutdown;

use super::documents::Documents;
use super::group::Group;
use super::import::ImportKind;
use super::rows;

/// The places of orders whose rows are in several places: hash of the order and line of the place, sorted in this order.
///
/// Memory: 16 bytes per place while the file is read, so 16 MB for the default limit of a million rows.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<(u64, u32)>);

impl Repeats {
    /// Reads all documents; `None` if the shutdown was requested.
    pub(super) async fn find(
        kind: ImportKind,
        documents: &mut Documents,
        stop: &Shutdown,
    ) -> Result<Option<Repeats>, rows::Error> {
        let mut places = Vec::new();
        if kind != ImportKind::Orders {
            return Ok(Some(Repeats(places)));
        }
        while let Some(document) = documents.next().await? {
            places.extend(document.group.map(|group| (group.hash(), document.rows[0].line)));
            if stop.is_requested() {
                return Ok(None);
            }
            // Requests wait for this thread, and most documents are available without waiting.
            tokio::task::coop::consume_budget().await;
        }
        Ok(Some(Repeats::among(places)))
    }

    fn among(mut places: Vec<(u64, u32)>) -> Repeats {
        places.sort_unstable();
        let repeated = places.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1);
        Repeats(repeated.flatten().copied().collect())
    }

    /// The first other line on which rows of this order start.
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
    fn an_order_in_two_places_has_the_line_of_the_other_place() {
        let group = |name: &str| Group::of(name.as_bytes());
        let place = |name: &str, line| (group(name).hash(), line);
        let repeats = Repeats::among(vec![place("A", 2), place("B", 3), place("A", 5), place("C", 6), place("A", 9)]);
        assert_eq!(repeats.elsewhere(&group("A"), 2), Some(5));
        assert_eq!(repeats.elsewhere(&group("A"), 9), Some(2));
        assert_eq!((repeats.elsewhere(&group("B"), 3), repeats.elsewhere(&group("D"), 1)), (None, None));
        assert_eq!(repeats.0.len(), 3, "orders in one place use no memory");
    }
}
