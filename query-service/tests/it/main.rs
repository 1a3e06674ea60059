//! What the query-service promises, shown on real servers. `house` is what happened before, `service` asks and looks at
//! the answers.

mod cached;
mod catalogue;
mod consistency;
mod document;
mod erased;
mod faults;
mod house;
mod incarnations;
mod lists;
mod orders;
mod overload;
mod rights;
mod schemas;
mod service;
