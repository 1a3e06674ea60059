//! What a client was promised: one acknowledged command. Kept by the load, checked against the log afterwards.

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A 2xx answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The idempotency key; the log keeps a UUID as it is.
    pub key: Uuid,
    /// The stream that the command addressed.
    pub stream: String,
    /// The order's code, where the command gave one out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Version of the stream after the command.
    pub version: i32,
    /// Position of the command's last event.
    pub position: i64,
}

/// Reads a file with one JSON object a line.
pub fn read_file(path: &Path) -> anyhow::Result<Vec<Ack>> {
    let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut acks = Vec::new();
    for (line, number) in std::io::BufReader::new(file).lines().zip(1..) {
        let line = line.with_context(|| format!("reading {}", path.display()))?;
        let ack = serde_json::from_str(&line).with_context(|| format!("{}, line {number}", path.display()))?;
        acks.push(ack);
    }
    Ok(acks)
}

/// Writes a file that [`read_file`] reads.
pub fn write_file(path: &Path, acks: &[Ack]) -> anyhow::Result<()> {
    let file = std::fs::File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut out = std::io::BufWriter::new(file);
    for ack in acks {
        serde_json::to_writer(&mut out, ack)?;
        out.write_all(b"\n")?;
    }
    out.flush().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_are_read_back_and_a_broken_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ack = Ack { key: Uuid::now_v7(), stream: "stock-A@main".into(), code: None, version: 2, position: 7 };
        write_file(file.path(), &[ack.clone(), ack.clone()]).unwrap();
        assert_eq!(read_file(file.path()).unwrap(), [ack.clone(), ack]);
        std::fs::write(file.path(), "{}\n").unwrap();
        assert!(read_file(file.path()).unwrap_err().to_string().ends_with("line 1"));
    }
}
