//! What the tests of the import share: a folder of their own, and surveys of lines that they write down.

use std::path::PathBuf;

use super::survey::Survey;

/// A folder that goes away with the test.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Dir {
        let dir = std::env::temp_dir().join(format!("import-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&dir).unwrap();
        Dir(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The first line of every file.
pub(crate) const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// What a file of these lines holds.
pub(crate) fn survey(lines: &str) -> Survey {
    let dir = Dir::new();
    Survey::read(&dir.write("survey.csv", format!("{HEADER}{lines}").as_bytes())).unwrap()
}
