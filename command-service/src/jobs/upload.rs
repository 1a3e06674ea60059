//! Takes an import's body as it comes: unpacks it, finds its rows, keeps them in chunks. Memory is bounded by a chunk and a row,
//! whatever the client sends.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Limits;
use super::csv::{Header, InvalidHeader};
use super::import::{Asked, Format};
use super::split::{self, Splitter};
use super::store::{self, Chunk, New, Store};

/// Bytes of rows from which on a chunk is kept: one statement each, and what a worker loads at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Longest row: as long as a body of one command may be by default.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Uploads that one instance takes at once: each has up to six megabytes in memory, and one of its few connections in turn.
pub const UPLOADS_MAX: usize = 8;

/// Imports of the largest size whose rows may wait, for any instance; a dead letter waits for its operator.
pub const WAITING_MAX: u64 = 64;

/// Packed bytes that are unpacked in one go: gzip makes at most a thousand times as many of them.
const GZIP_STEP_BYTES: usize = 4 << 10;

/// A body coming in.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    id: Uuid,
    asked: Asked,
    limits: Limits,
    gzip: Option<MultiGzDecoder<Unpacked>>,
    bytes: u64,
    digest: Sha256,
    splitter: Splitter,
    /// The row that was begun.
    row: Vec<u8>,
    /// The line that it begins on.
    line: u32,
    header: Option<Vec<u8>>,
    rows: u32,
    chunk: Chunk,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// By gzip.
    Gzip,
}

/// Why a body is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is too large, unpacked.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// It has too many rows.
    #[error("the body has more than {0} rows")]
    TooManyRows(u32),
    /// One of its rows is too long.
    #[error(
        "the row that begins on line {line} is longer than {ROW_BYTES_MAX} bytes; in CSV a quote that is not closed has this effect"
    )]
    RowTooLong {
        /// Where it begins.
        line: u32,
    },
    /// It has no row.
    #[error("the body has no rows")]
    Empty,
    /// It is not what gzip makes.
    #[error("the body cannot be unpacked")]
    Gzip(#[source] io::Error),
    /// Its first row is not a header.
    #[error("the first row is not a header")]
    Header(#[from] InvalidHeader),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Upload {
    /// A body that has not begun.
    pub fn begin(store: Store, asked: Asked, packing: Packing, limits: Limits) -> Upload {
        let max = limits.bytes;
        Upload {
            store,
            id: Uuid::now_v7(),
            asked,
            limits,
            gzip: (packing == Packing::Gzip).then(|| MultiGzDecoder::new(Unpacked { bytes: Vec::new(), left: max })),
            bytes: 0,
            digest: digest_of(&asked),
            splitter: Splitter::new(asked.format),
            row: Vec::new(),
            line: 1,
            header: None,
            rows: 0,
            chunk: Chunk { first_row: 1, first_line: 1, bytes: Vec::new() },
        }
    }

    /// Takes the next bytes.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.gzip.is_none() {
            return self.take_plain(bytes).await;
        }
        for step in bytes.chunks(GZIP_STEP_BYTES) {
            let unpacked = self.unpack(|gzip| gzip.write_all(step))?;
            self.take_plain(&unpacked).await?;
            // Megabytes may have been unpacked, and without a row to keep nothing was waited for.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// All of it is there: what to queue under this key.
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
        let Upload { id, asked, header, rows, bytes, digest, .. } = self;
        Ok(New { id, asked, key, digest: digest.finalize().to_vec(), header, rows, bytes })
    }

    /// Throws away what was kept.
    pub async fn undo(store: &Store, id: Uuid) {
        if let Err(error) = store.drop_chunks(id).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an upload is thrown away later");
        }
    }

    /// The name under which its rows are kept.
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
        let wants_header = self.asked.format == Format::Csv && self.header.is_none();
        if wants_header && !is_blank {
            let header = split::content(&self.row);
            Header::read(self.asked.kind, header)?;
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

    /// Keeps the chunk, if there is anything in it, and begins the next.
    async fn keep(&mut self) -> Result<(), Refused> {
        let next = Chunk { first_row: self.rows + 1, first_line: self.line, bytes: Vec::new() };
        let chunk = std::mem::replace(&mut self.chunk, next);
        if chunk.first_row <= self.rows {
            self.store.put_chunk(self.id, &chunk).await?;
        }
        Ok(())
    }
}

/// What is asked beside the body: another question is another digest.
fn digest_of(asked: &Asked) -> Sha256 {
    let mut digest = Sha256::new();
    for word in [asked.kind.as_str(), asked.format.as_str(), asked.on_error.as_str(), asked.stock.as_str()] {
        digest.update(word);
        digest.update([0]);
    }
    digest.update([u8::from(asked.dry_run)]);
    digest
}

/// Takes what gzip unpacks, up to a limit.
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
