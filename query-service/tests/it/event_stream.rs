//! Streams of the log.

use events::Position;
use events::personal::{Address, Personal};
use futures::future::join_all;
use serde_json::json;

use crate::fixture::Platform;
use crate::service::Service;
use crate::sse::{Block, Stream};

const PATH: &str = "/v1/events/stream";

/// More events than the ring of a service and the buffers of a connection hold.
const MANY: usize = 25_000;

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|position| position.to_string()).collect()
}

#[tokio::test]
async fn a_stream_begins_at_the_end_of_the_log_and_continues_with_new_events() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    let mut stream = service.stream(PATH, None).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!((stream.header("cache-control"), stream.header("projection-position")), ("no-store", "1"));

    platform.append_payment(&order).await;
    let event = stream.next().await;
    assert_eq!((event.id.as_str(), event.event.as_str()), ("2", "PaymentCaptured"));
    let listed = service.get("/v1/events?from=2").await;
    assert_eq!(event.json(), listed.json["items"][0], "the same event as in a page");

    // Other streams make no difference, although the log is followed already.
    let mut second = service.stream(PATH, None).await;
    platform.append_stock("A-1", "main", 5).await;
    assert_eq!((second.ids(1).await, stream.ids(1).await), (numbers(3, 3), numbers(3, 3)));
}

#[tokio::test]
async fn a_reader_resumes_without_loss_or_repetition() {
    let platform = Platform::new().await;
    platform.append_receipts("A-1", "main", 5).await;
    let service = Service::start(&platform.bed).await;
    let mut stream = service.stream(&format!("{PATH}?from=1"), None).await;
    assert_eq!(stream.ids(3).await, numbers(1, 3));
    drop(stream);

    let mut stream = service.stream(&format!("{PATH}?from=1"), Some("3")).await;
    assert_eq!(stream.ids(2).await, numbers(4, 5), "the header takes precedence");
    platform.append_receipts("B-1", "main", 2).await;
    assert_eq!(stream.ids(2).await, numbers(6, 7));

    let mut at_end = service.stream(PATH, Some("7")).await;
    platform.append_receipts("C-1", "main", 1).await;
    assert_eq!(at_end.ids(1).await, numbers(8, 8));
    let mut first = service.stream(PATH, Some("0")).await;
    assert_eq!(first.ids(8).await, numbers(1, 8));
}

#[tokio::test]
async fn a_stream_has_only_the_selected_events() {
    let platform = Platform::new().await;
    let order = platform.append_order("2026-03-05T10:00:00Z").await;
    platform.append_stock("A-1", "main", 5).await;
    let paid = platform.append_payment(&order).await;
    let service = Service::start(&platform.bed).await;
    let mut of_types = service.stream(&format!("{PATH}?from=1&types=OrderPlaced,StockReceived"), None).await;
    let mut of_stream = service.stream(&format!("{PATH}?from=1&stream=order-{}", order.id), None).await;
    assert_eq!((of_types.ids(2).await, of_stream.ids(2).await), (numbers(1, 2), vec!["1".into(), "3".into()]));

    platform.append_order("2026-03-05T10:00:00Z").await;
    platform.append_order_hold(&paid).await;
    assert_eq!((of_types.ids(1).await, of_stream.ids(1).await), (numbers(4, 4), numbers(5, 5)));
}

