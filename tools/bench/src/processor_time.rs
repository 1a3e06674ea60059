//! The processor time of every process of the platform: the services, each kind of connection and worker of PostgreSQL on the
//! primary and on the replica, Kafka, Redis and the load generator.

use std::collections::BTreeMap;

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use testbed::Bed;

use crate::machine::{cpu_seconds, parent, reaped_cpu_seconds, server_pid};
use e2e::fleet::Fleet;

/// Name of the load generator in the results.
pub const LOAD: &str = "load";

/// Processor times since the start of each process.
#[derive(Debug, Default)]
pub struct ProcessorTimes {
    processes: BTreeMap<u32, ProcessTime>,
    /// Seconds of the ended processes of a server.
    ended: BTreeMap<&'static str, f64>,
}

#[derive(Debug)]
struct ProcessTime {
    name: String,
    /// Server that the process belongs to.
    server: Option<&'static str>,
    seconds: f64,
}

/// Connections by name of the application; the other processes of PostgreSQL by their type.
const POSTGRESQL_PROCESSES: &str = "
    select pid, case
        when backend_type = 'client backend' then coalesce(nullif(application_name, ''), 'other connections')
        when backend_type in ('walsender', 'startup', 'walreceiver') then backend_type
        else 'background' end
    from pg_stat_activity where pid <> pg_backend_pid()";

impl ProcessorTimes {
    /// Reads the processor times of the services of `fleets` and of all servers.
    pub async fn read(bed: &Bed, fleets: &[&Fleet]) -> anyhow::Result<ProcessorTimes> {
        let mut times = ProcessorTimes::default();
        for fleet in fleets {
            for service in fleet.services() {
                fleet.pid(service).into_iter().for_each(|pid| times.add(pid, service.to_string(), None));
            }
        }
        times.add(std::process::id(), LOAD.to_owned(), None);
        for server in ["kafka", "redis"] {
            server_pid(server).into_iter().for_each(|pid| times.add(pid, server.to_owned(), None));
        }
        times.add_postgresql("postgresql", &bed.admin_url()?).await?;
        times.add_postgresql("replica", &bed.admin_replica_url()?).await?;
        Ok(times)
    }

    /// Seconds by process since `earlier`; the instances of a service are added up. A process that did not exist earlier counts
    /// from its start.
    pub fn since(&self, earlier: &ProcessorTimes) -> BTreeMap<String, f64> {
        let mut used: BTreeMap<String, f64> = BTreeMap::new();
        for (pid, now) in &self.processes {
            let before = earlier.processes.get(pid).map_or(0.0, |process| process.seconds);
            *used.entry(now.name.clone()).or_default() += now.seconds - before;
        }
        for (server, seconds) in &self.ended {
            // What a process used before `earlier` is part of the time of ended processes once it has ended.
            let known = earlier
                .processes
                .iter()
                .filter(|(pid, process)| process.server == Some(server) && !self.processes.contains_key(pid));
            let known: f64 = known.map(|(_, process)| process.seconds).sum();
            let ended = seconds - earlier.ended.get(server).unwrap_or(&0.0) - known;
            *used.entry(format!("{server}: ended processes")).or_default() += ended.max(0.0);
        }
        used
    }

    async fn add_postgresql(&mut self, server: &'static str, url: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(url).await.context("connecting to PostgreSQL")?;
        let processes: Vec<(i32, String)> = sqlx::query_as(POSTGRESQL_PROCESSES)
            .fetch_all(&mut connection)
            .await
            .context("listing the processes of PostgreSQL")?;
        connection.close().await?;
        if let Some(postmaster) = processes.first().and_then(|(pid, _)| parent(*pid as u32)) {
            self.ended.insert(server, reaped_cpu_seconds(postmaster));
        }
        for (pid, name) in processes {
            self.add(pid as u32, format!("{server}: {name}"), Some(server));
        }
        Ok(())
    }

    fn add(&mut self, pid: u32, name: String, server: Option<&'static str>) {
        self.processes.insert(pid, ProcessTime { name, server, seconds: cpu_seconds(pid) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(processes: &[(u32, &str, f64)], ended: f64) -> ProcessorTimes {
        let process = |(pid, name, seconds): &(u32, &str, f64)| {
            let server = name.starts_with("postgresql").then_some("postgresql");
            (*pid, ProcessTime { name: (*name).to_owned(), server, seconds: *seconds })
        };
        ProcessorTimes {
            processes: processes.iter().map(process).collect(),
            ended: BTreeMap::from([("postgresql", ended)]),
        }
    }

    #[test]
    fn instances_are_added_up_and_a_new_process_counts_from_its_start() {
        let before = times(&[(1, "projector", 5.0)], 0.0);
        let after = times(&[(1, "projector", 6.0), (2, "projector", 2.0)], 0.0);
        assert_eq!(after.since(&before)["projector"], 3.0);
    }

    #[test]
    fn an_ended_process_counts_with_what_it_used_after_the_first_reading() {
        let before = times(&[(1, "postgresql: writer", 5.0), (2, "postgresql: relay", 1.0)], 10.0);
        let after = times(&[(1, "postgresql: writer", 7.0)], 13.5);
        let used = after.since(&before);
        assert_eq!((used["postgresql: writer"], used["postgresql: ended processes"]), (2.0, 2.5));
    }
}
