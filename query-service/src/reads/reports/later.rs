//! What later events have added to the sums that a report reads, so that the report can be computed as of an earlier position.

use std::collections::BTreeMap;

use events::order::OrderEvent;
use events::{Event, LogPosition, Position, Recorded};
use read_model::sales::quarter_hour_start;
use read_model::{FoldError, OrderStatistics, Projection, SalesChange, SalesOrder, StatisticsChange, StockMovement};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;

use crate::reads::database::statement::Statement;
use crate::reads::error::{Error, History};
use crate::reads::history::HistoricEvent;

/// The sums that a report adds up. Each kind has the columns of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sums {
    /// Of `sales_channel_quarter_hours`.
    ChannelSales,
    /// Of `sales_quarter_hours`.
    ProductSales,
    /// Of `sales_customers`.
    CustomerSales,
    /// Of `return_quarter_hours`.
    Returns,
    /// Of `fulfilment_quarter_hours`.
    Fulfilments,
    /// Of `stock_movement_quarter_hours`.
    StockMovements,
}

/// Rows with the negated sums of later events, which add up to the earlier sums together with the rows of the table.
#[derive(Debug, Clone, Default)]
pub struct LaterRows(Vec<Value>);

/// Adds up what later events have added.
#[derive(Debug)]
pub struct LaterSums {
    sums: Sums,
    /// Events after this position are later ones.
    after: Position,
    /// Sums by the columns of the key, as JSON.
    rows: BTreeMap<String, Map<String, Value>>,
}

impl LaterSums {
    /// No events yet.
    pub fn new(sums: Sums, after: Position) -> LaterSums {
        LaterSums { sums, after, rows: BTreeMap::new() }
    }

    /// Adds what the later ones of the events of a stream have added, as the projector does. The events are all events of
    /// the stream, or of a stock stream the later ones. Skipped events add nothing.
    pub fn add_stream(&mut self, events: &[HistoricEvent]) -> Result<(), Error> {
        match self.sums {
            Sums::ChannelSales | Sums::ProductSales | Sums::CustomerSales => self.add_sales(events),
            Sums::Returns | Sums::Fulfilments => self.add_statistics(events),
            Sums::StockMovements => self.add_movements(events),
        }
    }

    /// The rows that undo what was added.
    pub fn into_rows(self) -> LaterRows {
        let row = |(key, sums): (String, Map<String, Value>)| {
            let mut row: Map<String, Value> = serde_json::from_str(&key).unwrap_or_default();
            row.extend(sums.into_iter().map(|(name, sum)| (name, negated(&sum))));
            Value::Object(row)
        };
        LaterRows(self.rows.into_iter().map(row).collect())
    }

    fn add_sales(&mut self, events: &[HistoricEvent]) -> Result<(), Error> {
        let changes = fold_order(events, self.after, SalesOrder::fold, SalesOrder::advance_to)?;
        changes.iter().for_each(|change| self.add_sales_change(change));
        Ok(())
    }

    fn add_sales_change(&mut self, change: &SalesChange) {
        let SalesChange { channel, currency, sku, customer_id, measures, .. } = change;
        let starts_at = quarter_hour_start(change.instant);
        let key = match (self.sums, customer_id) {
            (Sums::ProductSales, _) => {
                let sku = sku.as_ref().map_or("", |sku| sku.as_str());
                serde_json::json!({"starts_at": starts_at, "channel": channel, "currency": currency, "sku": sku})
            }
            (Sums::CustomerSales, None) => return,
            (Sums::CustomerSales, Some(customer)) => {
                serde_json::json!({"customer_id": customer, "currency": currency})
            }
            _ => serde_json::json!({"starts_at": starts_at, "channel": channel, "currency": currency}),
        };
        self.add(&key, measures);
        self.add(&key, &serde_json::json!({"net": measures.net()}));
    }

    fn add_statistics(&mut self, events: &[HistoricEvent]) -> Result<(), Error> {
        let changes = fold_order(events, self.after, OrderStatistics::fold, OrderStatistics::advance_to)?;
        changes.iter().for_each(|change| self.add_statistics_change(change));
        Ok(())
    }

    fn add_statistics_change(&mut self, change: &StatisticsChange) {
        match change {
            StatisticsChange::Returns(it) if self.sums == Sums::Returns => {
                let starts_at = quarter_hour_start(it.instant);
                let key = serde_json::json!({"starts_at": starts_at, "channel": it.channel, "currency": it.currency});
                self.add(&key, &it.measures);
            }
            StatisticsChange::Fulfilments(it) if self.sums == Sums::Fulfilments => {
                let starts_at = quarter_hour_start(it.instant);
                let key = serde_json::json!({"starts_at": starts_at, "channel": it.channel, "location": it.location});
                self.add(&key, &it.measures);
            }
            _ => {}
        }
    }

