//! Looks up the previous event of every partition before a range of the log, to which the first event of the partition in the range is
//! linked (`prevposition`).

use std::collections::HashSet;

use events::Position;

use crate::log::Log;
use crate::relay::error::Error;
use crate::relay::watermark::Watermark;

/// Events in one page: only positions and streams are read.
const PAGE: i64 = 10_000;

/// The watermark before `from`. `published` is the relay checkpoint, after `from`, which knows the last event of each partition. If
/// that event is before `from`, it is the one to find. For the other partitions, the log is read backwards, a page at a time, until an
/// event of each of them is found.
pub async fn find(log: &Log, from: Position, published: &Watermark) -> Result<Watermark, Error> {
    let mut watermark = published.at_start();
    let mut open = HashSet::new();
    for partition in published.all_partitions() {
        match published.last(partition) {
            last if last < from => watermark.restore(partition, last),
            _ => {
                open.insert(partition);
            }
        }
    }
    let mut before = from;
    while !open.is_empty() && before > Position(1) {
        for (position, stream) in log.list_streams_before(before, PAGE).await? {
            let partition = watermark.partition_of(&stream);
            if open.remove(&partition) {
                watermark.restore(partition, position);
            }
        }
        before = Position(before.0 - PAGE);
    }
    if let Some(last) = log.read_after(Position((from.0 - 2).max(0)), 1).await?.first()
        && last.position < from
    {
        watermark.incarnation = last.incarnation;
        watermark.position = last.position;
    }
    Ok(watermark)
}
