//! What commands show: results on standard output, progress on standard error.

use std::io::Write;

use platform::progress_line::ProgressLine;
use serde::Serialize;

use crate::operate::Done;
use crate::operator_error::OperatorError;
use crate::rebuild::progress::{Progress, Shown};

/// Writes a line of the result. If nobody reads the results any more (`| head`), there is nothing to report.
pub(super) fn print_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs an operation and shows its progress until it ends.
pub(super) async fn shown(
    name: &str,
    progress: &Progress,
    operation: impl Future<Output = Result<Done, OperatorError>>,
) -> Result<Done, OperatorError> {
    let mut line = ProgressLine::new();
    let mut operation = std::pin::pin!(operation);
    loop {
        let done = tokio::time::timeout(line.interval(), &mut operation).await;
        let now = progress.now();
        let (text, json) = (|| format!("{name}  {now}"), || json_line(name, &now));
        match done {
            Ok(done) => {
                line.end(text, json);
                return done;
            }
            Err(_) => line.show(text, json),
        }
    }
}

fn json_line(name: &str, now: &Shown) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        projection: &'a str,
        #[serde(flatten)]
        now: &'a Shown,
    }
    serde_json::to_string(&Line { projection: name, now }).unwrap_or_default()
}
