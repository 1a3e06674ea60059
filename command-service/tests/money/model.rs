//! The model in Python, as a process that is asked about one order after the other.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::history::History;

/// A running model; it ends with its standard input.
pub(crate) struct Model(RefCell<Pipes>);

struct Pipes {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Model {
    pub(crate) fn start() -> Model {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/money/model.py");
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed");
        let output = BufReader::new(child.stdout.take().unwrap());
        let input = child.stdin.take();
        Model(RefCell::new(Pipes { child, input, output }))
    }

    /// What the model sees differently.
    pub(crate) fn differences(&self, history: &History) -> Vec<String> {
        let mut pipes = self.0.borrow_mut();
        writeln!(pipes.input.as_mut().unwrap(), "{history}").unwrap();
        let mut answer = String::new();
        pipes.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).expect("the model answers each order with a line of JSON")
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let pipes = self.0.get_mut();
        pipes.input = None;
        // It reads the end of its input.
        let _ = pipes.child.wait();
    }
}
