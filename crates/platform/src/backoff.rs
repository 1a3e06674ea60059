//! How long to wait before the next attempt: exponential with full jitter, so that a crowd does not come back together.
//! (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)

use std::time::Duration;

/// The first wait is at most this long: short enough to go unnoticed after a hiccup.
pub const BASE: Duration = Duration::from_millis(50);
/// No wait is longer: what has come back is found within seconds.
pub const CAP: Duration = Duration::from_secs(5);

/// The waits of one worker. Each is drawn evenly from zero to a bound that doubles up to the cap.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// With [`BASE`] and [`CAP`].
    pub fn new() -> Self {
        Self::between(BASE, CAP)
    }

    /// With bounds of its own.
    pub fn between(base: Duration, cap: Duration) -> Self {
        Backoff { base, cap, failures: 0 }
    }

    /// The same after so many failures in a row, for who remembers only their number.
    pub fn after(self, failures: u32) -> Self {
        Backoff { failures, ..self }
    }

    /// The wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fastrand::f64())
    }

    /// Something worked: the next wait is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures came in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn bound(&self) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).and_then(|times| self.base.checked_mul(times));
        doubled.map_or(self.cap, |bound| bound.min(self.cap))
    }
}

/// Between half of `interval` and all of it, so that instances which look regularly do not look together.
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
    fn a_regular_look_comes_early_but_never_late() {
        let second = Duration::from_secs(1);
        assert!((0..20).all(|_| (second / 2..=second).contains(&jittered(second))));
    }

    #[test]
    fn waits_differ() {
        let waits: std::collections::HashSet<_> = (0..20).map(|_| Backoff::new().next_delay()).collect();
        assert!(waits.len() > 1);
    }
}
