//! Exports: whole lists and reports, written to files in the background. Built on `crate::reads`; `crate::http` is the interface.
//!
//! Jobs, schedules and files are objects in a store that several instances share ([`store`], [`layout`]); nothing is written to
//! PostgreSQL. What must happen once is the creation of an object that does not exist yet, which the store decides.
//!
//! - [`config`]: the settings; [`clock`]: the time; [`failure`]: why an attempt failed.
//! - [`job`]: an export and its progress; [`claim`]: which worker works on it; [`jobs`]: all exports of the store.
//! - [`worker`]: executes the jobs, one at a time; [`attempt`]: one execution, from the rows to the [`file`] in a [`format`]; [`columns`]:
//!   the columns of CSV and Parquet.
//! - [`schedule`] and [`occurrence`]: recurring exports; [`schedules`]: all schedules of the store.
//! - [`dataset_parser`]: reads the query of a job; [`measures`]: metrics.

pub mod attempt;
pub mod claim;
pub mod clock;
pub mod columns;
pub mod config;
pub mod dataset_parser;
pub mod failure;
pub mod file;
pub mod format;
pub mod job;
pub mod jobs;
pub mod layout;
pub mod measures;
pub mod occurrence;
pub mod schedule;
pub mod schedules;
pub mod store;
pub mod worker;
