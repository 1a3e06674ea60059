//! A schema change while orders flow and are read, as README describes it: version 2 of the projection `orders` has one more
//! column and one more table. It is rebuilt beside version 1, verified, promoted, rolled back and promoted again.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::platform::shutdown::Shutdown;
use events::{LogPosition, Minor, OrderId, Recorded, StreamId};
use projector::changes::ChangedState;
use projector::frame::Values::{BigInt, Int, Json, Text, Uuid};
use projector::frame::{ApplyError, Column, Index, LoadedState, ReadModel, Table, Visitor};
use projector::projections::Orders;
use projector::promote::{self, Check};
use projector::rebuild::{self, progress::Progress, selection::Selection};
use projector::store::log::StreamAt;
use projector::verify::{self, Report};
use read_model::{Generation, OrderDocument, Projection};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::platform::{Platform, now};
use crate::samples::*;

/// Version 2 of `orders`: lists can filter by the discount on the whole order, which `OrderPlaced` has since its schema
/// version 3; the upcasters read older events as orders without such a discount.
#[derive(Debug)]
struct OrdersWithDiscount;

static ORDERS: Table<ChangedState<OrderDocument>> = Table {
    name: "orders",
    columns: &[
        Column::key("id", Uuid(|it| it.state.id.uuid())),
        Column::fixed("code", Text(|it| it.state.code.as_str())),
        Column::fixed("discount", BigInt(|it| it.state.discount.0)),
        Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
        Column::updated("position", BigInt(|it| it.state.position.0)),
        Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
    ],
    month: Some(|it| it.state.placed_at),
    stream_id: Some("'order-' || id"),
    indexes: &[Index {
        name: "orders_discount",
        definition: "btree (discount, id desc) where discount > 0",
        query: "GET /v1/orders?discount[gte]=",
    }],
    storage: "",
};

/// A row per order with a discount on the whole order.
static DISCOUNTED_ORDERS: Table<(OrderId, Minor)> = Table {
    name: "discounted_orders",
    columns: &[
        Column::key("id", Uuid(|(id, _)| id.uuid())),
        Column::fixed("discount", BigInt(|(_, discount)| discount.0)),
    ],
    month: None,
    stream_id: Some("'order-' || id"),
    indexes: &[],
    storage: "",
};

impl ReadModel for OrdersWithDiscount {
    const PROJECTION: Projection = Projection::ORDERS;
    const VERSION: i32 = Orders::VERSION + 1;
    type State = OrderDocument;
    type Rows = ();

    fn fold(state: &mut Option<OrderDocument>, event: &Recorded, (): &mut ()) -> Result<(), ApplyError> {
        Orders::fold(state, event, &mut ())
    }

    fn skip(state: &mut Option<OrderDocument>, event: &Recorded) {
        Orders::skip(state, event);
    }

    fn log_position(order: &OrderDocument) -> LogPosition {
        order.log_position()
    }

    fn document(order: &OrderDocument) -> String {
        Orders::document(order)
    }

    fn visit(orders: &[ChangedState<OrderDocument>], (): &(), visitor: &mut impl Visitor) {
        visitor.table(&ORDERS, orders);
        let discounted = orders.iter().map(|it| (it.state.id, it.state.discount));
        visitor.table(&DISCOUNTED_ORDERS, &discounted.filter(|(_, discount)| discount.0 > 0).collect::<Vec<_>>());
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        Orders::load(connection, streams).await
    }
}

const GENERATION_1: Generation = Generation::first(Projection::ORDERS);
const GENERATION_2: Generation = Generation { number: 2, ..GENERATION_1 };

/// Discount on the whole order of every third order that is placed.
const DISCOUNT: Minor = Minor(100);