#[tokio::test]
async fn invalid_requests_for_a_stream_are_refused() {
    let platform = Platform::new().await;
    platform.append_stock("A-1", "main", 5).await;
    let service = Service::start(&platform.bed).await;
    for query in ["from=0", "types=OrderPlacd", "stream=nothing", "stream=stock-A@main&types=OrderPlaced", "limit=5"] {
        let refused = service.get(&format!("{PATH}?{query}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{query}");
    }
    for id in ["x", "-1", "1.0", "1.2.3"] {
        let refused = service.get_with(PATH, &[("Last-Event-ID", id)]).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-last-event-id"), "{id}");
    }
    let far = service.get_with(PATH, &[("Last-Event-ID", "999999999")]).await;
    assert_eq!((far.status, far.problem(), &far.json["head"]), (400, "position-beyond-log", &json!(1)));
    // The same while the log is followed.
    let _open = service.stream(PATH, None).await;
    let far = service.get_with(PATH, &[("Last-Event-ID", "999999999")]).await;
    assert_eq!((far.status, far.problem()), (400, "position-beyond-log"));
    let next = service.get(&format!("{PATH}?from=3")).await;
    assert_eq!((next.status, next.problem(), next.header("retry-after")), (503, "projection-lag", "1"));
}

/// Reads until an event of this type, and returns the events before it.
async fn until(stream: &mut Stream, event_type: &str) -> Vec<Block> {
    let mut events = Vec::new();
    loop {
        let event = stream.next().await;
        if event.event == event_type {
            return events;
        }
        events.push(event);
    }
}

#[tokio::test]
async fn personal_data_is_left_out_after_the_follower_has_read_its_erasure() {
    let platform = Platform::new().await;
    let ada = platform.register_customer("2026-03-01T10:00:00Z", 1, "Erase Me").await;
    let service = Service::start(&platform.bed).await;
    // This stream keeps the log followed, with the personal data in memory.
    let mut witness = service.stream(PATH, Some("0")).await;
    let name = Some(Personal::new(Address { name: "Erase Me".into(), line1: "1 Street".into(), ..Address::default() }));
    platform
        .place_order_with("2026-03-05T10:00:00Z", |order| {
            (order.customer_id, order.shipping_address) = (Some(ada.id), name)
        })
        .await;
    assert_eq!(witness.next().await.event, "CustomerRegistered");
    assert!(witness.next().await.data.contains("Erase Me"), "it is not erased yet");

    platform.append_customer_erasure(ada.id).await;
    until(&mut witness, "CustomerErased").await;
    let mut later = service.stream(PATH, Some("0")).await;
    let events = until(&mut later, "CustomerErased").await;
    assert_eq!(
        events.iter().map(|event| event.event.as_str()).collect::<Vec<_>>(),
        ["CustomerRegistered", "OrderPlaced"]
    );
    for event in events {
        assert!(!event.data.contains("Erase Me"), "{event:?}");
        let listed = service.get(&format!("/v1/events?from={}&limit=1", event.id)).await;
        assert_eq!(event.json(), listed.json["items"][0]);
    }
}

#[tokio::test]
async fn a_reader_that_is_slower_than_the_log_receives_every_event_once() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let (mut slow, mut fast) = (service.stream(PATH, None).await, service.stream(PATH, None).await);
    // The slow reader reads nothing until the fast one, and with it the ring, has the last event.
    platform.append_receipts("A-1", "main", MANY).await;
    assert_eq!(fast.ids(MANY).await, numbers(1, MANY));
    assert_eq!(slow.ids(MANY).await, numbers(1, MANY));
}

#[tokio::test]
async fn a_stream_beyond_the_limit_is_refused_until_another_one_ends() {
    let platform = Platform::new().await;
    let service = Service::start_with(&platform.bed, &[("STREAMS_MAX", "1".into())]).await;
    let first = service.stream(PATH, None).await;
    let refused = service.get(PATH).await;
    assert_eq!((refused.status, refused.problem(), refused.header("retry-after")), (503, "too-many-streams", "1"));
    assert_eq!(service.get("/v1/events").await.status, 200, "requests are not limited");

    drop(first);
    let opening = async {
        while service.response(PATH, &[]).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::service::PATIENCE, opening).await.expect("the first stream has not ended");
}

#[tokio::test]
async fn streams_do_not_count_as_requests_in_flight() {
    let platform = Platform::new().await;
    let service = Service::start_with(&platform.bed, &[("HTTP_REQUESTS_IN_FLIGHT_MAX", "2".to_owned())]).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(service.stream(PATH, None).await);
    }
    assert_eq!(service.get("/v1/events").await.status, 200);
    platform.append_stock("A-1", "main", 5).await;
    for stream in &mut streams {
        assert_eq!(stream.ids(1).await, numbers(1, 1));
    }
}

#[tokio::test]
async fn a_shutdown_ends_streams_at_once() {
    let platform = Platform::new().await;
    // Only the end of the streams lets the service stop while the test runs.
    let mut service = Service::start_with(&platform.bed, &[("HTTP_DRAIN_TIMEOUT", "1h".into())]).await;
    let (idle, behind) = (service.stream(PATH, None).await, service.stream(&format!("{PATH}?from=1"), None).await);
    service.stop().await;
    for stream in [idle, behind] {
        let blocks = stream.rest().await;
        let last = blocks.last().expect("a comment");
        assert!(last.comment.contains("shutting down"), "{blocks:?}");
    }
}

