//! Runs the examples in the READMEs of both services: every `curl` command of every `sh` block, in order. The comment before a
//! command may start with the expected status; otherwise the status must be 2xx.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::fleet::{Fleet, FleetConfig, Service};
use testbed::Bed;

/// A command in a README.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    line: String,
    /// Expected status; any 2xx if the README states none.
    status: Option<u16>,
}

/// All `curl` commands in the `sh` blocks of a README. A backslash at the end of a line continues the command on the next line.
fn examples(readme: &str) -> Vec<Example> {
    let (mut found, mut status, mut pending, mut in_block) = (Vec::new(), None, String::new(), false);
    for line in readme.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
            continue;
        }
        if !in_block {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            status = comment.split_whitespace().next().and_then(|word| word.trim_end_matches(':').parse().ok());
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => pending.push_str(part),
            None => {
                let whole = std::mem::take(&mut pending) + line;
                if whole.starts_with("curl ") {
                    found.push(Example { line: whole, status: status.take() });
                }
            }
        }
    }
    found
}

fn read(name: &str) -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    examples(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Runs an example. Returns the status and the output with headers.
fn run(example: &Example, fleet: &Fleet, options: &str) -> (u16, String) {
    let mut line = example.line.replacen("curl ", &format!("curl -si {options} -w '\\n%{{http_code}}' "), 1);
    for (service, port) in [(Service::Command, "18081"), (Service::Query, "18082")] {
        line = line.replace(&format!("localhost:{port}"), &fleet.addr(service).unwrap().to_string());
    }
    let output = Command::new("bash").args(["-c", &line]).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = output.rsplit('\n').next().and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, output)
}

fn check(example: &Example, (status, output): &(u16, String)) {
    let is_expected = example.status.map_or((200..300).contains(status), |expected| expected == *status);
    assert!(is_expected, "{}\nexpected status {:?}:\n{output}", example.line, example.status);
}

fn token(output: &str) -> Option<i64> {
    output.lines().find_map(|line| line.strip_prefix("consistency-token: ")?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_has_the_expected_status() {
    let exports = tempfile::tempdir().unwrap();
    let fleet = FleetConfig::all_services(&Bed::new().await.unwrap())
        .with(Service::Query, "EXPORTS_DIR", exports.path().to_str().unwrap())
        .start()
        .await
        .unwrap();
    let mut newest = 0;
    for example in read("command-service/README.md") {
        let answer = run(&example, &fleet, "");
        check(&example, &answer);
        newest = token(&answer.1).unwrap_or(0).max(newest);
    }
    assert!(newest > 0, "no example returned a consistency token");
    // A reader who types the commands gives the projector this time.
    let fresh = format!("-H 'Consistency-Token: {newest}' -H 'Prefer: wait=10'");
    for example in read("query-service/README.md") {
        check(&example, &run(&example, &fleet, &fresh));
    }
    fleet.finish();
}

#[test]
fn examples_are_found_with_their_expected_status() {
    let readme = "# Title\n```sh\n# 409: too many\ncurl -s \\\n  a\ncurl b\nls\n```\ncurl c\n```json\ncurl d\n```\n";
    let found = examples(readme);
    let expected = [("curl -s   a", Some(409)), ("curl b", None)];
    assert_eq!(found.len(), expected.len());
    for (example, (line, status)) in found.iter().zip(expected) {
        assert_eq!((example.line.as_str(), example.status), (line, status));
    }
}
