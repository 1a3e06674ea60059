//! Writes a file to the store. It appears when it is complete; until then its parts are not visible, and they are removed if the
//! writer is aborted.

use bytes::Bytes;
use object_store::buffered::BufWriter;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::layout;
use super::store::{Store, StoreError};

/// A file that is being written.
pub struct FileWriter {
    writer: BufWriter,
    digest: Sha256,
    bytes: u64,
}

impl FileWriter {
    /// The file of an attempt.
    pub fn new(store: &Store, export: Uuid, attempt: u32) -> FileWriter {
        FileWriter { writer: store.writer(layout::file(export, attempt)), digest: Sha256::new(), bytes: 0 }
    }

    /// Size so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends bytes.
    pub async fn append(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.digest.update(&bytes);
        self.bytes += bytes.len() as u64;
        self.writer.put(Bytes::from(bytes)).await?;
        Ok(())
    }

    /// Completes the file; returns its size in bytes and its SHA-256 as hexadecimal digits.
    pub async fn finish(mut self) -> Result<(u64, String), StoreError> {
        self.writer.shutdown().await?;
        Ok((self.bytes, self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}
