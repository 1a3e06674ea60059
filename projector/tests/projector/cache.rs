//! Redis has the committed documents, a newer value is never replaced, and no worker waits for Redis.

use events::{Incarnation, LogPosition, Position};
use platform::config::Secret;
use platform::health::Health;
use projector::cache::{Cache, Entry};
use projector::projections::{Orders, Stock};
use read_model::cache::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use testbed::Bed;

use crate::platform::{Platform, now};
use crate::samples::*;

async fn redis(bed: &Bed) -> MultiplexedConnection {
    let client = redis::Client::open(bed.redis_url().unwrap()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn cache(bed: &Bed, url: &str) -> (Cache, projector::cache::Writer) {
    Cache::new(&Secret::new(url), &bed.cache_prefix(), Health::new().optional("redis")).unwrap()
}

fn entry(key: &str, position: i64, json: &str) -> Entry {
    let log_position = LogPosition { incarnation: Incarnation(1), position: Position(position) };
    Entry {
        key: key.to_owned(),
        value: read_model::cache::encode(log_position, json),
        ttl: std::time::Duration::from_secs(30),
    }
}

#[tokio::test]
async fn committed_documents_are_written_to_redis_with_their_log_position() {
    let mut platform = Platform::new().await;
    let (cache, writer) = cache(&platform.bed, &platform.bed.redis_url().unwrap());
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    platform.publish(&stream, captured(1500)).await;
    let mut worker = platform.worker_with::<Orders>(platform.feed(), Some(cache));
    platform.catch_up(&mut worker).await;
    drop(worker);
    writer.run().await;

    let key = Keys::new(platform.bed.cache_prefix(), 1).order(id);
    let mut redis = redis(&platform.bed).await;
    let value: Vec<u8> = redis.get(&key).await.unwrap();
    let (log_position, json) = read_model::cache::decode(&value).unwrap();
    assert_eq!(log_position, LogPosition { incarnation: Incarnation(1), position: Position(2) });
    assert_eq!(json, platform.text("select document::text from orders").await);
    let ttl_ms: i64 = redis.pttl(&key).await.unwrap();
    assert!((1..=30_000).contains(&ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn a_newer_value_is_never_replaced() {
    let bed = Bed::new().await.unwrap();
    let mut redis = redis(&bed).await;
    let key = format!("{}x", bed.cache_prefix());
    for (position, expected) in [(5, "five"), (3, "five"), (5, "five again"), (9, "nine"), (8, "nine")] {
        let (cache, writer) = cache(&bed, &bed.redis_url().unwrap());
        let json = match position {
            3 | 8 => "old",
            _ => expected,
        };
        cache.write(vec![entry(&key, position, json)]);
        drop(cache);
        writer.run().await;
        let value: Vec<u8> = redis.get(&key).await.unwrap();
        assert_eq!(read_model::cache::decode(&value).unwrap().1, expected, "after {position}");
    }
}

#[tokio::test]
async fn a_value_of_another_form_is_replaced() {
    let bed = Bed::new().await.unwrap();
    let mut redis = redis(&bed).await;
    let key = format!("{}x", bed.cache_prefix());
    let _: () = redis.set(&key, "zzzz").await.unwrap();
    let (cache, writer) = cache(&bed, &bed.redis_url().unwrap());
    cache.write(vec![entry(&key, 1, "one")]);
    drop(cache);
    writer.run().await;
    let value: Vec<u8> = redis.get(&key).await.unwrap();
    assert_eq!(read_model::cache::decode(&value).unwrap().1, "one");
}

#[tokio::test]
async fn a_key_that_redis_refuses_delays_no_other_key() {
    let bed = Bed::new().await.unwrap();
    let mut redis = redis(&bed).await;
    let (bad, good) = (format!("{}bad", bed.cache_prefix()), format!("{}good", bed.cache_prefix()));
    let _: () = redis.lpush(&bad, "a list").await.unwrap();
    let (cache, writer) = cache(&bed, &bed.redis_url().unwrap());
    cache.write(vec![entry(&bad, 1, "one"), entry(&good, 1, "one")]);
    drop(cache);
    writer.run().await;
    let value: Vec<u8> = redis.get(&good).await.unwrap();
    assert_eq!(read_model::cache::decode(&value).unwrap().1, "one");
}

#[tokio::test]
async fn without_redis_all_events_are_applied() {
    let mut platform = Platform::new().await;
    let (cache, writer) = cache(&platform.bed, "redis://127.0.0.1:1/");
    let writing = tokio::spawn(writer.run());
    for _ in 0..5 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
    }
    let mut worker = platform.worker_with::<Stock>(platform.feed(), Some(cache));
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 5);
    drop(worker);
    writing.await.unwrap();
}

#[tokio::test]
async fn values_wait_while_redis_accepts_no_writes() {
    let bed = Bed::new().await.unwrap();
    let mut redis = redis(&bed).await;
    // For this user Redis behaves like a server that loads its data or is a replica: it responds, but accepts no
    // writes.
    let (user, key) = (bed.group(), format!("{}x", bed.cache_prefix()));
    let acl = |rules: &str| {
        let mut acl = redis::cmd("ACL");
        rules.split(' ').fold(acl.arg("SETUSER").arg(&user), |acl, rule| acl.arg(rule));
        acl
    };
    acl("on >secret ~* +@all -evalsha").exec_async(&mut redis).await.unwrap();
    let url = bed.redis_url().unwrap();
    let (_, server) = url.rsplit_once('@').unwrap();
    let health = Health::new();
    let url = Secret::new(format!("redis://{user}:secret@{server}"));
    let (cache, writer) = Cache::new(&url, &bed.cache_prefix(), health.optional("redis")).unwrap();
    let writing = tokio::spawn(writer.run());
    cache.write(vec![entry(&key, 1, "one")]);
    let refused = async {
        while !health.report().components.iter().any(|component| component.state == "down") {
            let _: () = redis::cmd("PING").query_async(&mut redis).await.unwrap();
        }
    };
    tokio::time::timeout(testbed::PATIENCE, refused).await.expect("Redis refuses no write");

    acl("+evalsha").exec_async(&mut redis).await.unwrap();
    let written = async { while redis.get::<_, Option<Vec<u8>>>(&key).await.unwrap().is_none() {} };
    tokio::time::timeout(testbed::PATIENCE, written).await.expect("the value was dropped");
    drop(cache);
    writing.await.unwrap();
    redis::cmd("ACL").arg("DELUSER").arg(&user).exec_async(&mut redis).await.unwrap();
}