#[tokio::test]
async fn a_column_is_added_while_orders_flow_and_are_read() {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    let (old, old_stream) = order_at(now(), 0);
    let payload = include_str!("../../../events/golden/OrderPlaced.v1.json");
    let payload = payload.replace("0190163d-8694-739b-aea5-966c26f8ad91", &old.uuid().to_string());
    let event = platform.append_raw(now(), &old_stream, "OrderPlaced", &payload).await;
    platform.send(&event).await;

    let url = platform.database();
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    let stop = Shutdown::new();
    let version_1 = tokio::spawn(worker.run(stop.clone()));
    let version_2 = platform.worker_of::<OrdersWithDiscount>(2);
    let reads = Load::start(&stop, Reader::connect(&platform, old).await);
    let writes = Load::start(&stop, Orderer { platform, number: 0 });

    writes.flows().await;
    let options = rebuild::Options {
        database_url: url.clone(),
        source_url: url.clone(),
        selection: Selection::All,
        readers: 2,
        segment_events: 5,
        throttle: None,
    };
    let rebuilt = rebuild::rebuild::<OrdersWithDiscount>(&options, Arc::new(Progress::default())).await.unwrap();
    assert_eq!(rebuilt, GENERATION_2);
    writes.flows().await;
    let version_2 = tokio::spawn(version_2.run(stop.clone()));
    assert_equal(&verify::<OrdersWithDiscount>(&options, GENERATION_2).await);
    for _ in 0..2 {
        let live = promote::promote::<OrdersWithDiscount>(&url, Check::All).await.unwrap();
        assert_eq!(live, (GENERATION_2, Some(GENERATION_1)));
        reads.flows().await;
        writes.flows().await;
        let live = promote::rollback::<OrdersWithDiscount>(&url).await.unwrap();
        assert_eq!(live, (GENERATION_1, Some(GENERATION_2)));
        reads.flows().await;
        writes.flows().await;
    }
    promote::promote::<OrdersWithDiscount>(&url, Check::All).await.unwrap();
    reads.flows().await;

    stop.request();
    let Orderer { mut platform, number } = writes.end().await;
    reads.end().await;
    version_1.await.unwrap();
    version_2.await.unwrap();
    platform.catch_up_generation(&mut platform.worker::<Orders>(), 1).await;
    platform.catch_up_generation(&mut platform.worker_of::<OrdersWithDiscount>(2), 2).await;
    assert_equal(&verify::<Orders>(&options, GENERATION_1).await);
    assert_equal(&verify::<OrdersWithDiscount>(&options, GENERATION_2).await);
    let discounted = i64::from(number / 3);
    assert_eq!(platform.number("select count(*) from public.orders").await, 1 + i64::from(number));
    assert_eq!(platform.number("select count(*) from public.orders where discount = 100").await, discounted);
    assert_eq!(platform.number("select count(*) from public.discounted_orders").await, discounted);
    promote::rollback::<OrdersWithDiscount>(&url).await.unwrap();
    let views = "select count(*) from pg_views where schemaname = 'public' and viewname = 'discounted_orders'";
    assert_eq!(platform.number(views).await, 0, "version 1 has no such table");
}

async fn verify<M: ReadModel>(options: &rebuild::Options, generation: Generation) -> Report {
    let rebuild::Options { database_url, source_url, readers, segment_events, .. } = options.clone();
    let options = verify::Options { database_url, source_url, readers, segment_events };
    verify::verify::<M>(generation, &options, &Arc::new(Progress::default())).await.unwrap()
}

fn assert_equal(report: &Report) {
    assert!(report.is_equal() && report.tables.iter().all(|table| table.stored > 0), "{report:#?}");
}

/// Does the same again and again until it is stopped.
trait Action: Send + 'static {
    fn act(&mut self) -> impl Future<Output = ()> + Send;
}

/// A task that acts, and the number of its actions.
struct Load<A> {
    task: JoinHandle<A>,
    done: Arc<AtomicU64>,
}

impl<A: Action> Load<A> {
    fn start(stop: &Shutdown, mut action: A) -> Load<A> {
        let (stop, done) = (stop.clone(), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&done);
        let task = tokio::spawn(async move {
            while !stop.is_requested() {
                action.act().await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
            action
        });
        Load { task, done }
    }

    /// Waits for some more actions.
    async fn flows(&self) {
        let wanted = self.done.load(Ordering::Relaxed) + 10;
        let flowing = async {
            while self.done.load(Ordering::Relaxed) < wanted {
                assert!(!self.task.is_finished(), "an action has failed");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(testbed::PATIENCE, flowing).await.expect("actions pause");
    }

    async fn end(self) -> A {
        self.task.await.unwrap()
    }
}

/// Places and pays orders.
struct Orderer {
    platform: Platform,
    number: u32,
}

impl Action for Orderer {
    async fn act(&mut self) {
        self.number += 1;
        let [a, b, c, d] = self.number.to_be_bytes();
        let id = OrderId::new(now(), [0, 0, 0, 0, 0, 0, a, b, c, d]);
        let mut event = placed(id, u64::from(self.number));
        if let events::order::OrderEvent::Placed(order) = &mut event
            && self.number.is_multiple_of(3)
        {
            order.discount = DISCOUNT;
        }
        let stream = StreamId::order(id);
        self.platform.publish(&stream, event).await;
        self.platform.publish(&stream, captured(1500)).await;
    }
}

/// Reads the order of the time before version 2, with a prepared statement. Every read must find it.
struct Reader {
    connection: PgConnection,
    order: OrderId,
}

impl Reader {
    async fn connect(platform: &Platform, order: OrderId) -> Reader {
        Reader { connection: PgConnection::connect(&platform.bed.reader_url().unwrap()).await.unwrap(), order }
    }
}

impl Action for Reader {
    async fn act(&mut self) {
        let read = sqlx::query_scalar("select code from orders where id = $1").bind(self.order.uuid());
        let code: String = read.fetch_one(&mut self.connection).await.unwrap();
        assert_eq!(code, "SON000001");
    }
}