    fn add_movements(&mut self, events: &[HistoricEvent]) -> Result<(), Error> {
        let is_later = |event: &&HistoricEvent| event.recorded.position > self.after && !event.is_skipped;
        let mut movements = Vec::new();
        for event in events.iter().filter(is_later) {
            let Event::Stock(decoded) = decode(event)? else { continue };
            let movement = StockMovement::of(&event.recorded, &decoded);
            movements.extend(movement.map_err(|error| not_applied(event, &error))?);
        }
        for StockMovement { instant, location, kind, movements, units } in movements {
            let starts_at = quarter_hour_start(instant);
            let key = serde_json::json!({"starts_at": starts_at, "location": location, "kind": kind.word()});
            self.add(&key, &serde_json::json!({"movements": movements, "units": units}));
        }
        Ok(())
    }

    /// Adds measures, an object of whole numbers, to the sums of a key.
    fn add(&mut self, key: &Value, measures: &impl Serialize) {
        let Ok(Value::Object(measures)) = serde_json::to_value(measures) else { return };
        let sums = self.rows.entry(key.to_string()).or_default();
        for (name, measure) in measures {
            let sum = sums.get(&name).map_or(0, number).saturating_add(number(&measure));
            sums.insert(name, sum.into());
        }
    }
}

/// A fold of the crate `read_model`: the next event of an order, and the changes that it makes.
type Fold<S, C> = fn(&mut Option<S>, &Recorded, &OrderEvent, &mut Vec<C>) -> Result<(), FoldError>;

/// Folds the events of an order; returns the changes that those after a position make.
fn fold_order<S, C>(
    events: &[HistoricEvent],
    after: Position,
    fold: Fold<S, C>,
    advance_to: fn(&mut S, &Recorded),
) -> Result<Vec<C>, Error> {
    let (mut order, mut later) = (None, Vec::new());
    for event in events {
        let mut changes = Vec::new();
        if event.is_skipped {
            order.iter_mut().for_each(|order| advance_to(order, &event.recorded));
        } else {
            let Event::Order(decoded) = decode(event)? else { continue };
            let folded = fold(&mut order, &event.recorded, &decoded, &mut changes);
            folded.map_err(|error| not_applied(event, &error))?;
        }
        if event.recorded.position > after {
            later.append(&mut changes);
        }
    }
    Ok(later)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn negated(value: &Value) -> Value {
    number(value).saturating_neg().into()
}

fn decode(event: &HistoricEvent) -> Result<Event, Error> {
    event.recorded.decode().map_err(|error| not_applied(event, &error))
}

fn not_applied(HistoricEvent { recorded, .. }: &HistoricEvent, reason: &dyn std::fmt::Display) -> Error {
    let at = LogPosition { incarnation: recorded.incarnation, position: recorded.position };
    History { at, reason: reason.to_string() }.into()
}

impl Sums {
    /// The projection that keeps the sums.
    pub fn projection(self) -> Projection {
        match self {
            Sums::ChannelSales | Sums::ProductSales | Sums::CustomerSales => Projection::SALES,
            Sums::Returns | Sums::Fulfilments => Projection::ORDER_STATISTICS,
            Sums::StockMovements => Projection::STOCK_MOVEMENTS,
        }
    }

    /// Whether what an event adds depends on the earlier events of its stream.
    pub fn need_earlier_events(self) -> bool {
        self != Sums::StockMovements
    }

    /// Adds the beginning of a call that returns rows of the table.
    fn push_recordset(self, statement: &mut Statement) {
        statement.push(match self {
            Sums::ChannelSales => "jsonb_populate_recordset(null::sales_channel_quarter_hours, ",
            Sums::ProductSales => "jsonb_populate_recordset(null::sales_quarter_hours, ",
            Sums::CustomerSales => "jsonb_populate_recordset(null::sales_customers, ",
            Sums::Returns => "jsonb_populate_recordset(null::return_quarter_hours, ",
            Sums::Fulfilments => "jsonb_populate_recordset(null::fulfilment_quarter_hours, ",
            Sums::StockMovements => "jsonb_populate_recordset(null::stock_movement_quarter_hours, ",
        });
    }
}

impl LaterRows {
    /// Adds a set of rows with the columns of the table of the sums.
    pub fn push(&self, sums: Sums, statement: &mut Statement) {
        sums.push_recordset(statement);
        statement.bind(Json(self.0.clone())).push(")");
    }
}
