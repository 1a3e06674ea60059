//! The limits of a batch: commands that do not fit come with the next batch, in the order of arrival.

use std::sync::Arc;

use command_service::writer::{Limits, Reply, Together, Writer};
use events::{Position, Recorded};
use futures::future::join_all;
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use tokio::sync::mpsc;

use super::support::{Running, all, assert_gapless, done, logs, order, order_with, request, tally};

/// Events of an order of one line.
const EVENTS: usize = 2;

/// What is appended of 40 orders under these limits, batch by batch.
async fn batches(limits: Limits, body: serde_json::Value) {
    for log in logs().await {
        Running::stocked(&log, "A", 1_000).await.stop().await;
        let (committed, mut batches) = mpsc::channel::<Arc<[Recorded]>>(64);
        let health = Health::new().component("log");
        let (writer, mailbox) = Writer::start(log.clone(), limits.clone(), Some(committed), health).await.unwrap();
        let stop = Shutdown::new();
        // Commands that are decided ahead, and commands that wait before the writer starts.
        let mut sends = Vec::new();
        for n in 0..40 {
            let mut send = Box::pin(mailbox.submit(request(&format!("buy-{n}"), order_with(body.clone()))));
            assert!(futures::poll!(&mut send).is_pending());
            sends.push(send);
        }
        let running = tokio::spawn(writer.run(stop.clone()));
        let codes: Vec<String> = join_all(sends)
            .await
            .iter()
            .map(|reply| done(reply.as_ref().unwrap()).code.as_ref().unwrap().to_string())
            .collect();
        let in_order: Vec<String> = (1..=40).map(|number| format!("SON{number:06}")).collect();
        assert_eq!(codes, in_order);
        stop.request();
        running.await.unwrap();
        while let Ok(batch) = batches.try_recv() {
            // The first is the event before the batch.
            let batch = &batch[1..];
            assert!(batch.len() < limits.events + EVENTS, "{} events", batch.len());
            let before_last = &batch[..batch.len() - EVENTS];
            assert!(before_last.iter().map(|event| event.payload.len()).sum::<usize>() < limits.bytes);
        }
        assert_eq!(all(&log).await.len(), 2 + 40 * EVENTS);
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_limited_by_events_and_bytes_and_the_rest_comes_next() {
    let body = json!({"currency": "GBP", "lines": [{"sku": "A", "quantity": 1}]});
    batches(Limits { events: 10, ..Limits::default() }, body.clone()).await;
    batches(Limits { bytes: 4_000, ..Limits::default() }, body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_not_split_however_much_it_appends() {
    for log in logs().await {
        Running::stocked(&log, "A", 1_000).await.stop().await;
        let running = Running::start_with(&log, Limits { events: 10, ..Limits::default() }).await;
        let held = log.lock_head(Position::ZERO, 0).await.unwrap();
        let groups = (0..4).map(|group| {
            let requests = (0..20).map(|n| request(&format!("buy-{group}-{n}"), order("A", 1))).collect();
            let mailbox = running.mailbox.clone();
            tokio::spawn(async move { mailbox.submit_many(requests, Together::AllOrNothing).await.unwrap() })
        });
        let groups: Vec<_> = groups.collect();
        held.release().await;
        let replies: Vec<Reply> = join_all(groups).await.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(tally(&replies), [("done", 80)].into());
        running.stop().await;
        assert_gapless(&log).await;
    }
}
