//! A report as CSV (RFC 4180): a header and the rows, written while they are sent.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;

use crate::csv_records;
use crate::reads::reports::cell::Cell;
use crate::reads::reports::table::ReportType;

/// The media type, with the parameters of RFC 4180, section 3.
pub(super) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// Rows that are written at once: about 100 KB.
const CHUNK_ROWS: usize = 1000;

/// The name under which a browser saves the file.
pub(super) fn file_name(report: &'static ReportType) -> HeaderValue {
    let attachment = format!("attachment; filename=\"{}.csv\"", report.name);
    HeaderValue::try_from(attachment).expect("the name of a report consists of letters")
}

/// A body that consists of the header and the rows. Only one chunk of its text is in memory.
pub(super) fn stream(report: &'static ReportType, rows: Vec<Vec<Cell>>) -> Body {
    let mut rows = rows.into_iter().peekable();
    let mut header = Some(header_of(report));
    let chunks = std::iter::from_fn(move || {
        let first = header.take();
        if first.is_none() && rows.peek().is_none() {
            return None;
        }
        let mut text = first.unwrap_or_default();
        let chunk = rows.by_ref().take(CHUNK_ROWS).map(|row| row.iter().map(Cell::to_text).collect::<Vec<_>>());
        csv_records::append(&mut text, chunk);
        Some(Ok::<_, Infallible>(Bytes::from(text)))
    });
    Body::from_stream(futures::stream::iter(chunks))
}

fn header_of(report: &'static ReportType) -> Vec<u8> {
    let mut text = Vec::new();
    csv_records::append(&mut text, [report.columns.iter().map(|column| column.name.to_owned()).collect()]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::reports::products::PRODUCTS;

    async fn text(rows: Vec<Vec<Cell>>) -> String {
        let bytes = axum::body::to_bytes(stream(&PRODUCTS, rows), usize::MAX).await.expect("a body");
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    fn row(sku: &str, net: i64) -> Vec<Cell> {
        let mut row = vec![Cell::Text(sku.to_owned()), Cell::Text("GBP".to_owned())];
        row.extend([net; 7].map(Cell::Number));
        row.push(Cell::Empty);
        row
    }

    #[tokio::test]
    async fn a_report_begins_with_its_header_and_rows_end_with_cr_lf() {
        let header =
            "sku,currency,units_ordered,units_cancelled,units_returned,ordered,cancelled,returned,refunded,net\r\n";
        assert_eq!(text(Vec::new()).await, header);
        assert_eq!(text(vec![row("A", -5)]).await, format!("{header}A,GBP,-5,-5,-5,-5,-5,-5,-5,\r\n"));
    }

    #[tokio::test]
    async fn a_name_that_looks_like_a_formula_is_escaped() {
        assert!(text(vec![row("-1-2", 0)]).await.contains("\r\n'-1-2,GBP,0"));
    }

    #[tokio::test]
    async fn every_row_of_a_large_report_is_written_once() {
        for count in [CHUNK_ROWS - 1, CHUNK_ROWS, 2 * CHUNK_ROWS, 2 * CHUNK_ROWS + 1] {
            let written = text((0..count).map(|number| row(&format!("SKU-{number}"), 1)).collect()).await;
            let skus: Vec<_> = written.lines().skip(1).map(|line| line.split(',').next().expect("a field")).collect();
            assert_eq!(skus, (0..count).map(|number| format!("SKU-{number}")).collect::<Vec<_>>());
        }
    }
}
