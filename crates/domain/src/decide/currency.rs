//! Withdrawn currencies. New prices and orders are in currencies that were legal tender when they were made: an order of the
//! past can be imported in the currency of its day, and goes on in it (payments, refunds, amendments).

use chrono::{DateTime, Utc};
use events::Currency;

use crate::command::Command;
use crate::product::ProductCommand;
use crate::rejection::Rejection;

/// Refuses commands that introduce a withdrawn currency.
pub(crate) fn check(command: &Command, now: DateTime<Utc>) -> Result<(), Rejection> {
    let at = command.occurred_at().unwrap_or(now);
    match command {
        Command::CreateProduct { body } => body.prices.keys().try_for_each(|currency| was_current(*currency, at)),
        Command::Product(_, ProductCommand::ChangePrice { currency, .. }) => was_current(*currency, at),
        Command::PlaceOrder(c) => was_current(c.body.currency, at),
        _ => Ok(()),
    }
}

/// Days end at different instants around the world, so an order of the last day may carry the date of the next one in UTC.
fn was_current(currency: Currency, at: DateTime<Utc>) -> Result<(), Rejection> {
    match currency.last_day() {
        Some(last_day) if Some(at.date_naive()) > last_day.succ_opt() => {
            Err(Rejection::CurrencyWithdrawn { currency, last_day })
        }
        Some(_) | None => Ok(()),
    }
}
