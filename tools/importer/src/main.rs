//! `importer FILE`: imports order lines in the columns of the "Online Retail" data set. The work is in [`importer`].

use std::process::ExitCode;

use clap::Parser;
use importer::{Options, import_file};

#[tokio::main]
async fn main() -> ExitCode {
    match import_file(Options::parse()).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("importer: {error:#}");
            ExitCode::FAILURE
        }
    }
}
