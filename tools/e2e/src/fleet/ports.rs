//! Free TCP ports for child processes.
//!
//! Binding port 0 would give one of the kernel's ephemeral ports, and while a service is down between a kill and its
//! restart any outgoing connection on this machine could sit down on it. So ports come from below that range, at random,
//! and are tried by binding. Between the trial and the child's own bind somebody may still be faster: whoever starts a
//! child tries again then (see [`super::process`]).

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::bail;

/// Below Linux's default ephemeral range (32768-60999) and above what servers usually take.
const PORTS: Range<u16> = 20_000..32_000;

/// More trials than this mean that something else is wrong.
const TRIALS_MAX: usize = 200;

/// A port of 127.0.0.1 that nobody listened on a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    for _ in 0..TRIALS_MAX {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port found between {} and {} in {TRIALS_MAX} trials", PORTS.start, PORTS.end)
}
