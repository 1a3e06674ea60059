//! Folds the streams of a category from the log, stream by stream in the order of their ids: for rebuilds and for
//! verifications.
//!
//! The log has an index by stream and version, so the events of a stream arrive one after the other and the fold needs the
//! memory of one stream, however long the log is. Ids of orders contain their time, so neighbours in this order are
//! neighbours in the log. [`plan`] divides the streams into segments, [`source`] waits for a standby, [`reader`] reads the
//! events of a segment with `COPY`, [`bounds`] has up to where streams are folded, [`fold`] folds them and hands states and
//! rows to a [`Sink`].

mod bounds;
pub mod fold;
pub mod plan;
pub mod reader;
pub mod source;

pub use bounds::Bounds;
pub use fold::{Folded, Sink, Unfoldable, fold_segment};
pub use plan::Segment;
