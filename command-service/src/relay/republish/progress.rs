//! [`Progress`] of republishing, which [`ProgressLine`] shows.

use std::time::{Duration, Instant};

use events::Position;
use platform::progress_line::ProgressLine;

/// How many events of the range are done: published, or skipped because of their topic.
#[derive(Debug, Clone)]
pub struct Progress {
    from: Position,
    to: Position,
    done: u64,
    started: Instant,
}

impl Progress {
    /// The progress before the first event of a range.
    pub(super) fn new(from: Position, to: Position) -> Progress {
        Progress { from, to, done: 0, started: Instant::now() }
    }

    pub(super) fn from(&self) -> Position {
        self.from
    }

    pub(super) fn to(&self) -> Position {
        self.to
    }

    /// All events up to this position are done.
    pub(super) fn advance(&mut self, position: Position) {
        self.done = (position.0 + 1 - self.from.0).max(0) as u64;
    }

    /// Shows the progress on a line.
    pub fn show(&self, line: &mut ProgressLine) {
        let elapsed = self.started.elapsed();
        line.show(|| self.text(elapsed), || self.json(elapsed));
    }

    fn total(&self) -> u64 {
        (self.to.0 + 1 - self.from.0) as u64
    }

    /// Events per second since the start.
    fn rate(&self, elapsed: Duration) -> u64 {
        (self.done as f64 / elapsed.as_secs_f64().max(0.001)) as u64
    }

    /// Seconds until the end at this rate; `None` before there is a rate.
    fn eta_s(&self, rate: u64) -> Option<u64> {
        (self.total() - self.done.min(self.total())).checked_div(rate)
    }

    fn text(&self, elapsed: Duration) -> String {
        let (rate, total) = (self.rate(elapsed), self.total());
        let eta = self.eta_s(rate).map_or_else(|| "unknown".to_owned(), |eta| format!("{eta} s"));
        format!("{} of {total} events, {rate} events/s, {eta} left", self.done)
    }

    fn json(&self, elapsed: Duration) -> String {
        let rate = self.rate(elapsed);
        serde_json::json!({
            "message": "publishing events again",
            "republish.events": self.done,
            "republish.events_total": self.total(),
            "republish.events_per_s": rate,
            "republish.eta_s": self.eta_s(rate),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_remaining_time_are_computed_from_the_events_so_far() {
        let mut progress = Progress::new(Position(101), Position(1_100));
        let elapsed = Duration::from_secs(2);
        assert_eq!(progress.text(elapsed), "0 of 1000 events, 0 events/s, unknown left");
        progress.advance(Position(300));
        assert_eq!(progress.text(elapsed), "200 of 1000 events, 100 events/s, 8 s left");
        let json: serde_json::Value = serde_json::from_str(&progress.json(elapsed)).unwrap();
        assert_eq!((&json["republish.events"], &json["republish.eta_s"]), (&200.into(), &8.into()));
    }
}
