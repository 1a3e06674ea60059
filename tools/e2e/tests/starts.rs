//! Start of the services: all invalid settings are reported at once, and a service reports a missing server as down and becomes
//! ready when the server is available.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use e2e::api::Api;
use e2e::fleet::{Fleet, FleetConfig, Service, ports};
use serde_json::Value;
use testbed::{Bed, PATIENCE};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Names of the database in the health reports of the services.
const DATABASE_NAMES: [&str; 3] = ["postgres", "primary", "database"];

/// Pause between two reads of a health report.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

fn start_with(service: Service, settings: &[(&str, &str)]) -> Output {
    Command::new(service.find_binary().unwrap()).env_clear().envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn all_missing_settings_are_reported_at_once() {
    let needed: [(Service, &[&str]); 3] = [
        (Service::Command, &["HTTP_ADDR", "ADMIN_ADDR", "DATABASE_URL", "PERSONAL_INDEX_KEY"]),
        (Service::Projector, &["ADMIN_ADDR", "DATABASE_URL", "KAFKA_BROKERS"]),
        (Service::Query, &["HTTP_ADDR", "ADMIN_ADDR", "DATABASE_URL", "CURSOR_KEY"]),
    ];
    for (service, names) in needed {
        let output = start_with(service, &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{service} started without settings");
        for name in names {
            assert!(error.contains(&format!("{name} is missing")), "{service} does not name {name}: {error}");
        }
    }
}

#[test]
fn all_invalid_settings_are_reported_at_once_without_secrets() {
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
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{service} started with wrong settings");
        for name in ["ADMIN_ADDR", "LOG_FORMAT"] {
            assert!(error.contains(name), "{service} does not name {name}: {error}");
        }
        assert!(!error.contains("hunter2"), "{service} shows a secret: {error}");
    }
}

/// A TCP port that forwards to the Unix socket of PostgreSQL after it is opened.
struct Gate {
    addr: SocketAddr,
    socket: PathBuf,
    open: Option<JoinHandle<()>>,
}

impl Gate {
    fn closed(url: &str) -> (Gate, String) {
        let addr: SocketAddr = ([127, 0, 0, 1], ports::free_port().unwrap()).into();
        let (base, folder) = url.split_once("?host=").unwrap();
        let port = base.rsplit_once("@localhost:").unwrap().1.split('/').next().unwrap();
        let socket = PathBuf::from(folder).join(format!(".s.PGSQL.{port}"));
        let url = base.replacen(&format!("localhost:{port}"), &addr.to_string(), 1) + "?sslmode=disable";
        (Gate { addr, socket, open: None }, url)
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        let socket = self.socket.clone();
        self.open = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, socket.clone()));
            }
        }));
    }
}

async fn forward(mut outside: TcpStream, socket: PathBuf) {
    if let Ok(mut inside) = UnixStream::connect(socket).await {
        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_reports_a_missing_database_and_becomes_ready_when_it_is_available() {
    let bed = Bed::new().await.unwrap();
    bed.create_topics(3).await.unwrap();
    let urls = [
        (Service::Command, bed.writer_url().unwrap()),
        (Service::Query, bed.reader_url().unwrap()),
        (Service::Projector, bed.projector_url().unwrap()),
    ];
    for (service, url) in urls {
        let (mut gate, url) = Gate::closed(&url);
        let config =
            FleetConfig::all_services(&bed).with(service, "DATABASE_URL", url).with(Service::Query, "REPLICA_URL", "");
        let logs = tempfile::tempdir().unwrap();
        let (_, mut process) = config.prepare(service, logs.path()).unwrap();
        process.spawn().unwrap();
        let reports_database = |report: &str| down(report).iter().any(|name| DATABASE_NAMES.contains(&name.as_str()));
        wait_for(async || process.health().await.is_ok_and(|(_, report)| reports_database(&report))).await;
        assert!(!process.is_ready().await, "{service} is ready without its database");
        gate.open().await;
        wait_for(async || process.is_ready().await).await;
        assert_eq!(process.stop(PATIENCE).await.unwrap().code(), Some(0), "{}", process.tail());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_queries_work_without_kafka_and_redis() {
    let bed = Bed::new().await.unwrap();
    let nowhere = format!("127.0.0.1:{}", ports::free_port().unwrap());
    let config = FleetConfig::all_services(&bed).with(Service::Command, "KAFKA_BROKERS", nowhere.clone());
    let command = config.only(Service::Command).start().await.unwrap();
    let api = Api::of(&command).unwrap();
    api.create_product_with_stock("LAMP", 450, 10).await.unwrap();
    wait_for(async || down(&command.health(Service::Command).await.unwrap()).contains(&"kafka".to_owned())).await;
    command.finish();

    // With Kafka, the same log is published, and the projector and the query service work without Redis.
    let no_redis = format!("redis://{nowhere}/0");
    let config = FleetConfig::all_services(&bed).with(Service::Projector, "REDIS_URL", no_redis.clone()).with(
        Service::Query,
        "REDIS_URL",
        no_redis,
    );
    let fleet: Fleet = config.start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let shown = api.query_at("/v1/stock/LAMP", 2).await.unwrap().success().unwrap();
    assert!(shown.body.to_string().contains("\"on_hand\":10"), "{}", shown.body);
    assert!(down(&fleet.health(Service::Query).await.unwrap()).contains(&"redis".to_owned()));
    fleet.finish();
}

/// Names of the components that a health report states as down.
fn down(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let components = report["components"].as_array().cloned().unwrap_or_default();
    let down = components.iter().filter(|it| it["state"] == "down").filter_map(|it| it["name"].as_str());
    down.map(str::to_owned).collect()
}

async fn wait_for(condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the condition was not met in time");
}
