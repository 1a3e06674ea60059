//! The range of instants for which tables have months. The command-service accepts no command outside it; the check here
//! keeps a log that was written otherwise (an import by SQL, a wrong clock) from creating thousands of months. The range
//! depends on the event only, so that every fold of the log has the same result.

use chrono::{DateTime, TimeDelta, Utc};
use events::stream::Subject;
use events::{Recorded, StreamId};

use super::apply_error::ApplyError;
use super::read_model::ReadModel;
use super::table::Table;
use super::visitor::Visitor;

/// The earliest instant, 2000-01-01 in UTC, in seconds since 1970: that of commands.
const EARLIEST_S: i64 = 946_684_800;

/// How far an event may be ahead of the instant at which it was recorded; commands may be minutes ahead.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Checks the instants by which months are selected, if the read model has tables by month: that of the event, and that of
/// the id of its stream.
pub fn check<M: ReadModel>(event: &Recorded) -> Result<(), ApplyError> {
    let mut has_months = HasMonths(false);
    M::visit(&[], &M::Rows::default(), &mut has_months);
    let earliest = DateTime::from_timestamp(EARLIEST_S, 0).unwrap_or(DateTime::UNIX_EPOCH);
    let latest = event.recorded_at.checked_add_signed(AHEAD).unwrap_or(event.recorded_at);
    let is_known = |instant: DateTime<Utc>| (earliest..=latest).contains(&instant);
    match is_known(event.occurred_at()) && id_instant(&event.stream).is_none_or(is_known) {
        false if has_months.0 => Err(ApplyError::UnknownMonth),
        _ => Ok(()),
    }
}

fn id_instant(stream: &StreamId) -> Option<DateTime<Utc>> {
    match stream.subject() {
        Subject::Order(id) => Some(id.instant()),
        Subject::StockHold(id) => Some(id.instant()),
        _ => None,
    }
}

struct HasMonths(bool);

impl Visitor for HasMonths {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, _: &[R]) {
        self.0 |= table.month.is_some();
    }
}

#[cfg(test)]
mod tests {
    use events::{Incarnation, Metadata, OrderId, Position, Version};

    use super::*;
    use crate::projections::{Customers, Orders, Stock};

    fn event(stream: StreamId, occurred_at: &str) -> Recorded {
        Recorded {
            incarnation: Incarnation(1),
            position: Position(1),
            stream,
            version: Version(1),
            event_type: "OrderPlaced".into(),
            schema_version: 1,
            payload: "{}".into(),
            metadata: Metadata { occurred_at: occurred_at.parse().ok(), ..Metadata::default() },
            command_id: None,
            recorded_at: instant("2026-11-30T12:00:00Z"),
        }
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_event_from_2000_to_a_day_after_it_was_recorded_has_a_month() {
        let stock = || "stock-MUG@main".parse().unwrap();
        for known in ["2000-01-01T00:00:00Z", "2009-12-01T08:26:00Z", "2026-12-01T12:00:00Z"] {
            assert!(check::<Stock>(&event(stock(), known)).is_ok(), "{known}");
        }
        for unknown in
            ["1999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "2026-12-01T12:00:00.001Z", "2100-01-01T00:00:00Z"]
        {
            assert!(check::<Stock>(&event(stock(), unknown)).is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_instant_of_an_order_id_is_checked() {
        let order = |at| event(StreamId::order(OrderId::new(instant(at), [7; 10])), "2026-11-30T12:00:00Z");
        assert!(check::<Orders>(&order("2009-12-01T08:26:00Z")).is_ok());
        assert!(check::<Orders>(&order("1970-01-01T00:00:00Z")).is_err());
        assert!(check::<Orders>(&order("2100-01-01T00:00:00Z")).is_err());
    }

    #[test]
    fn a_read_model_without_months_accepts_every_instant() {
        assert!(check::<Customers>(&event("stock-MUG@main".parse().unwrap(), "2100-01-01T00:00:00Z")).is_ok());
    }
}
