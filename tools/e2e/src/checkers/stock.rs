//! `stock`: after every event, a stock item has at least 0 units on hand and at least 0 units reserved; no reservation exceeds the
//! stock policy; all units that came in are on hand or shipped; and the reserved, backordered, shipped and restocked units of each
//! item equal the units of its orders and stock holds. A stock count may find fewer units than are reserved; this is no violation.

use std::collections::BTreeMap;

use events::order::Disposition;
use events::order::progress::Progress;
use events::stock::{Level, StockEvent};
use events::stock_hold::StockHoldEvent;
use events::stream::Subject as About;
use events::{Category, Event, Location, Position, Recorded, Sku};

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Streams};

type Item = (Sku, Location);

/// Checks all stock items, orders and stock holds.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let until = log::head(&pool).await?;
    let mut findings = Findings::default();
    let mut stock = Stock::default();
    for category in [Category::Stock, Category::Order, Category::StockHold] {
        let mut streams = Streams::of(&pool, category);
        loop {
            let page = streams.next().await?;
            if page.is_empty() {
                break;
            }
            for events in &page {
                stock.add(events, until, &mut findings)?;
            }
        }
    }
    stock.compare(&mut findings);
    Ok(findings)
}

/// Units of an item according to its orders and stock holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Claims {
    reserved: i64,
    /// Reserved units that have no unit on hand allocated.
    backordered: i64,
    shipped: i64,
    restocked: i64,
}

/// A stock item after its last event.
#[derive(Debug, Default)]
struct ItemStock {
    level: Level,
    /// Whether an event of the item has a schema version that does not state the backordered units.
    derived: bool,
    /// Position of an adjustment by which an import received the units of its own order, and the promisable units before it.
    counted_in: Option<(Position, Option<i64>)>,
}

impl ItemStock {
    /// Applies the next event. Returns whether the event reserves more than the policy allows. If units are missing already, an
    /// import that receives the units of its order is no violation, because the reservation follows in the same command.
    fn add(&mut self, recorded: &Recorded, event: &StockEvent) -> bool {
        let before = self.level.promisable();
        self.level.evolve(event);
        self.derived |= self.level.backorders_derived;
        let counted_in = self.counted_in.take();
        match event {
            StockEvent::Adjusted(_) if recorded.command_id.is_none() => {
                self.counted_in = Some((recorded.position, before));
                false
            }
            StockEvent::Reserved(_) | StockEvent::Held(_) => {
                let own = counted_in.filter(|(position, _)| position.0 + 1 == recorded.position.0);
                let least = own.map_or(0, |(_, before)| before.unwrap_or(0).min(0));
                self.level.promisable().is_some_and(|left| left < least)
            }
            _ => false,
        }
    }
}

/// All items, and the units of the items according to orders and stock holds.
#[derive(Debug, Default)]
struct Stock {
    items: BTreeMap<Item, ItemStock>,
    claims: BTreeMap<Item, Claims>,
}

impl Stock {
    /// Adds the events of a stream up to `until`, which was the head of the log when the check started.
    fn add(&mut self, events: &[Recorded], until: Position, findings: &mut Findings) -> anyhow::Result<()> {
        let mut progress = Progress::default();
        let mut held = Vec::new();
        for recorded in events.iter().take_while(|recorded| recorded.position <= until) {
            match recorded.decode()? {
                Event::Stock(event) => self.move_stock(recorded, &event, findings),
                Event::Order(event) => progress.evolve(&event),
                Event::StockHold(StockHoldEvent::Placed(event)) => held = event.lines,
                Event::StockHold(
                    StockHoldEvent::Released(_) | StockHoldEvent::Expired(_) | StockHoldEvent::Consumed(_),
                ) => held.clear(),
                Event::Product(_) | Event::Customer(_) | Event::Email(_) => {}
            }
        }
        self.claim(&progress);
        for line in held {
            let claims = self.claims.entry((line.sku, line.location)).or_default();
            claims.reserved += i64::from(line.quantity);
            claims.backordered += i64::from(line.backordered);
        }
        Ok(())
    }

    fn move_stock(&mut self, recorded: &Recorded, event: &StockEvent, findings: &mut Findings) {
        let About::Stock(sku, location) = recorded.stream.subject() else { return };
        let item = self.items.entry((sku, location)).or_default();
        let excess = item.add(recorded, event);
        let level = &item.level;
        findings.count_checked();
        let Level { on_hand, reserved, received, restocked, adjusted, shipped, transferred, .. } = *level;
        let place =
            || format!("{} after version {} (position {})", recorded.stream, recorded.version, recorded.position);
        findings.expect(on_hand >= 0, || format!("{}: {on_hand} on hand", place()));
        findings.expect(reserved >= 0, || format!("{}: {reserved} reserved", place()));
        findings.expect(!excess, || {
            format!("{}: {reserved} reserved with {on_hand} on hand, more than the stock policy allows", place())
        });
        findings.expect(received + restocked + adjusted + transferred == on_hand + shipped, || {
            format!(
                "{}: received {received} + restocked {restocked} + adjusted {adjusted} + transferred {transferred} \
                 is not on hand {on_hand} + shipped {shipped}",
                place()
            )
        });
    }

    fn claim(&mut self, order: &Progress) {
        for line in order.lines.iter().filter(|line| !line.untracked) {
            let claims = self.claims.entry((line.sku.clone(), line.location.clone())).or_default();
            claims.reserved += i64::from(line.reserved());
            claims.shipped += i64::from(line.shipped);
            claims.backordered += i64::from(line.backordered);
        }
        let received = order.returns.iter().flat_map(|it| &it.received);
        for part in received.filter(|units| units.disposition == Disposition::Restock) {
            let Some(line) = order.line(part.line).filter(|line| !line.untracked) else { continue };
            let claims = self.claims.entry((line.sku.clone(), line.location.clone())).or_default();
            claims.restocked += i64::from(part.quantity);
        }
    }

    fn compare(&self, findings: &mut Findings) {
        for ((sku, location), ItemStock { level, derived, .. }) in &self.items {
            let mut claims = self.claims.get(&(sku.clone(), location.clone())).copied().unwrap_or_default();
            let Level { reserved, backordered, shipped, restocked, .. } = *level;
            let own = Claims { reserved, backordered, shipped, restocked };
            if *derived {
                claims.backordered = backordered;
            }
            findings.expect(claims == own, || {
                format!("{sku} at {location}: the item has {own:?}, but its orders and stock holds have {claims:?}")
            });
        }
        for (sku, location) in self.claims.keys().filter(|item| !self.items.contains_key(*item)) {
            findings.add(format!("orders or stock holds have units of {sku} at {location}, which has no stock stream"));
        }
    }
}
