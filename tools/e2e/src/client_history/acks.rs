//! Acknowledged commands, and files of acknowledged commands (JSON Lines, RFC 8259 per line).

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An acknowledged command: a command that received a 2xx response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The idempotency key; the log stores a UUID unchanged.
    pub key: Uuid,
    /// The stream that the command is addressed to.
    pub stream: String,
    /// Code of the order, if the command placed an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Version of the stream after the command.
    pub version: i32,
    /// Position of the last event of the command.
    pub position: i64,
}

/// Reads a file that contains one JSON object per line.
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

/// Writes a file that [`read_file`] can read.
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
    fn acks_are_read_back_and_an_error_names_the_invalid_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ack = Ack { key: Uuid::now_v7(), stream: "stock-A@main".into(), code: None, version: 2, position: 7 };
        write_file(file.path(), &[ack.clone(), ack.clone()]).unwrap();
        assert_eq!(read_file(file.path()).unwrap(), [ack.clone(), ack]);
        std::fs::write(file.path(), "{}\n").unwrap();
        assert!(read_file(file.path()).unwrap_err().to_string().ends_with("line 1"));
    }
}
