//! The rejection report of a bulk import, as CSV or NDJSON. It is read from the database page by page while it is sent.
//!
//! NDJSON contains the original rows. CSV is opened in spreadsheets, which execute text that looks like a formula, so formulas in the foreign
//! text are escaped ([`platform::spreadsheet`]).

use bytes::Bytes;
use futures::Stream;
use platform::spreadsheet;
use serde::Serialize;

use super::import::{Import, ImportKind, RowFormat};
use super::store::{self, Rejection, Store, StoredText};

/// A line of the report.
#[derive(Serialize)]
struct Line<'a> {
    line: i32,
    key: Option<&'a str>,
    problem: &'a str,
    detail: &'a str,
    row: std::borrow::Cow<'a, str>,
}

impl Line<'_> {
    fn of(rejection: &Rejection) -> Line<'_> {
        let Rejection { line, key, problem, detail, bytes } = rejection;
        Line {
            line: *line,
            key: key.as_ref().map(StoredText::as_str),
            problem: problem.as_str(),
            detail: detail.as_str(),
            row: String::from_utf8_lossy(bytes),
        }
    }
}

/// The report as a stream of pages.
pub fn stream(
    store: Store,
    import: &Import,
    format: RowFormat,
) -> impl Stream<Item = Result<Bytes, store::Error>> + Send + use<> {
    let (import, shows_rows) = (import.id, import.options.kind != ImportKind::Customers);
    let head = match format {
        RowFormat::Csv => "line,key,problem,detail,row\n",
        RowFormat::Ndjson => "",
    };
    futures::stream::try_unfold((store, 0, head), move |(store, after, head)| async move {
        let mut page = store.list_rejections(import, after).await?;
        if !shows_rows {
            page.iter_mut().for_each(|rejection| rejection.bytes.clear());
        }
        let Some(last) = page.last().map(|rejection| rejection.line) else {
            let only_head = !head.is_empty();
            return Ok(only_head.then(|| (Bytes::from_static(head.as_bytes()), (store, after, ""))));
        };
        let mut bytes = head.as_bytes().to_vec();
        bytes.extend(written(format, &page));
        Ok(Some((Bytes::from(bytes), (store, last, ""))))
    })
}

fn written(format: RowFormat, page: &[Rejection]) -> Vec<u8> {
    match format {
        RowFormat::Csv => csv_of(page),
        RowFormat::Ndjson => page.iter().flat_map(json_of).collect(),
    }
}

fn csv_of(page: &[Rejection]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for rejection in page {
        let Line { line, key, problem, detail, row } = Line::of(rejection);
        let (line, key) = (line.to_string(), key.unwrap_or_default());
        let record = [&line, key, problem, detail, &row].map(|text| spreadsheet::inert(text));
        writer.write_record(record.iter().map(|text| text.as_bytes())).expect("writing to memory cannot fail");
    }
    writer.into_inner().expect("writing to memory cannot fail")
}

fn json_of(rejection: &Rejection) -> Vec<u8> {
    let mut json = serde_json::to_vec(&Line::of(rejection)).expect("a rejection is plain data");
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(key: &str, row: &[u8]) -> Rejection {
        Rejection {
            line: 3,
            key: Some(key.into()),
            problem: "invalid-body".into(),
            detail: "At /name: empty.".into(),
            bytes: row.to_vec(),
        }
    }

    #[test]
    fn no_text_of_the_sender_is_a_formula_in_csv() {
        let page = [rejection("=1+1", b"@SUM(1),\xff"), rejection("\t=1", b"+1;=2"), rejection("\r-A", b"-1")];
        let csv = String::from_utf8(written(RowFormat::Csv, &page)).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
        let cells: Vec<_> = reader.records().map(|record| record.unwrap()).collect();
        let of_sender: Vec<_> = cells.iter().map(|record| (&record[1], &record[4])).collect();
        assert_eq!(of_sender, [("'=1+1", "'@SUM(1),\u{fffd}"), ("'\t'=1", "'+1;'=2"), ("'\r'-A", "-1")]);
        let json: serde_json::Value = serde_json::from_slice(&written(RowFormat::Ndjson, &page[..1])).unwrap();
        assert_eq!((&json["key"], &json["row"]), (&"=1+1".into(), &"@SUM(1),\u{fffd}".into()));
    }

    #[test]
    fn the_report_contains_the_original_row() {
        let page = [rejection("MUG", b"MUG,\"a \"\"b\"\"\",1")];
        let csv = String::from_utf8(written(RowFormat::Csv, &page)).unwrap();
        assert_eq!(csv, "3,MUG,invalid-body,At /name: empty.,\"MUG,\"\"a \"\"\"\"b\"\"\"\"\"\",1\"\n");
        let json: serde_json::Value = serde_json::from_slice(&written(RowFormat::Ndjson, &page)).unwrap();
        assert_eq!(json["row"], "MUG,\"a \"\"b\"\"\",1");
    }
}
