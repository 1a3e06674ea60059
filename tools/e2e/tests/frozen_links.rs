//! The main job while each link between a service and a server freezes in turn: the server stays connected and says nothing, as
//! one whose process is stopped or that a network has lost. Health says so, whoever can go on without the link does, and when the
//! link goes on nothing that was acknowledged is lost and nothing happens twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use e2e::ack::Ack;
use e2e::api::Api;
use e2e::audit::{self, Invariant, Line, Outcome, Subject};
use e2e::fleet::{Fleet, Plan, Service};
use e2e::load::Load;
use serde_json::json;
use testbed::Bed;
use testbed::proxy::Proxy;
use uuid::Uuid;

/// Orders that are placed before, during and after each fault.
const ORDERS: u64 = 10;

/// Sessions of the load.
const WORKERS: u32 = 4;

/// A service and a server that it is connected with.
struct Link {
    service: Service,
    /// The server, as the service's health report calls it.
    dependency: &'static str,
    proxy: Proxy,
}

/// Every link of every service, each with a proxy of its own, and the plan of services that are connected through them.
struct Links {
    plan: Plan,
    links: Vec<Link>,
}

impl Links {
    async fn of(bed: &Bed) -> Links {
        let mut links = Links { plan: Plan::everything(bed), links: Vec::new() };
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
        let (proxy, url) = Proxy::before(url).await.unwrap();
        self.link(service, dependency, setting, (proxy, url));
    }

    async fn add_kafka(&mut self, service: Service, bed: &Bed) {
        let proxied = Proxy::before_kafka(&bed.kafka_brokers().unwrap()).await.unwrap();
        self.link(service, "kafka", "KAFKA_BROKERS", proxied);
    }

    fn link(
        &mut self,
        service: Service,
        dependency: &'static str,
        setting: &'static str,
        (proxy, address): (Proxy, String),
    ) {
        self.plan = self.plan.clone().with(service, setting, address);
        self.links.push(Link { service, dependency, proxy });
    }
}

impl Link {
    /// Without the log there are no commands; every other link carries nothing that a command waits for.
    fn carries_commands(&self) -> bool {
        self.service == Service::Command && self.dependency != "kafka"
    }
}

/// Freezes a link until its service has noticed, and lets it go on. What happens meanwhile: the outcome of every command becomes
/// unknown, or commands go on.
async fn freeze_and_thaw(link: &Link, fleet: &Fleet, load: &Load) {
    let Link { service, dependency, proxy } = link;
    eprintln!("freezing {dependency} of {service}");
    proxy.freezes();
    fleet.until(*service, dependency, "down").await.unwrap();
    match link.carries_commands() {
        true => load.leave_open(WORKERS.into()).await.unwrap(),
        false => load.settle_more(ORDERS).await.unwrap(),
    }
    proxy.thaws();
    fleet.until(*service, dependency, "up").await.unwrap();
    load.settle_more(ORDERS).await.unwrap();
}

/// Somebody who is forgotten before the first fault, and stays forgotten.
async fn erase_a_guest(api: &Api) {
    let contact = json!({ "name": "Erase Me", "email": "e@example.com" });
    let order = json!({ "currency": "GBP", "lines": [{ "sku": "SKU-0", "quantity": 1 }], "contact": contact });
    let placed = api.command("/v1/orders", Uuid::now_v7(), &order).await.unwrap().success().unwrap();
    api.delete(&format!("/v1/orders/{}/personal-data", placed.text("id"))).await.unwrap().success().unwrap();
}

/// The services behind their proxies, a guest who was erased, and a load.
struct Scene {
    bed: Bed,
    fleet: Fleet,
    links: Vec<Link>,
    api: Api,
    load: Load,
    acks: Vec<Ack>,
}

impl Scene {
    async fn new() -> Scene {
        let bed = Bed::new().await.unwrap();
        let Links { plan, links } = Links::of(&bed).await;
        // What may take long is noticed sooner, so that the test is over sooner.
        let plan = plan.with(Service::Projector, "PROJECTOR_DATABASE_TIMEOUT", "2s");
        let fleet = plan.start().await.unwrap();
        let api = Api::of(&fleet).unwrap();
        let skus: Vec<String> = (0..10).map(|number| format!("SKU-{number}")).collect();
        let mut acks = Vec::new();
        for sku in &skus {
            acks.extend(api.offer(sku, 450, 10_000).await.unwrap());
        }
        erase_a_guest(&api).await;
        let load = Load::start(&api, &skus, WORKERS);
        load.settle_more(ORDERS).await.unwrap();
        Scene { bed, fleet, links, api, load, acks }
    }

    /// Ends the load and checks everything.
    async fn end(self, is_fine: impl Fn(&Line) -> bool) {
        let promised = self.load.stop().await.unwrap();
        let subject = Subject::of(&self.bed, self.acks).unwrap().with(&self.api, promised);
        let lines = audit::run(&subject, &Invariant::ALL).await;
        let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert!(lines.iter().all(is_fine), "{}", report.join("\n"));
        self.fleet.retire();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_freezes_loses_nothing_and_repeats_nothing() {
    let scene = Scene::new().await;
    for link in &scene.links {
        freeze_and_thaw(link, &scene.fleet, &scene.load).await;
    }
    scene.end(|line| line.outcome() == Outcome::Holds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_network_loses_without_a_word_lose_nothing_and_repeat_nothing() {
    let scene = Scene::new().await;
    scene.links.iter().for_each(|link| link.proxy.cuts_off());
    scene.load.settle_more(ORDERS).await.unwrap();
    for Link { service, dependency, .. } in &scene.links {
        scene.fleet.until(*service, dependency, "up").await.unwrap();
    }
    scene.load.settle_more(ORDERS).await.unwrap();
    // Whether the outcome of any command became unknown is a matter of moments.
    scene.end(Line::is_well).await;
}
