//! How services start: every mistake in their settings at once, and a dependency that is not there is named, waited for and
//! found again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use e2e::api::Api;
use e2e::fleet::{Fleet, Plan, Service, ports};
use serde_json::Value;
use testbed::{Bed, PATIENCE};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// What services call their database in a health report.
const DATABASE_NAMES: [&str; 3] = ["postgres", "primary", "database"];

/// How often a health report is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

fn start_with(service: Service, settings: &[(&str, &str)]) -> Output {
    Command::new(service.find_binary().unwrap()).env_clear().envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn missing_settings_are_all_named_at_once() {
    let needed: [(Service, &[&str]); 3] = [
        (Service::Command, &["HTTP_ADDR", "ADMIN_ADDR", "DATABASE_URL", "PERSONAL_INDEX_KEY"]),
        (Service::Projector, &["ADMIN_ADDR", "DATABASE_URL", "KAFKA_BROKERS"]),
        (Service::Query, &["HTTP_ADDR", "ADMIN_ADDR", "DATABASE_URL", "CURSOR_KEY"]),
    ];
    for (service, names) in needed {
        let output = start_with(service, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{service} started without settings");
        for name in names {
            assert!(said.contains(&format!("{name} is missing")), "{service} does not name {name}: {said}");
        }
    }
}

#[test]
fn wrong_settings_are_all_named_at_once_and_secrets_are_not_shown() {
    let wrong = [
        ("HTTP_ADDR", "nowhere"),
        ("ADMIN_ADDR", "127.0.0.1"),
        ("DATABASE_URL", "mysql://u:hunter2@localhost/db"),
        ("REDIS_URL", "hunter2"),
        ("CURSOR_KEY", "hunter2"),
        ("PERSONAL_INDEX_KEY", "hunter2"),
        ("LOG_FORMAT", "xml"),
        ("KAFKA_BROKERS", "127.0.0.1:1"),
    ];
    for service in Service::ALL {
        let output = start_with(service, &wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{service} started with wrong settings");
        for name in ["ADMIN_ADDR", "LOG_FORMAT"] {
            assert!(said.contains(name), "{service} does not name {name}: {said}");
        }
        assert!(!said.contains("hunter2"), "{service} shows a secret: {said}");
    }
}

/// A way to PostgreSQL that can be opened later: a TCP port before its socket.
struct Door {
    addr: SocketAddr,
    socket: PathBuf,
    open: Option<JoinHandle<()>>,
}

impl Door {
    fn closed(url: &str) -> (Door, String) {
        let addr: SocketAddr = ([127, 0, 0, 1], ports::free_port().unwrap()).into();
        let (base, folder) = url.split_once("?host=").unwrap();
        let port = base.rsplit_once("@localhost:").unwrap().1.split('/').next().unwrap();
        let socket = PathBuf::from(folder).join(format!(".s.PGSQL.{port}"));
        let url = base.replacen(&format!("localhost:{port}"), &addr.to_string(), 1) + "?sslmode=disable";
        (Door { addr, socket, open: None }, url)
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        let socket = self.socket.clone();
        self.open = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, socket.clone()));
            }
        }));
    }
}

async fn pass(mut outside: TcpStream, socket: PathBuf) {
    if let Ok(mut inside) = UnixStream::connect(socket).await {
        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_database_says_so_and_is_ready_when_it_is_back() {
    let bed = Bed::new().await.unwrap();
    bed.create_topics(3).await.unwrap();
    let urls = [
        (Service::Command, bed.writer_url().unwrap()),
        (Service::Query, bed.reader_url().unwrap()),
        (Service::Projector, bed.projector_url().unwrap()),
    ];
    for (service, url) in urls {
        let (mut door, url) = Door::closed(&url);
        let plan = Plan::everything(&bed).with(service, "DATABASE_URL", url).with(Service::Query, "REPLICA_URL", "");
        let logs = tempfile::tempdir().unwrap();
        let (_, mut process) = plan.prepare(service, logs.path()).unwrap();
        process.spawn().unwrap();
        let names_it = |report: &str| down(report).iter().any(|name| DATABASE_NAMES.contains(&name.as_str()));
        wait_for(async || process.health().await.is_ok_and(|(_, report)| names_it(&report))).await;
        assert!(!process.is_ready().await, "{service} is ready without its database");
        door.open().await;
        wait_for(async || process.is_ready().await).await;
        assert_eq!(process.stop(PATIENCE).await.unwrap().code(), Some(0), "{}", process.tail());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_queries_go_on_without_kafka_and_redis() {
    let bed = Bed::new().await.unwrap();
    let nowhere = format!("127.0.0.1:{}", ports::free_port().unwrap());
    let plan = Plan::everything(&bed).with(Service::Command, "KAFKA_BROKERS", nowhere.clone());
    let command = plan.only(Service::Command).start().await.unwrap();
    let api = Api::of(&command).unwrap();
    api.offer("LAMP", 450, 10).await.unwrap();
    wait_for(async || down(&command.health(Service::Command).await.unwrap()).contains(&"kafka".to_owned())).await;
    command.retire();

    // With Kafka the same log goes on its way, and the rest works although there is no Redis.
    let no_redis = format!("redis://{nowhere}/0");
    let plan = Plan::everything(&bed).with(Service::Projector, "REDIS_URL", no_redis.clone()).with(
        Service::Query,
        "REDIS_URL",
        no_redis,
    );
    let fleet: Fleet = plan.start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let shown = api.query_at("/v1/stock/LAMP", 2).await.unwrap().success().unwrap();
    assert!(shown.body.to_string().contains("\"on_hand\":10"), "{}", shown.body);
    assert!(down(&fleet.health(Service::Query).await.unwrap()).contains(&"redis".to_owned()));
    fleet.retire();
}

/// What a report names as down.
fn down(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let components = report["components"].as_array().cloned().unwrap_or_default();
    let down = components.iter().filter(|it| it["state"] == "down").filter_map(|it| it["name"].as_str());
    down.map(str::to_owned).collect()
}

async fn wait_for(is_so: impl AsyncFn() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("it was not so in time");
}
