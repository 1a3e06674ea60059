//! Sales compared with an independent model: the model counts units and multiplies them by prices, and does not use
//! `events::order::progress`.

use std::collections::BTreeMap;

use events::order::pricing::Amounts;
use events::order::*;
use events::{Minor, Sku};
use proptest::prelude::*;
use read_model::SalesMeasures;

use crate::sales::fold;
use crate::samples::{line, placed, recorded_orders};

/// A step in the life of an order; numbers are reduced to what the order allows.
#[derive(Debug, Clone)]
enum Step {
    CancelUnits { line: usize, units: u32 },
    SetUnits { line: usize, units: u32 },
    AddLine { units: u32, price: i64 },
    SetShipping { shipping: i64 },
    CancelAll,
    Expire,
}

struct ModelLine {
    sku: String,
    price: i64,
    wanted: u32,
    cancelled: u32,
}

#[derive(Default)]
struct Model {
    lines: Vec<ModelLine>,
    shipping: i64,
    has_ended: bool,
    sums: BTreeMap<Option<String>, SalesMeasures>,
    events: Vec<OrderEvent>,
}

impl Model {
    fn placed(lines: &[(u32, i64)], shipping: i64) -> Model {
        let mut model = Model { shipping, ..Model::default() };
        let lines: Vec<Line> = lines.iter().map(|(units, price)| model.add(*units, *price)).collect();
        let OrderEvent::Placed(placed) = placed(lines) else { panic!("no order") };
        let (shipping, total) = (Minor(shipping), Minor(model.total()));
        model.events.push(OrderEvent::Placed(OrderPlaced { shipping, total, ..placed }));
        model.count(None, |sum| (sum.orders, sum.ordered) = (1, shipping.0));
        model
    }

    fn count(&mut self, sku: Option<String>, change: impl FnOnce(&mut SalesMeasures)) {
        change(self.sums.entry(sku).or_default());
    }

    fn total(&self) -> i64 {
        self.shipping + self.lines.iter().map(|line| line.price * i64::from(line.wanted)).sum::<i64>()
    }

    /// Adds a line. Every second line has the SKU of the line before it.
    fn add(&mut self, units: u32, price: i64) -> Line {
        let number = self.lines.len() as u32 + 1;
        let sku: Sku = format!("SKU-{}", number.div_ceil(2)).parse().unwrap();
        self.lines.push(ModelLine { sku: sku.to_string(), price, wanted: units, cancelled: 0 });
        let total = price * i64::from(units);
        self.count(Some(sku.to_string()), |sum| {
            sum.units_ordered += i64::from(units);
            sum.ordered += total;
        });
        Line { sku, tax: Minor::ZERO, total: Minor(total), ..line(number, units, price) }
    }

    fn cancel(&mut self, index: usize, units: u32) -> CancelledLine {
        let line = &mut self.lines[index];
        line.wanted -= units;
        line.cancelled += units;
        let (sku, price, wanted) = (line.sku.clone(), line.price, line.wanted);
        self.count(Some(sku), |sum| {
            sum.units_cancelled += i64::from(units);
            sum.cancelled += price * i64::from(units);
        });
        let amounts = Amounts { total: Minor(price * i64::from(wanted)), ..Amounts::default() };
        let remaining = Some(RemainingLine { amounts, backordered: 0 });
        CancelledLine { line: index as u32 + 1, quantity: units, remaining }
    }

    fn cancel_all(&mut self) -> Vec<CancelledLine> {
        let units: Vec<u32> = self.lines.iter().map(|line| line.wanted).collect();
        let cancelled = units.into_iter().enumerate().map(|(index, units)| self.cancel(index, units)).collect();
        let shipping = self.shipping;
        self.count(None, |sum| sum.cancelled += shipping);
        self.has_ended = true;
        cancelled
    }

    fn set_units(&mut self, index: usize, units: u32) -> LineChange {
        let line = &mut self.lines[index];
        let more = i64::from(units) - i64::from(line.wanted);
        line.wanted = units;
        let (sku, price, quantity) = (line.sku.clone(), line.price, line.wanted + line.cancelled);
        self.count(Some(sku), |sum| {
            sum.units_ordered += more;
            sum.ordered += price * more;
        });
        LineChange {
            line: index as u32 + 1,
            quantity,
            discount: Minor::ZERO,
            tax: Minor::ZERO,
            total: Minor(price * i64::from(units)),
            pricing: line_pricing(),
            with_cancelled: false,
            backordered: 0,
        }
    }

    fn amended(&mut self, added: Vec<Line>, changed: Vec<LineChange>) {
        let (shipping, total) = (Minor(self.shipping), Minor(self.total()));
        let amended = OrderAmended { added, changed, shipping_lines: None, shipping, total, reason: None };
        self.events.push(OrderEvent::Amended(amended));
    }

    fn lines_cancelled(&mut self, lines: Vec<CancelledLine>) {
        self.events.push(OrderEvent::LinesCancelled(OrderLinesCancelled { lines, reason: "why".into() }));
    }

    fn step(&mut self, step: Step) {
        if self.has_ended {
            return;
        }
        let lines = self.lines.len();
        match step {
            Step::CancelUnits { line, units } => {
                let cancelled = self.cancel(line % lines, units.min(self.lines[line % lines].wanted));
                self.lines_cancelled(vec![cancelled]);
            }
            Step::SetUnits { line, units } => {
                let changed = self.set_units(line % lines, units);
                self.amended(vec![], vec![changed]);
            }
            Step::AddLine { units, price } => {
                let added = self.add(units, price);
                self.amended(vec![added], vec![]);
            }
            Step::SetShipping { shipping } => {
                let more = shipping - self.shipping;
                self.shipping = shipping;
                self.count(None, |sum| sum.ordered += more);
                self.amended(vec![], vec![]);
            }
            Step::CancelAll => {
                let cancelled = self.cancel_all();
                self.lines_cancelled(cancelled);
                self.events.push(OrderEvent::Cancelled(OrderCancelled { reason: "why".into() }));
            }
            Step::Expire => {
                self.cancel_all();
                self.events.push(OrderEvent::Expired(OrderExpired {}));
            }
        }
    }
}

fn line_pricing() -> pricing::Pricing {
    line(1, 1, 1).pricing
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<usize>(), 0..4u32).prop_map(|(line, units)| Step::CancelUnits { line, units }),
        6 => (any::<usize>(), 0..6u32).prop_map(|(line, units)| Step::SetUnits { line, units }),
        3 => (1..5u32, 0..900i64).prop_map(|(units, price)| Step::AddLine { units, price }),
        2 => (0..900i64).prop_map(|shipping| Step::SetShipping { shipping }),
        1 => Just(Step::CancelAll),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 0..20)
}

proptest! {
    #[test]
    fn placed_amended_and_cancelled_orders_have_the_sums_of_the_model(
        lines in prop::collection::vec((1..5u32, 0..900i64), 1..5), shipping in 0..900i64, steps in steps(),
    ) {
        let mut model = Model::placed(&lines, shipping);
        steps.into_iter().for_each(|step| model.step(step));
        let (_, changes) = fold(None, &recorded_orders(model.events));
        let mut sums: BTreeMap<Option<String>, SalesMeasures> = BTreeMap::new();
        for change in changes {
            let sum = sums.entry(change.sku.map(|sku| sku.to_string())).or_default();
            *sum = sum.plus(change.measures);
        }
        sums.retain(|_, sum| !sum.is_zero());
        model.sums.retain(|_, sum| !sum.is_zero());
        prop_assert_eq!(sums, model.sums);
    }
}
