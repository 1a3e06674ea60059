//! What the query-service promises, shown on real servers. `house` is what happened before, `service` asks and looks at
//! the answers, `proxy` stands before a server and lets it die.

mod cached;
mod catalogue;
mod consistency;
mod document;
mod erased;
mod faults;
mod house;
mod lists;
mod orders;
mod proxy;
mod rights;
mod schemas;
mod service;
