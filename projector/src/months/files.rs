//! The folder of an archived month: one file per table and the manifest, which is written last. A file appears under its
//! name only when it is complete on the disk.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use super::manifest::{self, ArchivedTable, Manifest};
use super::row_file::RowFileReader;
use crate::frame::month::Month;
use crate::frame::row_bytes::RowShape;

/// The folder of an archived month.
#[derive(Debug, Clone)]
pub(super) struct MonthFolder {
    path: PathBuf,
}

impl MonthFolder {
    /// The folder of a month of a projection in the folder of all archives.
    pub(super) fn of(archives: &Path, projection: &str, month: Month) -> MonthFolder {
        MonthFolder { path: archives.join(projection).join(month.to_string()) }
    }

    /// Path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder, unless it exists.
    pub(super) fn create(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.path).with_context(|| format!("creating folder {}", self.path.display()))
    }

    /// The manifest; `None` if there is none.
    pub(super) fn manifest(&self) -> anyhow::Result<Option<Manifest>> {
        let path = self.path.join(manifest::FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("reading {}", path.display()))?,
        };
        let manifest: Manifest = serde_json::from_str(&text)
            .with_context(|| format!("{} is not the manifest of an archived month", path.display()))?;
        let (known, found) = (manifest::FORMAT, manifest.format);
        ensure!(found == known, "{} has format {found}, and this build reads format {known}", path.display());
        Ok(Some(manifest))
    }

    /// Writes the manifest.
    pub(super) fn write_manifest(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(manifest)? + "\n";
        self.write(manifest::FILE_NAME, |path| {
            let mut file = File::create(path)?;
            file.write_all(text.as_bytes())?;
            Ok(file.sync_all()?)
        })
    }

    /// Writes a file under another name, and gives it its name when it is complete on the disk.
    pub(super) fn write<T>(&self, name: &str, write: impl FnOnce(&Path) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let partial = self.partial(name);
        let written = write(&partial).with_context(|| format!("writing {}", partial.display()))?;
        self.complete(name)?;
        Ok(written)
    }

    /// The name of a file that is not complete.
    pub(super) fn partial(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.partial"))
    }

    /// Gives a complete file its name.
    pub(super) fn complete(&self, name: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let renamed = fs::rename(self.partial(name), &path).and_then(|()| File::open(&self.path)?.sync_all());
        renamed.with_context(|| format!("completing {}", path.display()))
    }

    /// Bytes and SHA-256 of a file.
    pub(super) fn digest(&self, name: &str) -> anyhow::Result<(u64, String)> {
        let path = self.path.join(name);
        digest(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// Opens the file of a table after comparing its bytes with the manifest.
    pub(super) fn open(&self, table: &ArchivedTable, shape: &RowShape) -> anyhow::Result<RowFileReader> {
        let path = self.path.join(&table.file);
        let (bytes, sha256) = self.digest(&table.file)?;
        ensure!(
            (bytes, &sha256) == (table.bytes, &table.sha256),
            "{} is not the file that was archived: it has {bytes} bytes and SHA-256 {sha256}, the manifest has {} bytes and {}",
            path.display(),
            table.bytes,
            table.sha256
        );
        RowFileReader::open(&path, shape).with_context(|| format!("reading {}", path.display()))
    }

    /// Reads the file of a table back, and compares its bytes and its rows with the manifest.
    pub(super) fn verify(&self, table: &ArchivedTable, shape: &RowShape) -> anyhow::Result<()> {
        let found = self.open(table, shape)?.checksum();
        let path = self.path.join(&table.file);
        let found = found.with_context(|| format!("reading {}", path.display()))?;
        ensure!(found == table.row_checksum(), "the rows of {} are not those of the manifest", path.display());
        Ok(())
    }
}

fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut sha256, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => {
                sha256.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
    let digest: [u8; 32] = sha256.finalize().into();
    Ok((bytes, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}
