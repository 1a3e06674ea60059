//! Tests of the undo journal and of the memory limit of the world.

use chrono::DateTime;
use events::order::{Line, OrderPlaced};
use events::stock::{StockEvent, StockReceived};
use events::{Location, Minor, OrderId};
use proptest::prelude::*;

use super::*;

fn world() -> World {
    World::new(NonZeroUsize::new(2).unwrap())
}

fn stream(name: &str) -> StreamId {
    name.parse().unwrap()
}

fn received(quantity: u32) -> Event {
    StockEvent::Received(StockReceived { quantity, reference: None }).into()
}

fn order_id(number: u64) -> OrderId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    OrderId::new(DateTime::UNIX_EPOCH, random)
}

fn placed(number: u64, lines: u32) -> (StreamId, Event) {
    let order_id = order_id(number);
    let line = |line| Line {
        line,
        sku: "A".parse().unwrap(),
        name: "A".into(),
        quantity: 1,
        unit_price: Minor(1),
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total: Minor(1),
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    };
    let placed = OrderPlaced {
        order_id,
        code: OrderCode::new("SON", number),
        channel: "default".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: None,
        lines: (1..=lines).map(line).collect(),
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor(i64::from(lines)),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    };
    (StreamId::order(order_id), OrderEvent::Placed(placed).into())
}

fn on_hand(world: &World, name: &str) -> Option<i64> {
    match &world.find(&stream(name))?.state {
        Some(State::Stock(level)) => Some(level.on_hand),
        _ => None,
    }
}

#[test]
fn a_batch_that_does_not_commit_leaves_no_trace() {
    let mut world = world();
    world.put(stream("stock-A@x"), Slot::default());
    world.begin();
    world.evolve(&stream("stock-A@x"), &received(5));
    world.commit();
    world.begin();
    world.evolve(&stream("stock-A@x"), &received(1));
    world.evolve(&stream("stock-A@x"), &received(1));
    assert_eq!(on_hand(&world, "stock-A@x"), Some(7));
    world.roll_back();
    assert_eq!(on_hand(&world, "stock-A@x"), Some(5));
    assert_eq!(world.version(&stream("stock-A@x")), Version(1));
}

#[test]
fn what_came_after_a_mark_can_be_undone_on_its_own() {
    let mut world = world();
    world.begin();
    world.evolve(&stream("stock-A@x"), &received(5));
    let savepoint = world.savepoint();
    world.evolve(&stream("stock-A@x"), &received(1));
    let (order, event) = placed(1, 1);
    world.evolve(&order, &event);
    assert_eq!((on_hand(&world, "stock-A@x"), world.last_number("SON")), (Some(6), 1));
    world.undo_to(savepoint);
    assert_eq!((on_hand(&world, "stock-A@x"), world.last_number("SON")), (Some(5), 0));
    assert_eq!(world.version(&order), Version::NONE);
    world.evolve(&stream("stock-A@x"), &received(2));
    world.roll_back();
    assert_eq!(world.version(&stream("stock-A@x")), Version::NONE);
}

#[test]
fn a_batch_decided_on_another_is_undone_with_it() {
    let mut world = world();
    for _ in 0..2 {
        world.begin();
        world.evolve(&stream("stock-A@x"), &received(1));
    }
    world.commit();
    assert_eq!(on_hand(&world, "stock-A@x"), Some(2));
    world.roll_back();
    assert_eq!(on_hand(&world, "stock-A@x"), Some(1));
    for _ in 0..2 {
        world.begin();
        world.evolve(&stream("stock-A@x"), &received(1));
    }
    world.roll_back();
    assert_eq!(on_hand(&world, "stock-A@x"), Some(1));
}

#[test]
fn what_another_writer_appended_is_followed_in_order_or_forgotten() {
    let mut world = world();
    world.put(stream("stock-A@x"), Slot::default());
    world.follow(&stream("stock-A@x"), Version(1), &received(3));
    world.follow(&stream("stock-A@x"), Version(1), &received(3));
    assert_eq!(on_hand(&world, "stock-A@x"), Some(3));
    world.follow(&stream("stock-A@x"), Version(3), &received(3));
    assert!(world.find(&stream("stock-A@x")).is_none());
}

#[test]
fn streams_that_nobody_uses_make_room_between_batches() {
    let mut world = world();
    for name in ["stock-A@x", "stock-B@x", "stock-C@x"] {
        world.put(stream(name), Slot::default());
    }
    world.touch(&stream("stock-A@x"));
    world.begin();
    world.commit();
    assert!(world.find(&stream("stock-B@x")).is_none());
    assert!(world.find(&stream("stock-A@x")).is_some() && world.find(&stream("stock-C@x")).is_some());
}

