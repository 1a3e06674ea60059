//! Tests of the query service on real servers. [`fixture`] writes the log and, with the real projector, the read models;
//! [`service`] starts a query service, sends requests and inspects the responses.

mod cached;
mod catalogue;
mod consistency;
mod customers;
mod document;
mod erased;
mod events;
mod faults;
mod fixture;
mod incarnations;
mod lists;
mod orders;
mod overload;
mod reports;
mod rights;
mod schemas;
mod service;
mod stats;
mod stock_holds;
mod timeline;
