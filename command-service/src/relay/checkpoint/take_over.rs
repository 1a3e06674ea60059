//! Taking the leader lease from the relay that holds it, for [`republish`](crate::relay::republish).
//!
//! The new epoch prevents the previous holder from renewing the lease, which then ends. No other relay acquires it meanwhile.

use std::time::{Duration, Instant};

use events::{Incarnation, Position};

use super::{Checkpoint, Error, Lease};
use crate::database::during;
use crate::relay::watermark::Watermark;

/// Begin of the names of instances that publish events again. Their leases are not taken over.
const REPUBLISHING: &str = "republish/";

/// Result of an attempt to take over the lease.
#[derive(Debug)]
pub enum TakeOver {
    /// This instance has the lease. The predecessor may send events until the remaining time of its lease has passed.
    Taken { lease: Lease, predecessor: String, remaining: Duration },
    /// Another instance publishes events again, or a relay has the lease for too long.
    Held { holder: String, remaining: Duration },
}

/// Name of an instance that publishes events again, from a name that is unique among these instances.
pub fn republishing_instance(name: &str) -> String {
    format!("{REPUBLISHING}{name}")
}

impl Checkpoint {
    /// Takes over the lease if it ends within `longest`, unless its holder publishes events again.
    pub async fn take_over(&self, longest: Duration) -> Result<TakeOver, Error> {
        const TAKE_OVER: &str = "
            with before as (
                select leader, extract(epoch from greatest(lease_until, now()) - now())::float8 as remaining
                from relay_checkpoint for update
            ),
            taken as (
                update relay_checkpoint c
                set epoch = c.epoch + 1, leader = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
                from before b
                where b.remaining = 0 or (b.remaining <= $3 and not starts_with(b.leader, $4))
                returning c.epoch, c.incarnation, c.position
            )
            select b.leader, b.remaining, t.epoch, t.incarnation, t.position from before b left join taken t on true";
        let requested = Instant::now();
        let (leader, remaining, epoch, incarnation, position) =
            sqlx::query_as::<_, (String, f64, Option<i64>, Option<i32>, Option<i64>)>(TAKE_OVER)
                .bind(&self.instance)
                .bind(self.lease.as_secs_f64())
                .bind(longest.as_secs_f64())
                .bind(REPUBLISHING)
                .fetch_one(&self.database)
                .await
                .map_err(during("taking over the relay leader lease"))?;
        let remaining = Duration::from_secs_f64(remaining);
        let (Some(epoch), Some(incarnation), Some(position)) = (epoch, incarnation, position) else {
            return Ok(TakeOver::Held { holder: leader, remaining });
        };
        let watermark = self.watermark_at(Incarnation(incarnation), Position(position)).await?;
        let lease = Lease { epoch, until: requested + self.lease, watermark };
        Ok(TakeOver::Taken { lease, predecessor: leader, remaining })
    }

    /// The saved watermark, without the lease.
    pub async fn load(&self) -> Result<Watermark, Error> {
        let (incarnation, position) =
            sqlx::query_as::<_, (i32, i64)>("select incarnation, position from relay_checkpoint")
                .fetch_one(&self.database)
                .await
                .map_err(during("reading the relay checkpoint"))?;
        self.watermark_at(Incarnation(incarnation), Position(position)).await
    }
}
