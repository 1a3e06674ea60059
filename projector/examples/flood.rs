//! Floods a projector of its own with orders and measures how it keeps up. `flood drain 200000` or `flood live 1000 20`.
#![allow(clippy::all, missing_docs)]

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use chrono::Utc;
use events::order::*;
use events::stock::*;
use events::*;
use platform::config::Settings;
use platform::shutdown::Shutdown;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use sqlx::{Connection, PgConnection};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTITIONS: i32 = 6;
const SKUS: usize = 1000;

struct World {
    bed: testbed::Bed,
    db: PgConnection,
    producer: ThreadedProducer<DefaultProducerContext>,
    position: i64,
    versions: HashMap<StreamId, i32>,
    previous: HashMap<(Category, i32), i64>,
    number: u64,
}

impl World {
    fn event(&mut self, stream: StreamId, event: Event) -> Recorded {
        let encoded = codec::encode(&event);
        self.position += 1;
        let v = self.versions.entry(stream.clone()).or_default();
        *v += 1;
        Recorded {
            incarnation: Incarnation(1),
            position: Position(self.position),
            stream,
            version: Version(*v),
            event_type: encoded.event_type.into(),
            schema_version: 1,
            payload: encoded.payload,
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: chrono::DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap(),
        }
    }

    fn order(&mut self, out: &mut Vec<Recorded>) {
        self.number += 1;
        let mut random = [0u8; 10];
        fastrand::fill(&mut random);
        let order_id = OrderId::new(Utc::now(), random);
        let skus = [fastrand::usize(0..SKUS), fastrand::usize(0..SKUS)];
        let lines: Vec<Line> = skus
            .iter()
            .enumerate()
            .map(|(i, s)| Line {
                line: i as u32 + 1,
                sku: format!("SKU-{s}").parse().unwrap(),
                name: "A thing with a name of normal length".into(),
                quantity: 2,
                unit_price: Minor(500),
                discount: Minor(0),
                tax: Minor(200),
                total: Minor(1200),
                location: Location::main(),
            })
            .collect();
        let placed = OrderPlaced {
            order_id,
            code: OrderCode::new("SON", self.number),
            channel: "default".parse().unwrap(),
            currency: "GBP".parse().unwrap(),
            customer_id: None,
            external_ref: None,
            lines,
            shipping: Minor(300),
            total: Minor(2700),
            note: None,
        };
        out.push(self.event(StreamId::order(order_id), OrderEvent::Placed(placed).into()));
        for s in skus {
            let stream = StreamId::stock(&format!("SKU-{s}").parse().unwrap(), &Location::main());
            let reserved = StockEvent::Reserved(StockReserved { order_id, quantity: 2 });
            out.push(self.event(stream, reserved.into()));
        }
    }

    async fn append(&mut self, events: &[Recorded]) {
        let c = |f: fn(&Recorded) -> i64| events.iter().map(f).collect::<Vec<_>>();
        sqlx::query("insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
            select p, 1, s, v, t, 1, j::json, r from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[]) as e(p,s,v,t,j,r)")
            .bind(c(|e| e.position.0))
            .bind(events.iter().map(|e| e.stream.as_str()).collect::<Vec<_>>())
            .bind(c(|e| e.version.0.into()))
            .bind(events.iter().map(|e| e.event_type.as_str()).collect::<Vec<_>>())
            .bind(events.iter().map(|e| e.payload.as_str()).collect::<Vec<_>>())
            .bind(events.iter().map(|e| e.recorded_at).collect::<Vec<_>>())
            .execute(&mut self.db).await.unwrap();
    }

    async fn send(&mut self, events: &[Recorded]) {
        let mut touched = HashMap::new();
        for event in events {
            let category = event.stream.category();
            let partition = topics::partition_of(event.stream.as_str(), PARTITIONS);
            let previous = self.previous.insert((category, partition), event.position.0).unwrap_or(0);
            touched.insert((category, partition), event.position.0);
            let mut headers = OwnedHeaders::new_with_capacity(20);
            for (key, value) in cloudevents::headers(event, Position(previous)) {
                headers = headers.insert(Header { key, value: Some(&value) });
            }
            let topic = topics::topic(&self.bed.topic_prefix(), category);
            let mut record = BaseRecord::to(&topic).partition(partition).key(event.stream.as_str()).payload(&event.payload).headers(headers);
            while let Err((_, back)) = self.producer.send(record) {
                record = back;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        let keys: Vec<_> = touched.into_iter().collect();
        sqlx::query("with a as (update relay_checkpoint set position = $4) insert into relay_partitions select * from unnest($1::text[], $2::int[], $3::bigint[]) on conflict (category, partition) do update set position = excluded.position")
            .bind(keys.iter().map(|((c, _), _)| c.as_str()).collect::<Vec<_>>())
            .bind(keys.iter().map(|((_, p), _)| *p).collect::<Vec<_>>())
            .bind(keys.iter().map(|(_, x)| *x).collect::<Vec<_>>())
            .bind(self.position)
            .execute(&mut self.db).await.unwrap();
    }
}

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}

fn rss() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find(|l| l.starts_with("VmRSS")).unwrap().to_owned()
}

