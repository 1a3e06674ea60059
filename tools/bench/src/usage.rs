//! Cores used during a measurement: by the services, the servers, the load generator, and all other processes. They show which
//! process limited a figure, and whether the machine was busy with other work.

use std::collections::BTreeMap;
use std::time::Instant;

use testbed::Bed;

use crate::machine::{cores, machine_cpu_seconds};
use crate::processor_time::ProcessorTimes;
use e2e::fleet::Fleet;

/// Processor times at the start of a measurement.
#[derive(Debug)]
pub struct Usage {
    began: Instant,
    machine: f64,
    times: ProcessorTimes,
}

impl Usage {
    /// Records the processor times at the start of a measurement.
    pub async fn begin(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<Usage> {
        let machine = machine_cpu_seconds();
        Ok(Usage { began: Instant::now(), machine, times: ProcessorTimes::read(bed, fleets).await? })
    }

    /// Share of the machine's processor time, since the start of the measurement, in which no process ran; between 0 and 1.
    pub fn idle_share(&self) -> f64 {
        let busy = machine_cpu_seconds() - self.machine;
        (1.0 - busy / (self.began.elapsed().as_secs_f64() * cores() as f64)).clamp(0.0, 1.0)
    }

    /// Number of cores used since the start of the measurement, as text.
    pub async fn report(&self, bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<String> {
        let (seconds, machine) = (self.began.elapsed().as_secs_f64(), machine_cpu_seconds());
        let used = ProcessorTimes::read(bed, fleets).await?.since(&self.times);
        let others = machine - self.machine - used.values().sum::<f64>();
        let mut by_program: BTreeMap<String, f64> = BTreeMap::new();
        for (name, used) in used {
            *by_program.entry(program(&name).to_owned()).or_default() += used;
        }
        by_program.insert("others".to_owned(), others.max(0.0));
        let usage: Vec<String> =
            by_program.iter().map(|(name, used)| format!("{name} {:.2}", used / seconds)).collect();
        Ok(format!("cores: {}", usage.join(", ")))
    }
}

/// `postgresql` of `postgresql: projector`.
fn program(name: &str) -> &str {
    name.split_once(':').map_or(name, |(program, _)| program)
}
