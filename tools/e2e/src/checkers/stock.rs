//! `stock`: at every point of its history an item has no fewer than 0 units on hand and reserved; no reservation promises
//! more than the policy allows; what came in is there or shipped; and what orders claim, shipped and gave back is what the
//! items say. A count may show that fewer units are there than are reserved: that is a fact, and no fault.

use std::collections::BTreeMap;

use events::hold::HoldEvent;
use events::order::Disposition;
use events::order::progress::Progress;
use events::stock::{Level, StockEvent};
use events::stream::Subject as About;
use events::{Category, Event, Location, Position, Recorded, Sku};

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Streams};

type Item = (Sku, Location);

/// Reads every stock stream and every order.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let until = log::head(&pool).await?;
    let mut findings = Findings::default();
    let mut book = Book::default();
    for category in [Category::Stock, Category::Order, Category::Hold] {
        let mut streams = Streams::of(&pool, category);
        loop {
            let page = streams.next().await?;
            if page.is_empty() {
                break;
            }
            for events in &page {
                book.take(events, until, &mut findings)?;
            }
        }
    }
    book.compare(&mut findings);
    Ok(findings)
}

/// What orders say of an item.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Claims {
    reserved: i64,
    /// Of the reserved units, those that no unit on hand is assigned to.
    backordered: i64,
    shipped: i64,
    restocked: i64,
}

/// The stock of an item after its last event.
#[derive(Debug, Default)]
struct Shelf {
    level: Level,
    /// Whether events of a version that does not say what is backordered were among its events.
    derived: bool,
    /// What an import counted in for its own order, and what could be promised before that.
    counted_in: Option<(Position, Option<i64>)>,
}

impl Shelf {
    /// Takes the next event; tells whether it reserves more than the policy allows. Where units are missing, an import that
    /// counts in the units of its order is no reason for complaint: the reservation follows in the same command.
    fn take(&mut self, recorded: &Recorded, event: &StockEvent) -> bool {
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

/// Both sides of the same facts.
#[derive(Debug, Default)]
struct Book {
    items: BTreeMap<Item, Shelf>,
    claims: BTreeMap<Item, Claims>,
}

impl Book {
    /// Takes a stream up to a position that was the head of the log once.
    fn take(&mut self, events: &[Recorded], until: Position, findings: &mut Findings) -> anyhow::Result<()> {
        let mut progress = Progress::default();
        let mut held = Vec::new();
        for recorded in events.iter().take_while(|recorded| recorded.position <= until) {
            match recorded.decode()? {
                Event::Stock(event) => self.move_stock(recorded, &event, findings),
                Event::Order(event) => progress.evolve(&event),
                Event::Hold(HoldEvent::Placed(event)) => held = event.lines,
                Event::Hold(HoldEvent::Released(_) | HoldEvent::Expired(_) | HoldEvent::Consumed(_)) => held.clear(),
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
        let excess = item.take(recorded, event);
        let level = &item.level;
        findings.look();
        let Level { on_hand, reserved, received, restocked, adjusted, shipped, transferred, .. } = *level;
        let place =
            || format!("{} after version {} (position {})", recorded.stream, recorded.version, recorded.position);
        findings.expect(on_hand >= 0, || format!("{}: {on_hand} on hand", place()));
        findings.expect(reserved >= 0, || format!("{}: {reserved} reserved", place()));
        findings.expect(!excess, || {
            format!("{}: {reserved} promised with {on_hand} on hand, more than its policy allows", place())
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
        for ((sku, location), Shelf { level, derived, .. }) in &self.items {
            let mut claims = self.claims.get(&(sku.clone(), location.clone())).copied().unwrap_or_default();
            let Level { reserved, backordered, shipped, restocked, .. } = *level;
            let said = Claims { reserved, backordered, shipped, restocked };
            if *derived {
                claims.backordered = backordered;
            }
            findings.expect(claims == said, || {
                format!("{sku} at {location}: the item says {said:?}, its orders say {claims:?}")
            });
        }
        for (sku, location) in self.claims.keys().filter(|item| !self.items.contains_key(*item)) {
            findings.add(format!("orders claim {sku} at {location}, which has no stock stream"));
        }
    }
}
