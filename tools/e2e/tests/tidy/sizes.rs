//! Every file opens with a header, no function is too long, and the sizes of files and functions are printed.

use std::io::Write;

use crate::sources::{CRATES, Source, of_crate};
use crate::syntax::Syntax;

/// Longest function, in lines.
const MAX_FUNCTION_LINES: usize = 70;

/// Files above this length are printed.
const LONG_FILE_LINES: usize = 400;

#[test]
fn every_file_opens_with_a_header() {
    for file in CRATES.into_iter().flat_map(of_crate) {
        assert!(file.text.starts_with("//!"), "{} does not open with a header (`//!`)", file.path);
    }
}

#[test]
fn no_function_is_too_long() {
    let files: Vec<Source> = CRATES.into_iter().flat_map(of_crate).collect();
    let mut functions = Vec::new();
    for file in &files {
        functions.extend(Syntax::of(&file.text).functions.into_iter().map(|(name, lines)| (lines, &*file.path, name)));
    }
    report(&files, functions.iter().map(|(lines, ..)| *lines).collect());
    let long = functions.iter().filter(|(lines, ..)| *lines > MAX_FUNCTION_LINES);
    let long: Vec<String> = long.map(|(lines, file, name)| format!("{file}: {name} has {lines} lines")).collect();
    assert!(long.is_empty(), "functions of more than {MAX_FUNCTION_LINES} lines:\n{}", long.join("\n"));
}

/// Prints past the output capture of the test harness, so that the sizes are part of every run.
fn report(files: &[Source], mut functions: Vec<usize>) {
    let mut lines: Vec<usize> = files.iter().map(|file| file.text.lines().count()).collect();
    lines.sort_unstable();
    functions.sort_unstable();
    let quantile = |sorted: &[usize], percent: usize| sorted[sorted.len() * percent / 100];
    let mut text = format!(
        "sizes: {} files, median {} lines, longest {}; {} functions, p90 {} lines, longest {}\n",
        lines.len(),
        quantile(&lines, 50),
        lines.last().unwrap(),
        functions.len(),
        quantile(&functions, 90),
        functions.last().unwrap(),
    );
    for file in files.iter().filter(|file| file.text.lines().count() > LONG_FILE_LINES) {
        text += &format!("sizes: {} has {} lines\n", file.path, file.text.lines().count());
    }
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
