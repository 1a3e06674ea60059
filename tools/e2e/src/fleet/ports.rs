//! Free TCP ports for child processes.
//!
//! Binding port 0 returns an ephemeral port. While a service is down between a kill and a restart, an outgoing connection of
//! another program could use an ephemeral port. Therefore ports are chosen at random below the ephemeral range and are tested by
//! binding. Another program may still take a port before the service binds it; then the service is started with another port (see
//! [`super::process`]).

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::bail;

/// Below the default ephemeral range of Linux (32768-60999) and above the standard ports of most servers.
const PORTS: Range<u16> = 20_000..32_000;

/// Attempts to find a free port; more failures have another cause.
const ATTEMPTS_MAX: usize = 200;

/// A port of 127.0.0.1 on which no program listens at the moment.
pub fn free_port() -> anyhow::Result<u16> {
    for _ in 0..ATTEMPTS_MAX {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port found between {} and {} in {ATTEMPTS_MAX} attempts", PORTS.start, PORTS.end)
}
