//! The platform under load while each connection between a service and a server freezes in turn: the connection stays open, but
//! carries no data, as if the process of the server were stopped or the network had lost the connection. The health report shows
//! the failure, and services that do not need the server continue. Afterwards, no acknowledged command is lost, and no command has
//! taken effect twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use e2e::api::Api;
use e2e::audit::{self, Invariant, Line, Outcome, Subject};
use e2e::client_history::Ack;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::load::Load;
use serde_json::json;
use testbed::Bed;
use testbed::proxy::Proxy;
use uuid::Uuid;

/// Orders that are acknowledged before, during and after each fault.
const ORDERS: u64 = 10;

/// Workers of the load.
const WORKERS: u32 = 4;

/// The connections of a service to a server, through a proxy.
struct Link {
    service: Service,
    /// Name of the server in the health report of the service.
    dependency: &'static str,
    proxy: Proxy,
}

/// All links of all services, each with its own proxy, and the configuration of services that connect through the proxies.
struct Links {
    config: FleetConfig,
    links: Vec<Link>,
}

impl Links {
    async fn of(bed: &Bed) -> Links {
        let mut links = Links { config: FleetConfig::all_services(bed), links: Vec::new() };
        let redis = bed.redis_url().unwrap();
        links.add(Service::Command, "postgres", "DATABASE_URL", &bed.writer_url().unwrap()).await;
        links.add_kafka(Service::Command, bed).await;
        links.add(Service::Projector, "postgres", "DATABASE_URL", &bed.projector_url().unwrap()).await;
        links.add_kafka(Service::Projector, bed).await;
        links.add(Service::Projector, "redis", "REDIS_URL", &redis).await;
        links.add(Service::Query, "replica", "REPLICA_URL", &bed.reader_replica_url().unwrap()).await;
        links.add(Service::Query, "primary", "DATABASE_URL", &bed.reader_url().unwrap()).await;
        links.add(Service::Query, "redis", "REDIS_URL", &redis).await;
        links
    }

    async fn add(&mut self, service: Service, dependency: &'static str, setting: &'static str, url: &str) {
        let (proxy, url) = Proxy::to_server(url).await.unwrap();
        self.link(service, dependency, setting, (proxy, url));
    }

    async fn add_kafka(&mut self, service: Service, bed: &Bed) {
        let proxied = Proxy::to_kafka(&bed.kafka_brokers().unwrap()).await.unwrap();
        self.link(service, "kafka", "KAFKA_BROKERS", proxied);
    }

    fn link(
        &mut self,
        service: Service,
        dependency: &'static str,
        setting: &'static str,
        (proxy, address): (Proxy, String),
    ) {
        self.config = self.config.clone().with(service, setting, address);
        self.links.push(Link { service, dependency, proxy });
    }
}

impl Link {
    /// Whether commands need the link. Commands need the log in PostgreSQL, and no other server.
    fn carries_commands(&self) -> bool {
        self.service == Service::Command && self.dependency != "kafka"
    }
}

/// Freezes a link until the health report of the service shows the failure, then restores the link. While the link is frozen, the
/// outcomes of commands are unknown if commands need the link; otherwise commands are acknowledged.
async fn freeze_and_thaw(link: &Link, fleet: &Fleet, load: &Load) {
    let Link { service, dependency, proxy } = link;
    eprintln!("freezing {dependency} of {service}");
    proxy.freeze();
    fleet.wait_for_state(*service, dependency, "down").await.unwrap();
    match link.carries_commands() {
        true => load.wait_for_unknown_outcomes(WORKERS.into()).await.unwrap(),
        false => load.wait_for_orders(ORDERS).await.unwrap(),
    }
    proxy.thaw();
    fleet.wait_for_state(*service, dependency, "up").await.unwrap();
    load.wait_for_orders(ORDERS).await.unwrap();
}

/// Places an order of a guest and erases the personal data before the first fault.
async fn place_and_erase_guest_order(api: &Api) {
    let contact = json!({ "name": "Erase Me", "email": "e@example.com" });
    let order = json!({ "currency": "GBP", "lines": [{ "sku": "SKU-0", "quantity": 1 }], "contact": contact });
    let placed = api.command("/v1/orders", Uuid::now_v7(), &order).await.unwrap().success().unwrap();
    api.delete(&format!("/v1/orders/{}/personal-data", placed.text("id"))).await.unwrap().success().unwrap();
}

/// The services with their proxies, an erased order, and a load.
struct PlatformUnderLoad {
    bed: Bed,
    fleet: Fleet,
    links: Vec<Link>,
    api: Api,
    load: Load,
    acks: Vec<Ack>,
}

impl PlatformUnderLoad {
    async fn new() -> PlatformUnderLoad {
        let bed = Bed::new().await.unwrap();
        let Links { config, links } = Links::of(&bed).await;
        // A shorter timeout than in operation keeps the test short.
        let config = config.with(Service::Projector, "PROJECTOR_DATABASE_TIMEOUT", "2s");
        let fleet = config.start().await.unwrap();
        let api = Api::of(&fleet).unwrap();
        let skus: Vec<String> = (0..10).map(|number| format!("SKU-{number}")).collect();
        let mut acks = Vec::new();
        for sku in &skus {
            acks.extend(api.create_product_with_stock(sku, 450, 10_000).await.unwrap());
        }
        place_and_erase_guest_order(&api).await;
        let load = Load::start(&api, &skus, WORKERS);
        load.wait_for_orders(ORDERS).await.unwrap();
        PlatformUnderLoad { bed, fleet, links, api, load, acks }
    }

    /// Stops the load and checks all invariants.
    async fn stop_and_audit(self, is_accepted: impl Fn(&Line) -> bool) {
        let history = self.load.stop().await.unwrap();
        let subject = Subject::of(&self.bed, self.acks).unwrap().with(&self.api, history);
        let lines = audit::run(&subject, &Invariant::ALL).await;
        let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert!(lines.iter().all(is_accepted), "{}", report.join("\n"));
        self.fleet.finish();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_connections_lose_no_command_and_duplicate_no_effect() {
    let platform = PlatformUnderLoad::new().await;
    for link in &platform.links {
        freeze_and_thaw(link, &platform.fleet, &platform.load).await;
    }
    platform.stop_and_audit(|line| line.outcome() == Outcome::Holds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_connections_lose_no_command_and_duplicate_no_effect() {
    let platform = PlatformUnderLoad::new().await;
    platform.links.iter().for_each(|link| link.proxy.lose_connections());
    platform.load.wait_for_orders(ORDERS).await.unwrap();
    for Link { service, dependency, .. } in &platform.links {
        platform.fleet.wait_for_state(*service, dependency, "up").await.unwrap();
    }
    platform.load.wait_for_orders(ORDERS).await.unwrap();
    // It depends on timing whether the outcome of any command was unknown, so an invariant may have had nothing to check.
    platform.stop_and_audit(Line::has_passed).await;
}
