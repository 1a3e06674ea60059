//! The report beside the file: one line for every line that is not in the log, and for every one that is, but not as it stands.
//!
//! The file is read a second time, so that nothing of its text is kept in memory. What the file says is made harmless for
//! spreadsheets, which would execute text that looks like a formula.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::{StringRecord, Writer};
use platform::spreadsheet;

use super::fate::Verdict;
use super::file::Lines;
use super::header::Header;
use super::record;

/// Columns before those of the file.
const COLUMNS: [&str; 4] = ["line", "outcome", "reason", "detail"];

/// A report that is being made; what is not finished goes away.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    part: PathBuf,
    file: Option<File>,
}

impl Report {
    /// Begins the report at `path`, or beside `source` (in the current folder, where that one cannot be written).
    pub fn begin(source: &Path, path: Option<&Path>) -> anyhow::Result<Report> {
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
        let part = path.with_extension("part.rejected.csv");
        let file = File::create(&part)
            .with_context(|| format!("creating the report {} (--rejections names another)", path.display()))?;
        Ok(Report { path: path.to_owned(), part, file: Some(file) })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, reading `source` once more.
    pub fn finish(mut self, source: &Path, verdict: &Verdict<'_>, fingerprint: u64) -> anyhow::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let told = || format!("writing the report {}", self.path.display());
        let mut lines = Lines::open(source)?;
        let header = Header::read(&mut lines)?;
        let mut report = csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file));
        write(&mut report, COLUMNS.map(str::to_owned), &header.names).with_context(told)?;
        let mut fields = StringRecord::new();
        while let Some(line) = lines.next_line()? {
            let (reason, notes) = (verdict.reason(line.number), verdict.notes(line.number));
            if reason.is_none() && notes.is_empty() {
                continue;
            }
            record::split_anyhow(line, &mut fields);
            if let Some(reason) = reason {
                let told_of =
                    [line.number.to_string(), "rejected".into(), reason.code().into(), reason.detail().into()];
                write(&mut report, told_of, &fields).with_context(told)?;
            }
            for note in notes {
                let told_of = [line.number.to_string(), "accepted".into(), note.code().into(), note.detail().into()];
                write(&mut report, told_of, &fields).with_context(told)?;
            }
        }
        if lines.fingerprint() != fingerprint {
            bail!("{} was changed while it was imported: import it again", source.display());
        }
        report.flush().with_context(told)?;
        fs::rename(&self.part, &self.path).with_context(told)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // After `finish` it is not there any more.
        let _ = fs::remove_file(&self.part);
    }
}

fn write(report: &mut Writer<BufWriter<File>>, told: [String; 4], fields: &StringRecord) -> csv::Result<()> {
    let cells = told.iter().map(String::as_str).chain(fields).map(spreadsheet::inert);
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
    use super::super::fate::Fates;
    use super::super::fixture::{Dir, HEADER};
    use super::super::plan::Plan;
    use super::*;

    #[test]
    fn the_report_lies_beside_the_file() {
        for source in ["data/sales.csv", "data/sales.csv.gz", "data/sales"] {
            assert_eq!(beside(Path::new(source)), Path::new("data/sales.rejected.csv"));
        }
    }

    #[test]
    fn every_rejected_line_is_in_it_as_it_stands_in_the_file() {
        let dir = Dir::new();
        let text = format!(
            "{HEADER}1,A,\"Cup, red\",-1,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/5/24 9:00,1.005,7,\n3,A,\"Cup,1\n4,A,Cup,1,1/5/24 9:00,1.00,7,UK\n"
        );
        let source = dir.write("sales.csv", text.as_bytes());
        let plan = Plan::of(&source).unwrap();
        let fates = Fates::untried(&plan);
        let verdict = Verdict::of(&plan, &fates);
        let report = Report::begin(&source, None).unwrap();
        report.finish(&source, &verdict, plan.survey.fingerprint).unwrap();
        let written = fs::read_to_string(dir.path("sales.rejected.csv")).unwrap();
        let expected = "line,outcome,reason,detail,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
            2,rejected,write-off,\"Pieces below zero outside of a C invoice are a correction of stock, not a sale.\",1,A,\"Cup, red\",-1,1/5/24 9:00,1.00,7,\n\
            3,accepted,price-rounded,\"Recorded with 100 pence a piece, rounded half to even.\",2,A,Cup,1,1/5/24 9:00,1.005,7,\n\
            4,rejected,open-quote,A quote is opened and not closed in this line. Close it; fields cannot hold line breaks.,\"3,A,\"\"Cup,1\"\n";
        assert_eq!(written, expected);
        assert_eq!(fs::read_dir(dir.path("")).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn no_text_of_the_file_is_a_formula() {
        let dir = Dir::new();
        let header = HEADER.replace("Country", "Country,=1+1");
        let source = dir.write("sales.csv", format!("{header}x,A,=1+1,-1,1/5/24 9:00,1.00,@SUM(1),UK,+\n").as_bytes());
        let plan = Plan::of(&source).unwrap();
        let fates = Fates::untried(&plan);
        let report = Report::begin(&source, None).unwrap();
        report.finish(&source, &Verdict::of(&plan, &fates), plan.survey.fingerprint).unwrap();
        let written = fs::read_to_string(dir.path("sales.rejected.csv")).unwrap();
        assert!(written.lines().next().unwrap().ends_with(",Country,'=1+1"), "{written}");
        assert!(written.ends_with(",x,A,'=1+1,-1,1/5/24 9:00,1.00,'@SUM(1),UK,'+\n"), "{written}");
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_told() {
        let dir = Dir::new();
        let source = dir.write("sales.csv", HEADER.as_bytes());
        let plan = Plan::of(&source).unwrap();
        dir.write("sales.csv", format!("{HEADER}1\n").as_bytes());
        let report = Report::begin(&source, Some(&dir.path("mine.csv"))).unwrap();
        let verdict = Verdict::of(&plan, &Fates::default());
        let error = report.finish(&source, &verdict, plan.survey.fingerprint).unwrap_err();
        assert!(error.to_string().contains("was changed while it was imported"));
        assert_eq!(fs::read_dir(dir.path("")).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_before_anything_is_sent() {
        let told = format!("{:#}", Report::begin(Path::new("x.csv"), Some(Path::new("/nowhere/x.csv"))).unwrap_err());
        assert!(told.starts_with("creating the report /nowhere/x.csv (--rejections names another): No such file"));
    }
}
