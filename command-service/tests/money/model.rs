//! The model in Python, as a process that checks one order after the other.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::history::History;

/// A running model. The process ends when its standard input is closed.
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

    /// Differences between the model and the platform.
    pub(crate) fn differences(&self, history: &History) -> Vec<String> {
        let mut pipes = self.0.borrow_mut();
        writeln!(pipes.input.as_mut().unwrap(), "{history}").unwrap();
        let mut response = String::new();
        pipes.output.read_line(&mut response).unwrap();
        serde_json::from_str(&response).expect("the model responds to each order with a line of JSON")
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let pipes = self.0.get_mut();
        pipes.input = None;
        // The model stops at the end of its input.
        let _ = pipes.child.wait();
    }
}
