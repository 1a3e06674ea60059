//! Number of events per write: halved when the connection breaks, doubled after each success.

/// Number of events that one write may contain.
#[derive(Debug)]
pub(super) struct BatchSize {
    max: usize,
    current: usize,
}

impl BatchSize {
    pub(super) fn new(max: usize) -> BatchSize {
        BatchSize { max, current: max }
    }

    pub(super) fn events(&self) -> usize {
        self.current
    }

    /// The connection broke during a write of this number of events.
    pub(super) fn shrink(&mut self, events: usize) {
        self.current = (events / 2).max(1);
    }

    /// A write succeeded.
    pub(super) fn grow(&mut self) {
        self.current = self.current.saturating_mul(2).min(self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_halved_when_a_connection_breaks_and_grows_again() {
        let mut size = BatchSize::new(2_000);
        let mut sizes = Vec::new();
        for _ in 0..12 {
            sizes.push(size.events());
            size.shrink(size.events());
        }
        assert_eq!(sizes, [2_000, 1_000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1]);
        for _ in 0..11 {
            size.grow();
        }
        assert_eq!(size.events(), 2_000);
    }
}
