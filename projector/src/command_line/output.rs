//! Shows the progress of commands on standard error.

use platform::progress_line::ProgressLine;
use serde::Serialize;

use crate::operate::Done;
use crate::operator_error::OperatorError;
use crate::rebuild::progress::{Progress, Shown};

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
