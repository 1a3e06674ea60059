//! The document of an order, its summary in lists, and its fold.
//!
//! [`document`] is the response of `GET /v1/orders/{id}` and at the same time the state of the fold: it contains the
//! quantities and sums of `events::order::progress`, so that decider and read model agree. [`subdocuments`] are its
//! lines, payments, fulfilments, returns and notes; [`fold`] applies events; [`erasure`] removes the personal data;
//! [`summary`] is the order in a list; [`search`] has the values by which lists are filtered and searched.

mod document;
mod erasure;
mod fold;
mod search;
mod subdocuments;
mod summary;

pub use document::OrderDocument;
pub use search::MAX_SEARCH_TEXT_CHARS;
pub use subdocuments::{OrderFulfilment, OrderLine, OrderNote, OrderPayment, OrderReturn};
pub use summary::OrderSummary;
