//! Rules, events and read models do no I/O, do not wait, and use neither a clock nor randomness.

use crate::sources::of_crate;

/// Text that must not occur in the code of a pure crate.
const FORBIDDEN: [&str; 9] =
    ["async ", ".await", "Utc::now", "SystemTime", "Instant::now", "rand::", "std::fs", "std::net", "std::thread"];

#[test]
fn rules_events_and_read_models_are_pure() {
    for file in ["crates/domain", "crates/read-model", "events"].into_iter().flat_map(of_crate) {
        for text in FORBIDDEN {
            let found = file.code().find(|line| line.contains(text));
            assert_eq!(found, None, "`{text}` is not allowed in {}", file.path);
        }
    }
}
