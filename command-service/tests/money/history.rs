//! The history of a scenario on the platform: every step with its outcome and the amounts after the step, as input of the model.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use domain::command::Command;
use domain::decide;
use domain::decision::{Context, NewEvent};
use domain::order::OrderCommand;
use domain::order::place::PlaceOrder;
use domain::order::shortage::StockHandling;
use domain::order::state::Order;
use domain::reader::{MissingStreams, Reader};
use domain::state::State;
use domain::world::{Slot, World};
use events::product::{ProductCreated, ProductEvent};
use events::stock::{StockEvent, StockReceived};
use events::{Location, OrderId, Sku, StreamId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::scenario::{Scenario, Step};

/// The history of one order.
pub(crate) struct History(Value);

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl History {
    pub(crate) fn of(scenario: &Scenario) -> History {
        let mut shop = Shop::new(scenario);
        let place = PlaceOrder { body: body(scenario.order.clone()), stock: StockHandling::Enforce };
        let outcome = shop.execute(&Command::PlaceOrder(place));
        let mut history = json!({ "order": scenario.order, "outcome": outcome, "steps": [] });
        if outcome == "accepted" {
            history["reserved"] = shop.reserved(&scenario.order["lines"]);
            history["amounts"] = shop.amounts();
            let steps = scenario.steps.iter().flat_map(|step| shop.step(step)).collect();
            history["steps"] = Value::Array(steps);
        }
        History(history)
    }

    /// Amount due after the last step, in minor units.
    pub(crate) fn last_due(&self) -> i64 {
        let last = self.0["steps"].as_array().and_then(|steps| steps.last()).unwrap_or(&self.0);
        last["amounts"]["due"].as_i64().expect("the order was placed")
    }
}

/// The rules, and the world on which they decide.
struct Shop {
    world: World,
    stream: StreamId,
    /// Number of products that amendments have added.
    added: usize,
}

impl Shop {
    fn new(scenario: &Scenario) -> Shop {
        let mut shop = Shop { world: World::new(NonZeroUsize::MAX), stream: StreamId::order(order_id()), added: 0 };
        for (number, on_hand) in scenario.on_hand.iter().enumerate() {
            shop.stock(&format!("S{number}"), *on_hand);
        }
        shop
    }

    fn stock(&mut self, sku: &str, on_hand: u32) {
        let sku: Sku = sku.parse().unwrap();
        let created = ProductCreated {
            sku: sku.clone(),
            name: "Thing".into(),
            prices: Default::default(),
            tax_class: None,
            attributes: Default::default(),
            tags: Default::default(),
        };
        self.world.evolve(&StreamId::product(&sku), &ProductEvent::Created(created).into());
        if on_hand > 0 {
            let received = StockReceived { quantity: on_hand, reference: None };
            self.world.evolve(&StreamId::stock(&sku, &Location::main()), &StockEvent::Received(received).into());
        }
    }

    /// Executes a command. Returns `accepted`, `nothing` if the command changed nothing, or the kind of the rejection.
    fn execute(&mut self, command: &Command) -> String {
        match self.decide(command) {
            Ok(events) if events.is_empty() => "nothing".to_owned(),
            Ok(events) => {
                for NewEvent { stream, event, .. } in events {
                    self.world.evolve(&stream, &event);
                }
                "accepted".to_owned()
            }
            Err(kind) => kind,
        }
    }

    fn decide(&mut self, command: &Command) -> Result<Vec<NewEvent>, String> {
        let context = Context { now: now(), new_id: order_id().into() };
        loop {
            match decide::decide(command, &context, &Reader::new(&self.world)) {
                Ok(decision) => return decision.map_err(|rejection| rejection.kind().to_owned()),
                Err(MissingStreams(streams)) => {
                    streams.into_iter().for_each(|stream| self.world.put(stream, Slot::default()));
                }
            }
        }
    }

    fn order(&self) -> &Order {
        match self.world.find(&self.stream).and_then(|slot| slot.state.as_ref()) {
            Some(State::Order(order)) => order,
            other => panic!("the order was placed: {other:?}"),
        }
    }

    /// Amounts of the order.
    fn amounts(&self) -> Value {
        let progress = &self.order().progress;
        json!({
            "due": progress.due(),
            "owed": progress.owed(),
            "captured": progress.captured(),
            "refunded": progress.refunded(),
            "total": progress.total,
            "payment": progress.payment_status(),
            "lines": progress.lines.iter().map(|line| line.due).collect::<Vec<_>>(),
        })
    }

    /// Units that were reserved for each of these lines. Every line has its own product.
    fn reserved(&self, lines: &Value) -> Value {
        let lines = lines.as_array().into_iter().flatten();
        let units = |line: &Value| {
            let found = self.order().progress.lines.iter().find(|known| known.sku.as_str() == line["sku"]);
            found.map_or(0, |line| line.ordered)
        };
        lines.map(units).collect()
    }

    /// Executes a step. Returns the steps for the model; none if the step is not possible.
    fn step(&mut self, step: &Step) -> Vec<Value> {
        match step {
            Step::Amend(body) => self.amend(body.clone()),
            Step::Cancel(line, quantity) => {
                let lines = json!([{ "line": line, "quantity": quantity }]);
                self.cancel(json!({ "reason": "changed mind", "lines": lines }))
            }
            Step::CancelRest => self.cancel(json!({ "reason": "changed mind" })),
            Step::Deliver => self.deliver(),
            Step::Capture(percent) => {
                let amount = (self.order().progress.owed().0 * percent / 100).max(1);
                let body = json!({ "kind": "captured", "amount": amount, "method": "card" });
                let record = Command::Order(order_id(), OrderCommand::RecordPayment { body: self::body(body.clone()) });
                vec![self.record("capture", &record, json!({ "body": body }))]
            }
            Step::Refund { payment, percent, kind } => {
                let captured = self.order().progress.payment(*payment).map_or(0, |payment| payment.captured.0);
                let amount = (captured * percent / 100).max(1);
                let mut body = json!({ "payment": payment, "amount": amount });
                if let Some(kind) = kind {
                    body["kind"] = (*kind).into();
                }
                vec![self.refund(body)]
            }
            Step::Return { line, amount } => self.return_unit(*line, *amount),
            Step::Complete => {
                let command = Command::Order(order_id(), OrderCommand::CompleteOrder {});
                vec![self.record("complete", &command, json!({}))]
            }
        }
    }

    /// Executes a command of the step `name`. Returns the step for the model.
    fn record(&mut self, name: &str, command: &Command, mut step: Value) -> Value {
        step["step"] = name.into();
        step["outcome"] = self.execute(command).into();
        step["amounts"] = self.amounts();
        step
    }

    /// Amends existing lines; amendments of other lines would only be rejected.
    fn amend(&mut self, mut body: Value) -> Vec<Value> {
        let lines = self.order().progress.lines.len() as u64;
        let changed = body["change"][0]["line"].as_u64().or(body["remove"][0].as_u64());
        if changed.is_some_and(|line| line > lines) {
            return Vec::new();
        }
        if body["add"].is_array() {
            let sku = format!("X{}", self.added);
            self.stock(&sku, 10);
            self.added += 1;
            body["add"][0]["sku"] = sku.into();
        }
        let command = Command::Order(order_id(), OrderCommand::AmendOrder { body: self::body(body.clone()) });
        let mut step = self.record("amend", &command, json!({ "body": body }));
        let line = |change: &Value| self.order().progress.line(change["line"].as_u64()? as u32);
        let changed = body["change"].as_array().into_iter().flatten().filter_map(line);
        let changed: Vec<u32> = changed.map(|line| line.wanted()).collect();
        step["reserved"] = json!({ "changed": changed, "added": self.reserved(&body["add"]) });
        vec![step]
    }

    fn cancel(&mut self, body: Value) -> Vec<Value> {
        let before: Vec<u32> = self.order().progress.lines.iter().map(|line| line.cancelled).collect();
        let command = Command::Order(order_id(), OrderCommand::CancelOrder { body: self::body(body) });
        let mut step = self.record("cancel", &command, json!({}));
        let lines = self.order().progress.lines.iter().zip(before);
        step["units"] = lines.map(|(line, before)| json!([line.line, line.cancelled - before])).collect();
        vec![step]
    }

    fn deliver(&mut self) -> Vec<Value> {
        let (order_id, number) = (order_id(), self.order().progress.fulfilments.len() as u32 + 1);
        let empty = || json!({});
        for command in [
            Command::Order(order_id, OrderCommand::CreateFulfilment { body: body(empty()) }),
            Command::Order(order_id, OrderCommand::ShipFulfilment { fulfilment: number, body: body(empty()) }),
            Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment: number, body: body(empty()) }),
        ] {
            self.execute(&command);
        }
        vec![json!({ "step": "deliver", "outcome": "accepted", "amounts": self.amounts() })]
    }

    fn return_unit(&mut self, line: u32, amount: i64) -> Vec<Value> {
        let order_id = order_id();
        let requested = json!({ "lines": [{ "line": line, "quantity": 1 }], "reason": "too small" });
        let request = Command::Order(order_id, OrderCommand::RequestReturn { body: body(requested) });
        if self.execute(&request) != "accepted" {
            return Vec::new();
        }
        let return_no = self.order().progress.returns.len() as u32;
        let received = body(json!({ "disposition": "restock" }));
        self.execute(&Command::Order(order_id, OrderCommand::ReceiveReturn { return_no, body: received }));
        vec![self.refund(json!({ "payment": 1, "amount": amount, "return": return_no }))]
    }

    fn refund(&mut self, body: Value) -> Value {
        let command = Command::Order(order_id(), OrderCommand::RecordRefund { body: self::body(body.clone()) });
        self.record("refund", &command, json!({ "body": body }))
    }
}

fn body<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("a valid body")
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_717_243_200, 0).unwrap()
}

fn order_id() -> OrderId {
    OrderId::new(now(), [9; 10])
}
