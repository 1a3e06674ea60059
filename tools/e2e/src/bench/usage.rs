//! Who used the processor while something was measured: services, PostgreSQL, the load generator, and everybody else on the
//! machine. A figure that is missed says so with what held it; a machine that was busy with other things shows it too.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use testbed::Bed;

use super::machine::{cpu_seconds, machine_cpu_seconds};
use crate::fleet::Fleet;
use crate::log;

/// The processor's time so far, in seconds.
#[derive(Debug)]
pub struct Usage {
    began: Instant,
    machine: f64,
    parts: BTreeMap<String, f64>,
}

impl Usage {
    /// Begins to look.
    pub async fn begin(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<Usage> {
        let machine = machine_cpu_seconds();
        Ok(Usage { began: Instant::now(), machine, parts: parts(bed, fleets).await? })
    }

    /// Cores used since then, in words.
    pub async fn told(&self, bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<String> {
        let (seconds, machine) = (self.began.elapsed().as_secs_f64(), machine_cpu_seconds());
        let (mut told, mut others) = (Vec::new(), machine - self.machine);
        for (name, used) in parts(bed, fleets).await? {
            let used = used - self.parts.get(&name).copied().unwrap_or_default();
            told.push(format!("{name} {:.2}", used / seconds));
            others -= used;
        }
        told.push(format!("others {:.2}", others.max(0.0) / seconds));
        Ok(format!("cores: {}", told.join(", ")))
    }
}

/// Instances of a service count together.
async fn parts(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut parts = BTreeMap::new();
    for fleet in fleets {
        for service in fleet.services() {
            *parts.entry(service.to_string()).or_default() += fleet.pid(service).map_or(0.0, cpu_seconds);
        }
    }
    parts.insert("load".to_owned(), cpu_seconds(std::process::id()));
    // Backends that were there at both looks: connections of pools stay, and so do PostgreSQL's own workers.
    let pool = log::connect(&bed.admin_url()?).await?;
    let backends: Vec<i32> = sqlx::query_scalar("select pid from pg_stat_activity where pid <> pg_backend_pid()")
        .fetch_all(&pool)
        .await
        .context("listing PostgreSQL's processes")?;
    parts.insert("postgresql".to_owned(), backends.into_iter().map(|pid| cpu_seconds(pid as u32)).sum());
    Ok(parts)
}
