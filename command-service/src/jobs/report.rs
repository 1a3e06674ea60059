//! The report of an import's rejections, as CSV or NDJSON, written page by page while it is sent.

use bytes::Bytes;
use futures::Stream;
use serde::Serialize;

use super::import::{Format, Import, Kind};
use super::store::{self, Rejection, Store};

/// A rejection as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    line: i32,
    key: Option<&'a str>,
    problem: &'a str,
    detail: &'a str,
    row: std::borrow::Cow<'a, str>,
}

/// The report in pieces.
pub fn stream(
    store: Store,
    import: &Import,
    format: Format,
) -> impl Stream<Item = Result<Bytes, store::Error>> + Send + use<> {
    let (import, shows_rows) = (import.id, import.asked.kind != Kind::Customers);
    let head = match format {
        Format::Csv => "line,key,problem,detail,row\n",
        Format::Ndjson => "",
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

fn written(format: Format, page: &[Rejection]) -> Vec<u8> {
    match format {
        Format::Csv => csv_of(page),
        Format::Ndjson => page.iter().flat_map(json_of).collect(),
    }
}

fn csv_of(page: &[Rejection]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for rejection in page {
        let Rejection { line, key, problem, detail, bytes } = rejection;
        let (line, key) = (line.to_string(), key.as_deref().unwrap_or_default());
        let record = [line.as_bytes(), key.as_bytes(), problem.as_bytes(), detail.as_bytes(), bytes];
        writer.write_record(record).expect("memory takes every record");
    }
    writer.into_inner().expect("memory takes every byte")
}

fn json_of(rejection: &Rejection) -> Vec<u8> {
    let Rejection { line, key, problem, detail, bytes } = rejection;
    let row = String::from_utf8_lossy(bytes);
    let line = Line { line: *line, key: key.as_deref(), problem, detail, row };
    let mut json = serde_json::to_vec(&line).expect("a rejection is plain data");
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_in_the_report_as_it_came() {
        let rejection = Rejection {
            line: 3,
            key: Some("MUG".into()),
            problem: "invalid-body".into(),
            detail: "At /name: empty.".into(),
            bytes: b"MUG,\"a \"\"b\"\"\",1".to_vec(),
        };
        let page = [rejection];
        let csv = String::from_utf8(written(Format::Csv, &page)).unwrap();
        assert_eq!(csv, "3,MUG,invalid-body,At /name: empty.,\"MUG,\"\"a \"\"\"\"b\"\"\"\"\"\",1\"\n");
        let json: serde_json::Value = serde_json::from_slice(&written(Format::Ndjson, &page)).unwrap();
        assert_eq!(json["row"], "MUG,\"a \"\"b\"\"\",1");
    }
}
