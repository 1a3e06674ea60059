//! A source of requests for the load generator.

use crate::connection::Answer;

/// Builds the requests of a run; every connection has its own clone.
pub trait RequestSource: Clone + Send + 'static {
    /// The bytes of request `number`, valid until the next call.
    fn nth(&mut self, number: u64) -> &[u8];

    /// Called with the answer to the last request; an error ends the run.
    fn answered(&mut self, _: Answer<'_>) -> anyhow::Result<()> {
        Ok(())
    }
}
