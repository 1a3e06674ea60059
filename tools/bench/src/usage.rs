//! Processor usage during a measurement: the services, PostgreSQL, the load generator, and all other processes. It shows which
//! process limited a figure, and whether the machine was busy with other work.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use testbed::Bed;

use crate::machine::{cpu_seconds, machine_cpu_seconds};
use e2e::fleet::Fleet;
use e2e::log;

/// Processor times at the start of a measurement, in seconds.
#[derive(Debug)]
pub struct Usage {
    began: Instant,
    machine: f64,
    by_process: BTreeMap<String, f64>,
}

impl Usage {
    /// Records the processor times at the start of a measurement.
    pub async fn begin(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<Usage> {
        let machine = machine_cpu_seconds();
        Ok(Usage { began: Instant::now(), machine, by_process: cpu_by_process(bed, fleets).await? })
    }

    /// Number of cores used since the start of the measurement, as text.
    pub async fn report(&self, bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<String> {
        let (seconds, machine) = (self.began.elapsed().as_secs_f64(), machine_cpu_seconds());
        let (mut usage, mut others) = (Vec::new(), machine - self.machine);
        for (name, used) in cpu_by_process(bed, fleets).await? {
            let used = used - self.by_process.get(&name).copied().unwrap_or_default();
            usage.push(format!("{name} {:.2}", used / seconds));
            others -= used;
        }
        usage.push(format!("others {:.2}", others.max(0.0) / seconds));
        Ok(format!("cores: {}", usage.join(", ")))
    }
}

/// Processor time by process name; all instances of a service are added up.
async fn cpu_by_process(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut by_process = BTreeMap::new();
    for fleet in fleets {
        for service in fleet.services() {
            *by_process.entry(service.to_string()).or_default() += fleet.pid(service).map_or(0.0, cpu_seconds);
        }
    }
    by_process.insert("load".to_owned(), cpu_seconds(std::process::id()));
    // The connections of pools and PostgreSQL's own workers exist both at the start and at the end.
    let pool = log::connect(&bed.admin_url()?).await?;
    let backends: Vec<i32> = sqlx::query_scalar("select pid from pg_stat_activity where pid <> pg_backend_pid()")
        .fetch_all(&pool)
        .await
        .context("listing the processes of PostgreSQL")?;
    by_process.insert("postgresql".to_owned(), backends.into_iter().map(|pid| cpu_seconds(pid as u32)).sum());
    Ok(by_process)
}
