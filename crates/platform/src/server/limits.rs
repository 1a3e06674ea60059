//! The limits of a server, with reasons and settings.

use crate::config::{Field, Settings};
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The limits of a server. The defaults suit a service behind a load balancer.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of open connections; each costs a file descriptor and about 20 KiB.
    pub connections_max: usize,
    /// Maximum number of open connections from one address (IPv6: one /64), so that one client cannot use all connections. Behind a proxy, all
    /// clients share the address of the proxy.
    pub connections_per_ip_max: usize,
    /// Time limit for receiving the headers of a request; an idle connection is closed after this time.
    pub header_read_timeout: Duration,
    /// Maximum size of request headers; at least 8 KiB.
    pub header_bytes_max: usize,
    /// Maximum size of a request body, unless the route has its own limits.
    pub body_bytes_max: u64,
    /// Time limit from the request headers to the response headers, unless the route has its own limits.
    pub request_timeout: Duration,
    /// Maximum number of requests in flight; further requests get 503 immediately.
    pub requests_in_flight_max: usize,
    /// The connection of a client that does not read its response for this time is closed.
    pub write_stall_timeout: Duration,
    /// Time between the request to shut down and the last accepted connection.
    pub drain_notice: Duration,
    /// Time limit of running requests after that. Must be lower than the supervisor's grace period (30 s on Kubernetes).
    pub drain_timeout: Duration,
    /// Whether requests and responses carry `Api-Version`.
    pub is_versioned: bool,
    /// Routes with their own limits, by path pattern; see [`Limits::with_route`].
    pub routes: Vec<(&'static str, RouteLimits)>,
}

/// Limits of one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteLimits {
    /// Maximum size of a request body.
    pub body_bytes_max: u64,
    /// Time limit from the request headers to the response headers.
    pub request_timeout: Duration,
    /// Whether the server or the handler decompresses bodies.
    pub unpacking: Unpacking,
}

/// The part that decompresses the body of a request with `Content-Encoding`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unpacking {
    /// The server, before the handler reads the body; [`RouteLimits::body_bytes_max`] applies before and after decompression.
    #[default]
    ByServer,
    /// The handler, which receives the compressed body and checks the header.
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
    /// Limits of the admin port: few clients, small requests.
    pub fn admin() -> Self {
        Limits {
            connections_max: 256,
            connections_per_ip_max: 256,
            requests_in_flight_max: 64,
            body_bytes_max: 64 * KIB as u64,
            drain_timeout: Duration::from_secs(2),
            is_versioned: false,
            ..Limits::default()
        }
    }

    /// Sets the limits of a route. `path` is the path pattern of the router; use the same constant for both.
    pub fn with_route(mut self, path: &'static str, limits: RouteLimits) -> Self {
        self.routes.push((path, limits));
        self
    }

    /// Reads the settings `HTTP_*`; missing settings keep their default.
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

    /// The limits of a route, or of requests that match no route.
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
    fn settings_change_their_limits_only() {
        let mut settings = Settings::from_map([("HTTP_BODY_BYTES_MAX", "10"), ("HTTP_REQUEST_TIMEOUT", "3s")]);
        let limits = Limits::from_settings(&mut settings);
        let limits = limits.get(&settings.finish().expect("both are well formed"));
        assert_eq!((limits.body_bytes_max, limits.request_timeout), (10, Duration::from_secs(3)));
        assert_eq!(limits.connections_max, Limits::default().connections_max);
    }
}