#[test]
fn large_states_make_room_sooner() {
    let bytes = 400_000;
    let mut world = World::within(Room { streams: NonZeroUsize::MAX, bytes });
    for number in 1..=10 {
        world.begin();
        let (order, event) = placed(number, 500);
        world.evolve(&order, &event);
        world.commit();
        assert!(world.bytes() <= bytes);
    }
    let kept = (1..=10).filter(|number| world.find(&StreamId::order(order_id(*number))).is_some()).count();
    assert!((1..10).contains(&kept), "{kept} orders are kept");
    assert!(world.find(&StreamId::order(order_id(10))).is_some(), "the last order is kept");
}

#[test]
fn what_is_not_in_the_log_yet_stays_in_memory() {
    let mut world = World::new(NonZeroUsize::MIN);
    world.begin();
    world.evolve(&stream("stock-A@x"), &received(1));
    world.begin();
    world.evolve(&stream("stock-B@x"), &received(1));
    world.evolve(&stream("stock-C@x"), &received(1));
    world.commit();
    let found = |world: &World, name: &str| world.find(&stream(name)).is_some();
    assert!(!found(&world, "stock-A@x") && found(&world, "stock-B@x") && found(&world, "stock-C@x"));
    world.commit();
    assert!(!found(&world, "stock-B@x") && found(&world, "stock-C@x"));
}

#[test]
fn what_an_undone_attempt_touched_stays_while_an_earlier_change_is_not_in_the_log() {
    let mut world = World::new(NonZeroUsize::MIN);
    world.begin();
    world.evolve(&stream("stock-A@x"), &received(1));
    world.begin();
    world.evolve(&stream("stock-B@x"), &received(5));
    let savepoint = world.savepoint();
    world.evolve(&stream("stock-B@x"), &received(1));
    world.undo_to(savepoint);
    world.put(stream("stock-C@x"), Slot::default());
    world.commit();
    assert_eq!(on_hand(&world, "stock-B@x"), Some(5));
}

#[test]
fn settled_numbers_are_those_of_committed_batches() {
    let mut world = world();
    for number in 1..=2 {
        world.begin();
        let (order, event) = placed(number, 1);
        world.evolve(&order, &event);
    }
    assert_eq!(world.settled_numbers(), BTreeMap::new());
    world.commit();
    assert_eq!(world.settled_numbers(), BTreeMap::from([("SON".to_owned(), 1)]));
    world.commit();
    assert_eq!(world.settled_numbers(), BTreeMap::from([("SON".to_owned(), 2)]));
}

/// A step of a batch.
#[derive(Debug, Clone)]
enum Step {
    Receive(usize, u32),
    Place(u64),
    Savepoint,
    UndoToSavepoint,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3usize, 1..9u32).prop_map(|(item, quantity)| Step::Receive(item, quantity)),
        3 => (1..5u64).prop_map(Step::Place),
        2 => Just(Step::Savepoint),
        2 => Just(Step::UndoToSavepoint),
    ]
}

/// The streams, the last order number and the estimated bytes of a world.
fn observed(world: &World) -> (Vec<Slot>, u64, usize) {
    let items = ["stock-A@x", "stock-B@x", "stock-C@x"].map(stream);
    let orders = (1..5).map(|number| StreamId::order(order_id(number)));
    let slots = items.into_iter().chain(orders).map(|stream| world.find(&stream).cloned().unwrap_or_default());
    let slots: Vec<Slot> = slots.collect();
    let bytes = slots.iter().filter_map(|slot| slot.state.as_ref()).map(State::bytes).sum();
    (slots, world.last_number("SON"), bytes)
}

proptest! {
    #[test]
    fn undoing_leads_back_to_what_was(first in prop::collection::vec(any_step(), 0..30), second in prop::collection::vec(any_step(), 0..30)) {
        let mut world = World::new(NonZeroUsize::MAX);
        world.begin();
        run(&mut world, &first);
        world.commit();
        let before = observed(&world);
        world.begin();
        run(&mut world, &second);
        world.begin();
        run(&mut world, &first);
        world.roll_back();
        prop_assert_eq!(observed(&world), before);
    }
}

/// Runs the steps of one batch; after undoing to a savepoint, the world must be the same as when the savepoint was
/// made.
fn run(world: &mut World, steps: &[Step]) {
    let mut savepoints = Vec::new();
    for step in steps {
        match step {
            Step::Receive(item, quantity) => {
                world.evolve(&stream(["stock-A@x", "stock-B@x", "stock-C@x"][*item]), &received(*quantity));
            }
            Step::Place(number) => {
                let (order, event) = placed(*number, 2);
                world.evolve(&order, &event);
            }
            Step::Savepoint => {
                let savepoint = world.savepoint();
                savepoints.push((savepoint, observed(world)));
            }
            Step::UndoToSavepoint => {
                if let Some((savepoint, seen)) = savepoints.pop() {
                    world.undo_to(savepoint);
                    assert_eq!(observed(world), seen);
                }
            }
        }
    }
}
