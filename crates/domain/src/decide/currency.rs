//! Withdrawn currencies. New prices and orders must be in a currency that was legal tender at their instant. An
//! imported order keeps the currency of its time; payments, refunds and amendments of the order use that currency too.

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

/// Accepts one more day in UTC than the last day of the currency, because days end at different instants around the
/// world.
fn was_current(currency: Currency, at: DateTime<Utc>) -> Result<(), Rejection> {
    match currency.last_day() {
        Some(last_day) if Some(at.date_naive()) > last_day.succ_opt() => {
            Err(Rejection::CurrencyWithdrawn { currency, last_day })
        }
        Some(_) | None => Ok(()),
    }
}
