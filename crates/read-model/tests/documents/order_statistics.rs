//! Statistics of orders: the counts and sums of all changes agree with the progress of the order.

use events::order::progress::{FulfilmentState, ReturnState};
use events::order::{Disposition, OrderEvent};
use events::{Event, Recorded, StreamId, Version};
use proptest::prelude::*;
use read_model::order_statistics::{FulfilmentMeasures, OrderCount, ReturnMeasures};
use read_model::{FoldError, OrderStatistics, StatisticsChange, Status};

use crate::histories::history;
use crate::samples::*;

fn fold(
    mut order: Option<OrderStatistics>,
    history: &[(Recorded, OrderEvent)],
) -> (Option<OrderStatistics>, Vec<StatisticsChange>) {
    let mut changes = Vec::new();
    for (recorded, event) in history {
        OrderStatistics::fold(&mut order, recorded, event, &mut changes).unwrap();
    }
    (order, changes)
}

/// The counts that are left when all changes with the same statuses are added up.
fn counts(changes: &[StatisticsChange]) -> Vec<OrderCount> {
    let mut counts: Vec<OrderCount> = Vec::new();
    for change in changes {
        let StatisticsChange::Orders(count) = change else { continue };
        match counts.iter_mut().find(|it| it.status == count.status) {
            Some(sum) => sum.add(count),
            None => counts.push(count.clone()),
        }
    }
    counts.retain(|count| !count.is_zero());
    counts
}

fn fulfilments(changes: &[StatisticsChange]) -> FulfilmentMeasures {
    changes.iter().fold(FulfilmentMeasures::default(), |sum, change| match change {
        StatisticsChange::Fulfilments(change) => sum.plus(change.measures),
        _ => sum,
    })
}

fn returns(changes: &[StatisticsChange]) -> ReturnMeasures {
    changes.iter().fold(ReturnMeasures::default(), |sum, change| match change {
        StatisticsChange::Returns(change) => sum.plus(change.measures),
        _ => sum,
    })
}

proptest! {
    #[test]
    fn the_sums_of_an_order_agree_with_its_progress(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = (1..).zip(quantities).map(|(no, (quantity, price))| line(no, quantity, price)).collect();
        let history = recorded_orders(history(lines, &proposals));
        let (order, changes) = fold(None, &history);
        let order = order.unwrap();
        let progress = &order.progress;

        let counts = counts(&changes);
        prop_assert_eq!(counts.len(), 1);
        prop_assert_eq!((counts[0].status, counts[0].orders), (Status::of(progress), 1));
        prop_assert_eq!(counts[0].owed, progress.owed().0);
        let open = progress.returns.iter().filter(|it| it.state == ReturnState::Requested).count() as i64;
        prop_assert_eq!(counts[0].open_returns, open);

        let in_state = |state| progress.fulfilments.iter().filter(|it| it.state == state).count() as i64;
        let sum = fulfilments(&changes);
        prop_assert_eq!(sum.created, progress.fulfilments.len() as i64);
        prop_assert_eq!(sum.shipped, in_state(FulfilmentState::Shipped) + in_state(FulfilmentState::Delivered));
        prop_assert_eq!(sum.delivered, in_state(FulfilmentState::Delivered));
        prop_assert_eq!(sum.cancelled, in_state(FulfilmentState::Cancelled));
        prop_assert_eq!(counts[0].waiting_fulfilments, sum.created - sum.shipped - sum.cancelled);
        let shipped: i64 = progress.lines.iter().map(|line| i64::from(line.shipped)).sum();
        prop_assert_eq!(sum.units_shipped, shipped);

        let sum = returns(&changes);
        let received = |condition: Disposition| -> i64 {
            let all = progress.returns.iter().flat_map(|it| &it.received);
            all.filter(|units| units.disposition == condition).map(|units| i64::from(units.quantity)).sum()
        };
        prop_assert_eq!(sum.requested, progress.returns.len() as i64);
        prop_assert_eq!(sum.units_restocked, received(Disposition::Restock));
        prop_assert_eq!(sum.units_damaged, received(Disposition::Damaged));
        prop_assert_eq!(sum.units_lost, received(Disposition::Lost));
        let outstanding: i64 = progress.lines.iter().map(|line| i64::from(line.return_requested)).sum();
        let ended = sum.units_restocked + sum.units_damaged + sum.units_lost + sum.units_rejected;
        prop_assert_eq!(sum.units_requested - ended, outstanding);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let (half, first) = fold(None, before);
        let stored = serde_json::to_string(&half).unwrap();
        let (halves, second) = fold(serde_json::from_str(&stored).unwrap(), after);
        prop_assert_eq!(halves, Some(order));
        prop_assert_eq!([first, second].concat(), changes);
    }
}

#[test]
fn durations_are_those_between_the_events() {
    let created = events::order::FulfilmentCreated {
        fulfilment: 1,
        location: events::Location::main(),
        lines: vec![events::order::LineQuantity { line: 1, quantity: 2 }],
    };
    let shipped = events::order::FulfilmentShipped { fulfilment: 1, carrier: None, tracking: None };
    let delivered = events::order::FulfilmentDelivered { fulfilment: 1 };
    let mut history = recorded_orders(vec![
        placed(vec![line(1, 2, 100)]),
        OrderEvent::FulfilmentCreated(created),
        OrderEvent::FulfilmentShipped(shipped),
        OrderEvent::FulfilmentDelivered(delivered),
    ]);
    for ((recorded, _), seconds) in history.iter_mut().zip([0, 100, 160, 1000]) {
        recorded.metadata.occurred_at = Some(instant(seconds));
    }
    let sum = fulfilments(&fold(None, &history).1);
    assert_eq!((sum.seconds_order_to_shipment, sum.seconds_packing, sum.seconds_in_transit), (160, 60, 840));
    assert_eq!((sum.units_created, sum.units_shipped, sum.units_delivered), (2, 2, 2));
}

#[test]
fn an_event_that_does_not_continue_the_order_is_refused() {
    let history = recorded_orders(vec![placed(vec![line(1, 2, 100)])]);
    let (order, _) = fold(None, &history);
    let (mut again, mut changes) = (order.clone(), Vec::new());
    let (recorded_event, event) = &history[0];
    OrderStatistics::fold(&mut again, recorded_event, event, &mut changes).unwrap_err();
    let gap = captured(10);
    let recorded = recorded(&StreamId::order(order_id()), 3, &Event::Order(gap.clone()));
    let error = OrderStatistics::fold(&mut again, &recorded, &gap, &mut changes).unwrap_err();
    assert!(matches!(error, FoldError::WrongVersion { .. }), "{error}");
    assert_eq!((again, changes.len()), (order, 0));
    assert_eq!(Version(1), fold(None, &history).0.unwrap().version());
}
