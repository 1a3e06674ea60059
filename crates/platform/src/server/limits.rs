//! The limits of a server, each with its reason and its setting.

use crate::config::{Field, Settings};
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a server takes and for how long. The defaults suit a service behind a load balancer.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections; each costs a file descriptor and some 20 KiB.
    pub connections_max: usize,
    /// Open connections from one address (IPv6: one /64), so that one client cannot take them all. Behind a proxy all clients
    /// share its address.
    pub connections_per_ip_max: usize,
    /// A request's head must be complete in this time, and an idle connection is closed after it.
    pub header_read_timeout: Duration,
    /// A request's head; at least 8 KiB.
    pub header_bytes_max: usize,
    /// A request's body, unless its route has limits of its own.
    pub body_bytes_max: u64,
    /// From a request's head to the answer's head, unless its route has limits of its own.
    pub request_timeout: Duration,
    /// Requests between head and answer; one more is answered 503 at once.
    pub requests_in_flight_max: usize,
    /// A client that takes nothing of its answer for this long is dropped.
    pub write_stall_timeout: Duration,
    /// Between the wish to stop and the last accepted connection.
    pub drain_notice: Duration,
    /// Then running requests may take this long. Stay below what the supervisor waits before it kills (30 s on Kubernetes).
    pub drain_timeout: Duration,
    /// Whether requests may say which version of the API they mean, and answers say which they are of.
    pub is_versioned: bool,
    /// Routes with limits of their own, by pattern; see [`Limits::with_route`].
    pub routes: Vec<(&'static str, RouteLimits)>,
}

/// Limits of one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteLimits {
    /// As [`Limits::body_bytes_max`].
    pub body_bytes_max: u64,
    /// As [`Limits::request_timeout`].
    pub request_timeout: Duration,
    /// Who decompresses bodies.
    pub unpacking: Unpacking,
}

/// Who decompresses the body of a request with `Content-Encoding`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unpacking {
    /// The server, before the handler reads the body; [`RouteLimits::body_bytes_max`] holds before and after.
    #[default]
    ByServer,
    /// The handler, which gets the body as it was sent and checks the header itself.
    ByHandler,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 8192,
            connections_per_ip_max: 4096,
            header_read_timeout: Duration::from_secs(30),
            header_bytes_max: 16 * KIB,
            body_bytes_max: MIB as u64,
            request_timeout: Duration::from_secs(15),
            requests_in_flight_max: 4096,
            write_stall_timeout: Duration::from_secs(30),
            drain_notice: Duration::ZERO,
            drain_timeout: Duration::from_secs(20),
            is_versioned: true,
            routes: vec![],
        }
    }
}

impl Limits {
    /// For the admin port: few callers, small requests.
    pub fn admin() -> Self {
        Limits {
            connections_max: 256,
            connections_per_ip_max: 256,
            requests_in_flight_max: 64,
            drain_timeout: Duration::from_secs(2),
            is_versioned: false,
            ..Limits::default()
        }
    }

    /// Gives a route limits of its own. `path` is the pattern as the router has it; share a constant with it.
    pub fn with_route(mut self, path: &'static str, limits: RouteLimits) -> Self {
        self.routes.push((path, limits));
        self
    }

    /// Reads `HTTP_*`; what is not set keeps its default.
    pub fn from_settings(settings: &mut Settings) -> Field<Limits> {
        let default = Limits::default();
        let connections_max = settings.bounded("HTTP_CONNECTIONS_MAX", default.connections_max, 1..=1_000_000);
        let connections_per_ip_max =
            settings.bounded("HTTP_CONNECTIONS_PER_IP_MAX", default.connections_per_ip_max, 1..=1_000_000);
        let header_read_timeout = settings.optional("HTTP_HEADER_READ_TIMEOUT", default.header_read_timeout);
        let header_bytes_max = settings.bounded("HTTP_HEADER_BYTES_MAX", default.header_bytes_max, 8 * KIB..=MIB);
        let body_bytes_max = settings.bounded("HTTP_BODY_BYTES_MAX", default.body_bytes_max, 1..=1 << 40);
        let request_timeout = settings.optional("HTTP_REQUEST_TIMEOUT", default.request_timeout);
        let requests_in_flight_max =
            settings.bounded("HTTP_REQUESTS_IN_FLIGHT_MAX", default.requests_in_flight_max, 1..=1_000_000);
        let write_stall_timeout = settings.optional("HTTP_WRITE_STALL_TIMEOUT", default.write_stall_timeout);
        let drain_notice = settings.optional("HTTP_DRAIN_NOTICE", default.drain_notice);
        let drain_timeout = settings.optional("HTTP_DRAIN_TIMEOUT", default.drain_timeout);
        settings.group(|complete| Limits {
            connections_max: connections_max.get(complete),
            connections_per_ip_max: connections_per_ip_max.get(complete),
            header_read_timeout: header_read_timeout.get(complete),
            header_bytes_max: header_bytes_max.get(complete),
            body_bytes_max: body_bytes_max.get(complete),
            request_timeout: request_timeout.get(complete),
            requests_in_flight_max: requests_in_flight_max.get(complete),
            write_stall_timeout: write_stall_timeout.get(complete),
            drain_notice: drain_notice.get(complete),
            drain_timeout: drain_timeout.get(complete),
            is_versioned: true,
            routes: vec![],
        })
    }

    /// The limits of a route, or of requests that match none.
    pub(super) fn of_route(&self, path: Option<&str>) -> RouteLimits {
        let own = self.routes.iter().find(|(route, _)| Some(*route) == path);
        own.map_or(
            RouteLimits {
                body_bytes_max: self.body_bytes_max,
                request_timeout: self.request_timeout,
                unpacking: Unpacking::ByServer,
            },
            |(_, limits)| *limits,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_what_they_name() {
        let mut settings = Settings::from_map([("HTTP_BODY_BYTES_MAX", "10"), ("HTTP_REQUEST_TIMEOUT", "3s")]);
        let limits = Limits::from_settings(&mut settings);
        let limits = limits.get(&settings.finish().expect("both are well formed"));
        assert_eq!((limits.body_bytes_max, limits.request_timeout), (10, Duration::from_secs(3)));
        assert_eq!(limits.connections_max, Limits::default().connections_max);
    }
}
