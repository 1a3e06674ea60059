//! Writes the report: one line for every rejected line of the file, and one for every warning.
//!
//! The file is read a second time, so that its text does not have to be kept in memory. Text that a spreadsheet would execute
//! as a formula is made harmless.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::{StringRecord, Writer};
use platform::spreadsheet;

use crate::fields;
use crate::header::Header;
use crate::lines::Lines;
use crate::outcome::LineResults;

/// Columns of the report; the columns of the file follow.
const COLUMNS: [&str; 4] = ["line", "outcome", "reason", "detail"];

/// A report that is being written; removed when dropped unless finished.
#[derive(Debug)]
pub(crate) struct Report {
    path: PathBuf,
    unfinished: PathBuf,
    file: Option<File>,
}

impl Report {
    /// Creates the report at `path`; without a path, next to `source`, or in the current folder if that is not writable.
    pub(crate) fn begin(source: &Path, path: Option<&Path>) -> anyhow::Result<Report> {
        if let Some(path) = path {
            return Report::create(path);
        }
        let beside = beside(source);
        Report::create(&beside).or_else(|error| match beside.file_name() {
            Some(name) => Report::create(Path::new(name)).map_err(|_| error),
            None => Err(error),
        })
    }

    fn create(path: &Path) -> anyhow::Result<Report> {
        let unfinished = path.with_extension("part.rejected.csv");
        let file = File::create(&unfinished)
            .with_context(|| format!("creating the report {} (--rejections sets another path)", path.display()))?;
        Ok(Report { path: path.to_owned(), unfinished, file: Some(file) })
    }

    /// Path of the finished report.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the report, reading `source` a second time.
    pub(crate) fn finish(mut self, source: &Path, results: &LineResults<'_>, fingerprint: u64) -> anyhow::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let context = || format!("writing the report {}", self.path.display());
        let mut lines = Lines::open(source)?;
        let header = Header::read(&mut lines)?;
        let mut report = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file));
        write(&mut report, COLUMNS.map(str::to_owned), &header.names).with_context(context)?;
        let mut fields = StringRecord::new();
        while let Some(line) = lines.next_line()? {
            let (reason, warnings) = (results.reason(line.number), results.warnings(line.number));
            if reason.is_none() && warnings.is_empty() {
                continue;
            }
            fields::split_lossy(line, &mut fields);
            if let Some(reason) = reason {
                let result = [line.number.to_string(), "rejected".into(), reason.code().into(), reason.detail().into()];
                write(&mut report, result, &fields).with_context(context)?;
            }
            for warning in warnings {
                let result =
                    [line.number.to_string(), "accepted".into(), warning.code().into(), warning.detail().into()];
                write(&mut report, result, &fields).with_context(context)?;
            }
        }
        if lines.fingerprint() != fingerprint {
            bail!("{} changed during the import: import the file again", source.display());
        }
        report.flush().with_context(context)?;
        fs::rename(&self.unfinished, &self.path).with_context(context)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // `finish` has renamed the file, so there is nothing left to remove after it.
        let _ = fs::remove_file(&self.unfinished);
    }
}

fn write(report: &mut Writer<BufWriter<File>>, result: [String; 4], fields: &StringRecord) -> csv::Result<()> {
    let cells = result.iter().map(String::as_str).chain(fields).map(spreadsheet::inert);
    report.write_record(cells.map(|cell| cell.into_owned().into_bytes()))
}

/// `data/sales.rejected.csv` for `data/sales.csv` and `data/sales.csv.gz`.
fn beside(source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = stem.strip_suffix(".csv").unwrap_or(stem);
    source.with_file_name(format!("{stem}.rejected.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Dir, HEADER};
    use crate::outcome::Outcomes;
    use crate::plan::ImportPlan;

    #[test]
    fn the_report_is_created_next_to_the_file() {
        for source in ["data/sales.csv", "data/sales.csv.gz", "data/sales"] {
            assert_eq!(beside(Path::new(source)), Path::new("data/sales.rejected.csv"));
        }
    }

    #[test]
    fn every_rejected_line_is_copied_to_the_report() {
        let dir = Dir::new();
        let text = format!(
            "{HEADER}1,A,\"Cup, red\",-1,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/5/24 9:00,1.005,7,\n3,A,\"Cup,1\n4,A,Cup,1,1/5/24 9:00,1.00,7,UK\n"
        );
        let source = dir.write("sales.csv", text.as_bytes());
        let plan = ImportPlan::of(&source).unwrap();
        let outcomes = Outcomes::all_complete(&plan);
        let results = LineResults::of(&plan, &outcomes);
        let report = Report::begin(&source, None).unwrap();
        report.finish(&source, &results, plan.contents.fingerprint).unwrap();
        let written = fs::read_to_string(dir.path("sales.rejected.csv")).unwrap();
        let expected = "line,outcome,reason,detail,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
            2,rejected,write-off,\"A negative quantity outside of a C invoice is a stock correction, not a sale.\",1,A,\"Cup, red\",-1,1/5/24 9:00,1.00,7,\n\
            3,accepted,price-rounded,\"The recorded price is 100 pence per unit, rounded half to even.\",2,A,Cup,1,1/5/24 9:00,1.005,7,\n\
            4,rejected,open-quote,A quote is opened but not closed in this line. Close the quote; fields cannot contain line breaks.,\"3,A,\"\"Cup,1\"\n";
        assert_eq!(written, expected);
        assert_eq!(fs::read_dir(dir.path("")).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn text_of_the_file_is_never_a_formula_in_the_report() {
        let dir = Dir::new();
        let header = HEADER.replace("Country", "Country,=1+1");
        let source = dir.write("sales.csv", format!("{header}x,A,=1+1,-1,1/5/24 9:00,1.00,@SUM(1),UK,+\n").as_bytes());
        let plan = ImportPlan::of(&source).unwrap();
        let outcomes = Outcomes::all_complete(&plan);
        let report = Report::begin(&source, None).unwrap();
        report.finish(&source, &LineResults::of(&plan, &outcomes), plan.contents.fingerprint).unwrap();
        let written = fs::read_to_string(dir.path("sales.rejected.csv")).unwrap();
        assert!(written.lines().next().unwrap().ends_with(",Country,'=1+1"), "{written}");
        assert!(written.ends_with(",x,A,'=1+1,-1,1/5/24 9:00,1.00,'@SUM(1),UK,'+\n"), "{written}");
    }

    #[test]
    fn a_change_of_the_file_during_the_import_is_an_error() {
        let dir = Dir::new();
        let source = dir.write("sales.csv", HEADER.as_bytes());
        let plan = ImportPlan::of(&source).unwrap();
        dir.write("sales.csv", format!("{HEADER}1\n").as_bytes());
        let report = Report::begin(&source, Some(&dir.path("mine.csv"))).unwrap();
        let results = LineResults::of(&plan, &Outcomes::default());
        let error = report.finish(&source, &results, plan.contents.fingerprint).unwrap_err();
        assert!(error.to_string().contains("changed during the import"));
        assert_eq!(fs::read_dir(dir.path("")).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_report_that_cannot_be_created_is_an_error_before_the_first_request() {
        let error = format!("{:#}", Report::begin(Path::new("x.csv"), Some(Path::new("/nowhere/x.csv"))).unwrap_err());
        assert!(error.starts_with("creating the report /nowhere/x.csv (--rejections sets another path): No such file"));
    }
}
