//! Receives the body of a bulk import: decompresses it, splits it into rows and stores them in chunks. Memory is bounded by one chunk and one
//! row, whatever the client sends.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::csv::{Header, InvalidHeader};
use super::import::{ImportOptions, RowFormat};
use super::limits::Limits;
use super::split::{self, Splitter};
use super::store::{self, Chunk, New, Store};

/// Minimum size of a chunk before it is stored. A chunk is one statement, and is loaded at once by a worker.
const CHUNK_BYTES: usize = 256 << 10;

/// Limit of the size of a row: the default limit of the body of a command.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Limit of concurrent uploads of an instance: each uses up to six megabytes of memory, and they share a few connections.
pub const UPLOADS_MAX: usize = 8;

/// Limit of the stored rows of bulk imports that have not ended, in multiples of the largest bulk import; includes failed jobs that wait for
/// an operator.
pub const WAITING_MAX: u64 = 64;

/// Compressed bytes that are decompressed in one step: gzip expands them at most a thousandfold.
const GZIP_STEP_BYTES: usize = 4 << 10;

/// An upload in progress.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    id: Uuid,
    options: ImportOptions,
    limits: Limits,
    gzip: Option<MultiGzDecoder<Unpacked>>,
    bytes: u64,
    digest: Sha256,
    splitter: Splitter,
    /// The incomplete row.
    row: Vec<u8>,
    /// Line on which the incomplete row starts.
    line: u32,
    header: Option<Vec<u8>>,
    rows: u32,
    chunk: Chunk,
}

/// Compression of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Uncompressed.
    Plain,
    /// gzip.
    Gzip,
}

/// The body was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The decompressed body is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// The body has too many rows.
    #[error("the body has more than {0} rows")]
    TooManyRows(u32),
    /// A row is too long.
    #[error(
        "the row on line {line} is longer than {ROW_BYTES_MAX} bytes; in CSV, the reason can be a quote that is not closed"
    )]
    RowTooLong {
        /// Line on which the row starts.
        line: u32,
    },
    /// The body has no rows.
    #[error("the body has no rows")]
    Empty,
    /// The body is not valid gzip data.
    #[error("the body cannot be decompressed")]
    Gzip(#[source] io::Error),
    /// The first row is not a valid header.
    #[error("the first row is not a valid header")]
    Header(#[from] InvalidHeader),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Upload {
    /// Starts an upload.
    pub fn begin(store: Store, options: ImportOptions, packing: Packing, limits: Limits) -> Upload {
        let max = limits.bytes;
        Upload {
            store,
            id: Uuid::now_v7(),
            options,
            limits,
            gzip: (packing == Packing::Gzip).then(|| MultiGzDecoder::new(Unpacked { bytes: Vec::new(), left: max })),
            bytes: 0,
            digest: digest_of(&options),
            splitter: Splitter::new(options.format),
            row: Vec::new(),
            line: 1,
            header: None,
            rows: 0,
            chunk: Chunk { first_row: 1, first_line: 1, bytes: Vec::new() },
        }
    }

    /// Receives the next bytes.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.gzip.is_none() {
            return self.take_plain(bytes).await;
        }
        for step in bytes.chunks(GZIP_STEP_BYTES) {
            let unpacked = self.unpack(|gzip| gzip.write_all(step))?;
            self.take_plain(&unpacked).await?;
            // Megabytes may have been decompressed without an await point.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Completes the upload. The result is the bulk import to queue under this key.
    pub async fn finish(mut self, key: Uuid) -> Result<New, Refused> {
        if self.gzip.is_some() {
            let unpacked = self.unpack(|gzip| gzip.try_finish())?;
            self.take_plain(&unpacked).await?;
        }
        self.end_row().await?;
        if self.rows == 0 {
            return Err(Refused::Empty);
        }
        self.keep().await?;
        let Upload { id, options, header, rows, bytes, digest, .. } = self;
        Ok(New { id, options, key, digest: digest.finalize().to_vec(), header, rows, bytes })
    }

    /// Deletes the stored rows.
    pub async fn undo(store: &Store, id: Uuid) {
        if let Err(error) = store.drop_chunks(id).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot delete the rows of an upload; they will be deleted later"
            );
        }
    }

    /// Id of the bulk import.
    pub fn id(&self) -> Uuid {
        self.id
    }

    fn unpack(
        &mut self,
        step: impl FnOnce(&mut MultiGzDecoder<Unpacked>) -> io::Result<()>,
    ) -> Result<Vec<u8>, Refused> {
        let Some(gzip) = &mut self.gzip else { return Ok(Vec::new()) };
        let stepped = step(gzip);
        match stepped {
            Ok(()) => Ok(std::mem::take(&mut gzip.get_mut().bytes)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(Refused::TooLarge(self.limits.bytes)),
            Err(error) => Err(Refused::Gzip(error)),
        }
    }

    async fn take_plain(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limits.bytes {
            return Err(Refused::TooLarge(self.limits.bytes));
        }
        self.digest.update(bytes);
        while let Some(end) = self.splitter.feed(bytes) {
            self.add(&bytes[..end])?;
            self.end_row().await?;
            bytes = &bytes[end..];
        }
        self.add(bytes)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.row.len() + bytes.len() > ROW_BYTES_MAX {
            return Err(Refused::RowTooLong { line: self.line });
        }
        self.row.extend_from_slice(bytes);
        Ok(())
    }

    async fn end_row(&mut self) -> Result<(), Refused> {
        let (is_blank, lines) = (split::is_blank(&self.row), split::lines_in(&self.row));
        let wants_header = self.options.format == RowFormat::Csv && self.header.is_none();
        if wants_header && !is_blank {
            let header = split::content(&self.row);
            Header::read(self.options.kind, header)?;
            self.header = Some(header.to_vec());
        }
        self.line += lines;
        if wants_header {
            self.row.clear();
            self.chunk.first_line = self.line;
            return Ok(());
        }
        self.rows += u32::from(!is_blank);
        if self.rows > self.limits.rows {
            return Err(Refused::TooManyRows(self.limits.rows));
        }
        self.chunk.bytes.append(&mut self.row);
        if self.chunk.bytes.len() >= CHUNK_BYTES {
            self.keep().await?;
        }
        Ok(())
    }

    /// Stores the chunk, unless it is empty, and starts the next one.
    async fn keep(&mut self) -> Result<(), Refused> {
        let next = Chunk { first_row: self.rows + 1, first_line: self.line, bytes: Vec::new() };
        let chunk = std::mem::replace(&mut self.chunk, next);
        if chunk.first_row <= self.rows {
            self.store.put_chunk(self.id, &chunk).await?;
        }
        Ok(())
    }
}

/// Starts the digest of the request with the options, so that a request with other options has another digest.
fn digest_of(options: &ImportOptions) -> Sha256 {
    let mut digest = Sha256::new();
    for word in [options.kind.as_str(), options.format.as_str(), options.on_error.as_str(), options.stock.as_str()] {
        digest.update(word);
        digest.update([0]);
    }
    digest.update([u8::from(options.dry_run)]);
    digest
}

/// Buffers decompressed bytes up to a limit.
#[derive(Debug)]
struct Unpacked {
    bytes: Vec<u8>,
    left: u64,
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
