//! Random files: valid files with a random change, and random bytes after a header.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::site::{CSV, NDJSON};

/// Bytes that often reveal defects: ends of rows and fields, partial characters, U+0000, formulas.
const NASTY: [&[u8]; 17] = [
    b"\r", b"\n", b"\r\n", b"\n\r", b"\"", b"\"\"", b",", b"\0", b"\xff", b"\xc3", b"\\u0000", b"\\ud800", b"\\", b"{",
    b"}", b"=1+1", b" \t",
];

/// A kind and a format with a valid file. `%` stands for a number that no other file has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) kind: &'static str,
    pub(super) media_type: &'static str,
    header: &'static str,
    rows: &'static str,
}

const SHAPES: [Shape; 8] = [
    Shape {
        kind: "stock",
        media_type: CSV,
        header: "sku,quantity,reference\n",
        rows: "MUG,5,a\r\nCUP,7,\"b, c\"\rJUG,1,\nMUG,2,\"d \"\"e\"\"\"\n",
    },
    Shape {
        kind: "stock",
        media_type: NDJSON,
        header: "",
        rows: "{\"sku\":\"MUG\",\"quantity\":5}\r\n{\"sku\":\"CUP\",\"quantity\":7,\"reference\":\"b\"}\r\n\r\
            {\"sku\":\"JUG\",\"quantity\":1}",
    },
    Shape {
        kind: "products",
        media_type: CSV,
        header: "sku,name,price_GBP\n",
        rows: "A%,\"A, a\",1\rB%,B,2\r\nC%,\"C \"\"c\"\"\",3\nA%,Other,4\n",
    },
    Shape {
        kind: "products",
        media_type: NDJSON,
        header: "",
        rows: "{\"sku\":\"A%\",\"name\":\"A\",\"prices\":{\"GBP\":1}}\r{\"sku\":\"B%\",\"name\":\"B\",\"prices\":{}}\n",
    },
    Shape {
        kind: "orders",
        media_type: CSV,
        header: "external_ref,currency,sku,quantity,note\n",
        rows: "r%-1,GBP,MUG,1,\"ring\ntwice\"\rr%-1,,CUP,2,\r\nr%-2,GBP,JUG,4,\nr%-3,GBP,MUG,8,\nr%-3,GBP,CUP,16,\n",
    },
    Shape {
        kind: "orders",
        media_type: NDJSON,
        header: "",
        rows: "{\"external_ref\":\"r%-1\",\"currency\":\"GBP\",\"lines\":[{\"sku\":\"MUG\",\"quantity\":1},\
            {\"sku\":\"CUP\",\"quantity\":2}]}\r\
            {\"external_ref\":\"r%-2\",\"currency\":\"GBP\",\"lines\":[{\"sku\":\"JUG\",\"quantity\":4}]}\n",
    },
    Shape {
        kind: "customers",
        media_type: CSV,
        header: "email,name\n",
        rows: "a%@example.com,\"A, a\"\rb%@example.com,B\r\nc%@example.com,\n",
    },
    Shape {
        kind: "customers",
        media_type: NDJSON,
        header: "",
        rows: "{\"email\":\"a%@example.com\"}\r{\"email\":\"b%@example.com\",\"name\":\"B\"}\n",
    },
];

/// A file to import, and the size of the parts in which it is sent.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) shape: Shape,
    pub(super) bytes: Vec<u8>,
    pub(super) part: usize,
}

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Insert(Index, Vec<u8>),
    Remove(Index),
    Replace(Index, u8),
    /// The bytes between two places are copied to a third.
    Repeat(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), prop::sample::select(NASTY.to_vec())).prop_map(|(at, text)| Change::Insert(at, text.to_vec())),
        1 => any::<Index>().prop_map(Change::Remove),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(|(one, other, at)| Change::Repeat(one, other, at)),
    ]
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        // One more than the number of bytes: also after the last.
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Change::Insert(at, text) => {
                let at = place(at);
                drop(bytes.splice(at..at, text.iter().copied()));
            }
            Change::Remove(at) => drop((!bytes.is_empty()).then(|| bytes.remove(at.index(bytes.len())))),
            Change::Replace(at, byte) => {
                let at = place(at);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Change::Repeat(one, other, at) => {
                let (one, other, at) = (place(one), place(other), place(at));
                let repeated = bytes[one.min(other)..one.max(other)].to_vec();
                bytes.splice(at..at, repeated);
            }
        }
    }
}

/// The rows of a file.
fn rows(right: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let changed = (any::<u32>(), prop::collection::vec(change(), 0..4)).prop_map(move |(number, changes)| {
        let mut bytes = right.replace('%', &number.to_string()).into_bytes();
        changes.iter().for_each(|change| change.make(&mut bytes));
        bytes
    });
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\",AB12\0".to_vec())];
    prop_oneof![4 => changed, 1 => prop::collection::vec(byte, 0..80)]
}

pub(super) fn file() -> impl Strategy<Value = File> {
    prop::sample::select(SHAPES.to_vec()).prop_flat_map(|shape| {
        let mark = prop_oneof![3 => Just(""), 1 => Just("\u{feff}")];
        (rows(shape.rows), mark, 1..40_usize).prop_map(move |(rows, mark, part)| File {
            shape,
            bytes: [mark.as_bytes(), shape.header.as_bytes(), &rows].concat(),
            part,
        })
    })
}
