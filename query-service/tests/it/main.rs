//! Tests of the query service on real servers. [`fixture`] writes the log and, with the real projector, the read models;
//! [`service`] starts a query service, sends requests and inspects the responses; [`sse`] reads streams; [`varnish`] starts a caching
//! proxy in front of a service; [`export_instance`] executes exports without HTTP, step by step.

mod cached;
mod catalogue;
mod consistency;
mod customer_search;
mod customers;
mod document;
mod erased;
mod event_stream;
mod events;
mod export_instance;
mod export_requests;
mod export_schedules;
mod export_worker;
mod exports;
mod faults;
mod fixture;
mod incarnations;
mod lists;
mod order_as_of;
mod order_with_parts;
mod orders;
mod overload;
mod replicas;
mod report_as_of;
mod reports;
mod response_headers;
mod rights;
mod schemas;
mod service;
mod shared_cache;
mod sse;
mod stats;
mod stock_holds;
mod timeline;
mod varnish;
