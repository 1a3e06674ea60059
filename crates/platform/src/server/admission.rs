//! Limits open connections, in total and per address. Checked once per connection, not per request.

use super::limits::Limits;
use crate::metric_names::{HTTP_CONNECTIONS, HTTP_CONNECTIONS_REFUSED_TOTAL};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts of open connections.
pub(super) struct Admission {
    total_max: usize,
    per_ip_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Permit for a connection, released when dropped.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    ip: IpAddr,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Admission {
            total_max: limits.connections_max,
            per_ip_max: limits.connections_per_ip_max,
            open: Mutex::default(),
        }
    }

    /// A permit, or `None` if a limit is reached. The connection is then closed without a response, because responses to a flood of
    /// connections would cost resources.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Admitted> {
        let ip = client_of(ip);
        let mut open = self.open();
        if open.total >= self.total_max {
            metrics::counter!(HTTP_CONNECTIONS_REFUSED_TOTAL, "limit" => "total").increment(1);
            return None;
        }
        let of_ip = open.by_ip.entry(ip).or_default();
        if *of_ip >= self.per_ip_max {
            metrics::counter!(HTTP_CONNECTIONS_REFUSED_TOTAL, "limit" => "ip").increment(1);
            return None;
        }
        *of_ip += 1;
        open.total += 1;
        metrics::gauge!(HTTP_CONNECTIONS).increment(1.0);
        Some(Admitted { admission: Arc::clone(self), ip })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        metrics::gauge!(HTTP_CONNECTIONS).decrement(1.0);
        let Some(of_ip) = open.by_ip.get_mut(&self.ip) else { return };
        *of_ip -= 1;
        if *of_ip == 0 {
            open.by_ip.remove(&self.ip);
        }
    }
}

/// Identifies a client: an IPv4 address, or the /64 network from which an IPv6 client chooses its addresses.
fn client_of(ip: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & NETWORK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total_max: usize, per_ip_max: usize) -> Arc<Admission> {
        let limits = Limits { connections_max: total_max, connections_per_ip_max: per_ip_max, ..Limits::default() };
        Arc::new(Admission::new(&limits))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_cannot_use_all_connections() {
        let admission = admission(3, 2);
        let first = admission.admit(ip("10.0.0.1")).expect("a permit");
        let _second = admission.admit(ip("::ffff:10.0.0.1")).expect("a permit");
        assert!(admission.admit(ip("10.0.0.1")).is_none());
        let _other = admission.admit(ip("10.0.0.2")).expect("a permit");
        assert!(admission.admit(ip("10.0.0.3")).is_none());
        drop(first);
        assert!(admission.admit(ip("10.0.0.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let admission = admission(10, 1);
        let _first = admission.admit(ip("2001:db8::1")).expect("a permit");
        assert!(admission.admit(ip("2001:db8::2")).is_none());
        assert!(admission.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn closed_connections_leave_no_entry() {
        let admission = admission(10, 1);
        drop(admission.admit(ip("10.0.0.1")));
        assert!(admission.open().by_ip.is_empty());
    }
}
