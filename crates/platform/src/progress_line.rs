//! Shows the progress of a command on standard error: one line that is updated on a terminal, otherwise a line of JSON every few
//! seconds.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Interval between two updates of the line on a terminal.
const UPDATE_INTERVAL: Duration = Duration::from_millis(200);

/// Interval between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The line of one command.
#[derive(Debug)]
pub struct ProgressLine {
    is_terminal: bool,
    shown: Instant,
    is_visible: bool,
}

impl ProgressLine {
    /// A line that is first shown after the interval between two updates.
    #[expect(clippy::new_without_default, reason = "what is shown depends on standard error and on the time")]
    pub fn new() -> ProgressLine {
        ProgressLine { is_terminal: stderr().is_terminal(), shown: Instant::now(), is_visible: false }
    }

    /// Interval between two updates.
    pub fn interval(&self) -> Duration {
        if self.is_terminal { UPDATE_INTERVAL } else { LINE_INTERVAL }
    }

    /// Shows the progress, unless it was shown a moment ago: `text` on a terminal, otherwise `json`.
    pub fn show(&mut self, text: impl FnOnce() -> String, json: impl FnOnce() -> String) {
        if self.shown.elapsed() < self.interval() {
            return;
        }
        self.write(text, json);
    }

    /// Shows the last progress of a command, which stays on a terminal.
    pub fn end(mut self, text: impl FnOnce() -> String, json: impl FnOnce() -> String) {
        self.write(text, json);
        if self.is_terminal {
            let _ = writeln!(stderr());
        }
    }

    fn write(&mut self, text: impl FnOnce() -> String, json: impl FnOnce() -> String) {
        self.shown = Instant::now();
        self.is_visible = true;
        // There is nobody to tell if standard error is closed.
        let _ = match self.is_terminal {
            true => write!(stderr(), "\r\x1b[K{}", text()),
            false => writeln!(stderr(), "{}", json()),
        };
    }

    /// Removes the line from a terminal.
    pub fn clear(&self) {
        if self.is_terminal && self.is_visible {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
