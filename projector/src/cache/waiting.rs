//! The values that wait for Redis, bounded in number and bytes.

use std::collections::HashMap;
use std::time::Duration;

use super::entry::Entry;

/// Maximum number of values in one pipeline: about 300 kB, which Redis writes within a few milliseconds.
const PIPELINE_ENTRIES: usize = 200;

/// Maximum size of a pipeline in bytes, so that large values are written within the timeout; a pipeline has at least
/// one value.
const PIPELINE_BYTES: usize = 1024 * 1024;

/// Maximum number of keys that wait: about 30 MB of orders.
const WAITING_MAX: usize = 20_000;

/// Maximum size of the values that wait, in bytes: enough for 20,000 orders of usual size.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Values that are not written yet: the newest value of each key.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    values: HashMap<String, (String, Duration)>,
    bytes: usize,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a value, which replaces an older value of its key; returns the value if there is no room.
    pub(super) fn put(&mut self, entry: Entry) -> Result<(), Entry> {
        let replaced = self.values.get(&entry.key).map(|(value, _)| value.len());
        let bytes = self.bytes - replaced.unwrap_or(0) + entry.value.len();
        let exceeds_keys = replaced.is_none() && self.values.len() >= WAITING_MAX;
        if exceeds_keys || bytes > WAITING_BYTES_MAX {
            // An older value of the key would be stale for as long as a missing value.
            self.remove(&entry.key);
            return Err(entry);
        }
        self.bytes = bytes;
        self.values.insert(entry.key, (entry.value, entry.ttl));
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Some((value, _)) = self.values.remove(key) {
            self.bytes -= value.len();
        }
    }

    /// Value and time to live of a key.
    pub(super) fn get(&self, key: &str) -> Option<(&str, Duration)> {
        self.values.get(key).map(|(value, ttl)| (value.as_str(), *ttl))
    }

    /// The keys of the next pipeline.
    pub(super) fn next_keys(&self) -> Vec<String> {
        let mut bytes = 0;
        let keys = self.values.iter().take(PIPELINE_ENTRIES).take_while(|(_, (value, _))| {
            let has_room = bytes == 0 || bytes + value.len() <= PIPELINE_BYTES;
            bytes += value.len();
            has_room
        });
        keys.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: usize, bytes: usize) -> Entry {
        Entry { key: key.to_string(), value: "x".repeat(bytes), ttl: Duration::from_secs(1) }
    }

    #[test]
    fn large_values_do_not_fill_the_memory() {
        let mut waiting = Waiting::default();
        let large = WAITING_BYTES_MAX / 4;
        for key in 0..4 {
            waiting.put(entry(key, large)).unwrap();
        }
        waiting.put(entry(4, 1)).unwrap_err();
        waiting.put(entry(0, 1)).unwrap();
        waiting.put(entry(4, 1)).unwrap();
        waiting.put(entry(1, 2 * large)).unwrap_err();
        assert!(!waiting.values.contains_key("1"), "the older value is removed as well");
        assert_eq!(waiting.bytes, 2 * large + 2);
    }

    #[test]
    fn a_pipeline_has_few_large_values_or_many_small_ones() {
        let mut waiting = Waiting::default();
        (0..1_000).for_each(|key| waiting.put(entry(key, 1)).unwrap());
        assert_eq!(waiting.next_keys().len(), PIPELINE_ENTRIES);
        let mut waiting = Waiting::default();
        (0..10).for_each(|key| waiting.put(entry(key, PIPELINE_BYTES / 3)).unwrap());
        assert_eq!(waiting.next_keys().len(), 3);
        let mut waiting = Waiting::default();
        (0..10).for_each(|key| waiting.put(entry(key, 2 * PIPELINE_BYTES)).unwrap());
        assert_eq!(waiting.next_keys().len(), 1);
    }
}
