//! The leader lease, taken over from the relay that holds it, so that the relay sends nothing meanwhile.

use std::time::{Duration, Instant};

use events::Position;

use super::error::Error;
use crate::relay::checkpoint::take_over::TakeOver;
use crate::relay::checkpoint::{Checkpoint, Lease};
use crate::relay::error;

/// Longest wait for the lease. A relay has its lease for some seconds ([`DEFAULT_LEASE`](crate::relay::config::DEFAULT_LEASE)).
const TAKE_OVER_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between attempts to take over a lease that another process uses to publish events again.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The leader lease of this process.
pub(super) struct HeldLease {
    checkpoint: Checkpoint,
    lease: Lease,
    /// When the lease ends that the previous holder had; until then it may send events.
    predecessor_until: Instant,
}

/// Takes over the lease: its holder cannot renew it any more.
pub(super) async fn take_over(checkpoint: &Checkpoint) -> Result<HeldLease, Error> {
    let deadline = Instant::now() + TAKE_OVER_TIMEOUT;
    loop {
        match checkpoint.take_over(TAKE_OVER_TIMEOUT).await? {
            TakeOver::Taken { lease, predecessor, remaining } => {
                if !remaining.is_zero() {
                    tracing::info!(
                        relay.predecessor = predecessor,
                        relay.remaining_ms = remaining.as_millis() as u64,
                        "took over the relay lease; waiting until the lease of the previous holder ends"
                    );
                }
                let predecessor_until = Instant::now() + remaining;
                return Ok(HeldLease { checkpoint: checkpoint.clone(), lease, predecessor_until });
            }
            TakeOver::Held { holder, remaining } if Instant::now() >= deadline => {
                return Err(Error::LeaseHeld { holder, remaining });
            }
            TakeOver::Held { .. } => tokio::time::sleep(RETRY_INTERVAL).await,
        }
    }
}

impl HeldLease {
    /// The relay checkpoint.
    pub(super) fn checkpoint(&self) -> Position {
        self.lease.watermark.position
    }

    /// Waits until the previous holder sends no more events.
    pub(super) async fn until_predecessor_ended(&mut self) -> Result<(), error::Error> {
        while Instant::now() < self.predecessor_until {
            let wake = self.predecessor_until.min(self.renew_at());
            tokio::time::sleep_until(wake.into()).await;
            self.renew_if_due().await?;
        }
        Ok(())
    }

    /// When the lease has to be renewed: early enough for several attempts of the same duration.
    pub(super) fn renew_at(&self) -> Instant {
        self.lease.until - self.checkpoint.lease() * 2 / 3
    }

    /// Renews the lease if it is time. An error if the lease has ended or another process has it; no event may be sent then.
    pub(super) async fn renew_if_due(&mut self) -> Result<(), error::Error> {
        if Instant::now() >= self.renew_at() {
            let watermark = &self.lease.watermark;
            // The checkpoint stays where it is.
            let saved = self.checkpoint.save(self.lease.epoch, watermark, watermark).await?;
            self.lease.until = saved.ok_or(error::Error::LostLeadership)?.until;
        }
        match Instant::now() < self.lease.until {
            true => Ok(()),
            false => Err(error::Error::LostLeadership),
        }
    }

    /// Releases the lease, so that a relay continues at once.
    pub(super) async fn release(self) {
        if let Err(error) = self.checkpoint.release(self.lease.epoch).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "releasing the relay lease failed; a relay continues when the lease ends"
            );
        }
    }
}