#[tokio::test]
async fn a_reader_with_events_that_a_failover_lost_is_told() {
    let platform = Platform::new().await;
    platform.append_receipts("A-1", "main", 3).await;
    let service = Service::start(&platform.bed).await;
    let mut stream = service.stream(PATH, Some("0")).await;
    assert_eq!(stream.ids(3).await, numbers(1, 3));

    platform.lose_events_after(Position(2)).await;
    let problem = stream.next().await;
    assert_eq!((problem.event.as_str(), problem.id.as_str()), ("problem", ""));
    let problem = problem.json();
    assert_eq!((&problem["type"], &problem["last_kept"]), (&json!("/problems/events-lost"), &json!(2)));
    assert_eq!((&problem["resume_from"], &problem["incarnation"]), (&json!(3), &json!(2)));
    assert_eq!(stream.next_block().await, None, "the stream ends");

    // The position is assigned again; the id that was received before still means the lost event.
    platform.append_stock("B-1", "main", 1).await;
    let told = service.get_with(PATH, &[("Last-Event-ID", "3")]).await;
    assert_eq!((told.status, told.problem(), &told.json["resume_from"]), (410, "events-lost", &json!(3)));
    let mut kept = service.stream(PATH, Some("2")).await;
    assert_eq!(kept.ids(1).await, ["3.2"]);
    platform.append_stock("C-1", "main", 1).await;
    assert_eq!(kept.ids(1).await, ["4.2"]);
    let mut resumed = service.stream(&format!("{PATH}?from=3"), None).await;
    assert_eq!(resumed.ids(2).await, ["3.2", "4.2"]);
    let mut resumed = service.stream(PATH, Some("3.2")).await;
    assert_eq!(resumed.ids(1).await, ["4.2"]);
}

#[tokio::test]
async fn a_reader_that_was_behind_the_lost_events_continues() {
    let platform = Platform::new().await;
    platform.append_receipts("A-1", "main", 3).await;
    let service = Service::start(&platform.bed).await;
    let mut stream = service.stream(&format!("{PATH}?types=StockReceived"), Some("2")).await;
    assert_eq!(stream.ids(1).await, ["3"]);
    platform.append_receipts("B-1", "main", 2).await;
    assert_eq!(stream.ids(2).await, ["4", "5"]);
    platform.lose_events_after(Position(5)).await;
    platform.append_stock("C-1", "main", 1).await;
    assert_eq!(stream.ids(1).await, ["6.2"], "nothing that the reader has was lost");
}

#[tokio::test]
async fn hundreds_of_streams_receive_every_event_from_one_reader_of_the_log() {
    let platform = Platform::new().await;
    platform.append_stock("A-1", "main", 1).await;
    let service = Service::start(&platform.bed).await;
    let paths = [PATH.to_owned(), format!("{PATH}?types=StockReceived"), format!("{PATH}?stream=stock-B-1@main")];
    let mut streams = join_all((0..300).map(|number| service.stream(&paths[number % 3], None))).await;
    platform.append_receipts("B-1", "main", 20).await;
    for ids in join_all(streams.iter_mut().map(|stream| stream.ids(20))).await {
        assert_eq!(ids, numbers(2, 21));
    }
}

#[tokio::test]
async fn without_a_database_a_stream_is_refused_and_an_open_one_waits() {
    let platform = Platform::new().await;
    let url = platform.bed.reader_url().expect("an address");
    let (primary, url) = testbed::proxy::Proxy::to_server(&url).await.expect("a proxy");
    let changes = [("DATABASE_URL", url), ("DATABASE_ACQUIRE_TIMEOUT", "300ms".into())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.ready().await;
    let mut open = service.stream(PATH, None).await;
    primary.stop();
    let refused = service.get_until("/v1/events", |it| it.status == 503).await;
    assert_eq!(refused.status, 503);
    for headers in [&[][..], &[("Last-Event-ID", "0")]] {
        let refused = service.get_with(PATH, headers).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{refused:?}");
    }
    platform.append_stock("A-1", "main", 1).await;
    primary.restart();
    assert_eq!(open.ids(1).await, ["1"]);
}
