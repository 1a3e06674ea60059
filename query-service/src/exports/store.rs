//! The object store of exports: JSON documents and files. Today a directory; the type [`ObjectStore`] allows others, such as S3.
//!
//! Every instance uses the same store. An object appears whole or not at all, and of several that create the same object, one succeeds.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Size of a part of a file, of which two are in memory: the smallest that S3 accepts.
const PART_BYTES: usize = 5 << 20;

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The directory, if the objects are files.
    directory: Option<PathBuf>,
}

/// The store did not do what was requested.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer, or refused the request.
    #[error("the store of exports failed")]
    Unavailable(#[from] ObjectError),
    /// A document cannot be read by this release.
    #[error("a document in the store of exports cannot be read")]
    Document(#[from] serde_json::Error),
    /// A file cannot be written, or a directory cannot be removed.
    #[error("a file of exports cannot be written or removed")]
    File(#[from] io::Error),
}

impl Store {
    /// The store in a directory, which is created if it does not exist.
    pub fn open_directory(directory: &FilePath) -> anyhow::Result<Store> {
        // Files may contain personal data, so other accounts cannot read them.
        let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        created.with_context(|| format!("creating EXPORTS_DIR {}", directory.display()))?;
        let files = LocalFileSystem::new_with_prefix(directory)
            .with_context(|| format!("opening EXPORTS_DIR {}", directory.display()))?
            .with_fsync(true);
        let directory = directory.canonicalize().context("EXPORTS_DIR")?;
        Ok(Store { objects: Arc::new(files), directory: Some(directory) })
    }

    /// Creates a document; returns whether it did not exist before.
    pub(super) async fn create<T: Serialize>(&self, path: &Path, document: &T) -> Result<bool, StoreError> {
        let payload = PutPayload::from(serde_json::to_vec(document)?);
        match self.objects.put_opts(path, payload, PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(true),
            Err(ObjectError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates or replaces a document.
    pub(super) async fn replace<T: Serialize>(&self, path: &Path, document: &T) -> Result<(), StoreError> {
        self.objects.put(path, PutPayload::from(serde_json::to_vec(document)?)).await?;
        Ok(())
    }

    /// Finds a document.
    pub(super) async fn find<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StoreError> {
        match self.objects.get(path).await {
            Ok(found) => Ok(Some(serde_json::from_slice(&found.bytes().await?)?)),
            Err(ObjectError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an object exists.
    pub(super) async fn exists(&self, path: &Path) -> Result<bool, StoreError> {
        match self.objects.head(path).await {
            Ok(_) => Ok(true),
            Err(ObjectError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of the objects and folders in a folder, sorted.
    pub(super) async fn list_names(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
        let found = match self.objects.list_with_delimiter(Some(folder)).await {
            Ok(found) => found,
            Err(ObjectError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let objects = found.objects.into_iter().map(|object| object.location);
        let paths = objects.chain(found.common_prefixes);
        let mut names: Vec<String> = paths.filter_map(|path| path.filename().map(ToOwned::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Deletes an object, if it exists.
    pub(super) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.objects.delete(path).await {
            Ok(()) | Err(ObjectError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes all objects of a folder.
    pub(super) async fn delete_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let objects: Vec<Path> = self.objects.list(Some(folder)).map_ok(|it| it.location).try_collect().await?;
        for object in objects {
            self.delete(&object).await?;
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        // Also the incomplete files of a process that ended meanwhile, which the object store does not list.
        let directory = directory.join(folder.as_ref());
        match tokio::task::spawn_blocking(move || std::fs::remove_dir_all(directory)).await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes a file, which appears when the writer is shut down.
    pub(super) fn writer(&self, path: Path) -> BufWriter {
        BufWriter::with_capacity(Arc::clone(&self.objects), path, PART_BYTES).with_max_concurrency(1)
    }

    /// The size of a file in bytes, and its content; `None` if it does not exist.
    pub async fn read(&self, path: &Path) -> Result<Option<(u64, BoxStream<'static, io::Result<Bytes>>)>, StoreError> {
        match self.objects.get(path).await {
            Ok(found) => Ok(Some((found.meta.size, found.into_stream().map_err(io::Error::other).boxed()))),
            Err(ObjectError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
