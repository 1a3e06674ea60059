//! Delays between retries: exponential backoff with full jitter, so that many clients do not retry at the same time.
//! (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)

use std::time::Duration;

/// Upper bound of the first delay: short enough to go unnoticed after a brief failure.
pub const BASE: Duration = Duration::from_millis(50);
/// Upper bound of every delay: a dependency that works again is used within seconds.
pub const CAP: Duration = Duration::from_secs(5);

/// The delays of one worker. Each delay is uniformly distributed from zero to a bound that doubles up to the cap.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Delays between [`BASE`] and [`CAP`].
    pub fn new() -> Self {
        Self::between(BASE, CAP)
    }

    /// Delays with other bounds.
    pub fn between(base: Duration, cap: Duration) -> Self {
        Backoff { base, cap, failures: 0 }
    }

    /// Starts after this number of consecutive failures.
    pub fn after(self, failures: u32) -> Self {
        Backoff { failures, ..self }
    }

    /// The delay after another failure.
    pub fn next_delay(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fastrand::f64())
    }

    /// Starts again with the shortest delay, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Number of consecutive failures.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn bound(&self) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).and_then(|times| self.base.checked_mul(times));
        doubled.map_or(self.cap, |bound| bound.min(self.cap))
    }
}

/// A duration between half of `interval` and `interval`, so that instances with the same interval do not act at the same time.
pub fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_cap_and_start_again() {
        let mut backoff = Backoff::between(Duration::from_millis(10), Duration::from_millis(100));
        for bound_ms in [10, 20, 40, 80, 100, 100] {
            assert_eq!(backoff.bound(), Duration::from_millis(bound_ms));
            assert!(backoff.next_delay() <= Duration::from_millis(bound_ms));
        }
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_millis(10));
    }

    #[test]
    fn a_long_outage_does_not_overflow() {
        assert!(Backoff::new().after(u32::MAX).next_delay() <= CAP);
    }

    #[test]
    fn a_jittered_interval_is_shorter_but_never_longer() {
        let second = Duration::from_secs(1);
        assert!((0..20).all(|_| (second / 2..=second).contains(&jittered(second))));
    }

    #[test]
    fn delays_differ() {
        let waits: std::collections::HashSet<_> = (0..20).map(|_| Backoff::new().next_delay()).collect();
        assert!(waits.len() > 1);
    }
}