async fn behind(db: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from relay_partitions r left join projection_checkpoints c on c.category = r.category and c.partition = r.partition where r.position > coalesce(c.position, 0)").fetch_one(db).await.unwrap()
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let bed = testbed::Bed::new().await.unwrap();
    bed.create_topics(PARTITIONS).await.unwrap();
    let producer = ClientConfig::new()
        .set("bootstrap.servers", bed.kafka_brokers().unwrap())
        .set("linger.ms", "3").set("compression.type", "lz4").set("enable.idempotence", "true")
        .create().unwrap();
    let db = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    let mut world = World { db, producer, position: 0, versions: HashMap::new(), previous: HashMap::new(), number: 0, bed };
    let shutdown = Shutdown::new();
    let start = |bed: &testbed::Bed| {
        let mut settings = vec![
            ("ADMIN_ADDR".to_owned(), "127.0.0.1:39083".to_owned()),
            ("DATABASE_URL".into(), bed.projector_url().unwrap()),
            ("KAFKA_BROKERS".into(), bed.kafka_brokers().unwrap()),
            ("TOPIC_PREFIX".into(), bed.topic_prefix()),
            ("REDIS_URL".into(), bed.redis_url().unwrap()),
            ("CACHE_PREFIX".into(), bed.cache_prefix()),
        ];
        for (k, v) in std::env::vars() { if k.starts_with("BATCH") { settings.push((k, v)); } }
        let config = projector::config::Config::read(Settings::from_map(settings)).unwrap();
        tokio::spawn(projector::serve::serve(config, shutdown.clone()))
    };
    let handle;
    match args[1].as_str() {
        "drain" => {
            let orders: usize = args[2].parse().unwrap();
            let mut done = 0;
            while done < orders {
                let mut events = Vec::new();
                for _ in 0..1000 { world.order(&mut events); }
                world.append(&events).await;
                world.send(&events).await;
                done += 1000;
            }
            world.producer.flush(Duration::from_secs(60)).unwrap();
            println!("{} events sent", world.position);
            let (t, c) = (Instant::now(), cpu());
            handle = start(&world.bed);
            while behind(&mut world.db).await > 0 { tokio::time::sleep(Duration::from_millis(20)).await; }
            let s = t.elapsed().as_secs_f64();
            println!("drained in {s:.2} s: {:.0} events/s, {:.0} orders/s; cpu {:.2} s; {}", world.position as f64 / s, orders as f64 / s, cpu() - c, rss());
        }
        _ => {
            let rate: usize = args[2].parse().unwrap();
            let seconds: u64 = args[3].parse().unwrap();
            handle = start(&world.bed);
            let mut events = Vec::new();
            for _ in 0..100 { world.order(&mut events); }
            world.append(&events).await;
            world.send(&events).await;
            while behind(&mut world.db).await > 0 { tokio::time::sleep(Duration::from_millis(20)).await; }
            let mut poll = PgConnection::connect(&world.bed.admin_url().unwrap()).await.unwrap();
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<(Category, i32, i64)>)>();
            let poller = tokio::spawn(async move {
                let mut waiting = VecDeque::new();
                let mut taken = Vec::new();
                let mut open = true;
                while open || !waiting.is_empty() {
                    loop { match receiver.try_recv() { Ok(x) => waiting.push_back(x), Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => { open = false; break }, Err(_) => break } }
                    let rows: Vec<(String, i32, i64)> = sqlx::query_as("select category, partition, position from projection_checkpoints").fetch_all(&mut poll).await.unwrap();
                    let at: HashMap<(String, i32), i64> = rows.into_iter().map(|(c, p, x)| ((c, p), x)).collect();
                    while let Some((t, needs)) = waiting.front() {
                        if needs.iter().all(|(c, p, x)| at.get(&(c.as_str().to_owned(), *p)).copied().unwrap_or(0) >= *x) {
                            taken.push(t.elapsed().as_secs_f64() * 1000.0);
                            waiting.pop_front();
                        } else { break }
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
                taken
            });
            let (t0, c) = (Instant::now(), cpu());
            let mut made = 0;
            while t0.elapsed() < Duration::from_secs(seconds) {
                let due = (t0.elapsed().as_secs_f64() * rate as f64) as usize;
                if due <= made { tokio::time::sleep(Duration::from_millis(2)).await; continue }
                let mut events = Vec::new();
                for _ in made..due { world.order(&mut events); }
                made = due;
                world.append(&events).await;
                let committed = Instant::now();
                world.send(&events).await;
                let needs = events[events.len()-3..].iter().map(|e| (e.stream.category(), topics::partition_of(e.stream.as_str(), PARTITIONS), e.position.0)).collect();
                sender.send((committed, needs)).unwrap();
            }
            let sent_in = t0.elapsed().as_secs_f64();
            drop(sender);
            let mut taken = poller.await.unwrap();
            let total = t0.elapsed().as_secs_f64();
            taken.sort_by(f64::total_cmp);
            let q = |p: f64| taken[((taken.len() - 1) as f64 * p) as usize];
            println!("{made} orders in {sent_in:.2} s = {:.0}/s, caught up {:.2} s later; freshness ms p50 {:.0} p99 {:.0} max {:.0}; cpu of projector and flood {:.2} s; {}", made as f64 / sent_in, total - sent_in, q(0.5), q(0.99), q(1.0), cpu() - c, rss());
        }
    }
    let text = platform::metrics::install().render();
    for line in text.lines().filter(|l| (l.contains("batch") && (l.contains("_sum") || l.contains("_count"))) || (l.starts_with("projector_") && !l.contains("batch"))) { println!("{line}"); }
    shutdown.request();
    handle.await.unwrap().unwrap();
}
