//! Writes the results of commands to standard output.

use std::io::Write;

/// Writes a line. If nobody reads the results any more (`| head`), there is nothing to report, and `println!` would panic.
pub fn print_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
