//! The rows of order statistics: changes of orders, added up by statuses and by quarter of an hour.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, Location};
use read_model::StatisticsChange;
use read_model::order_statistics::{FulfilmentChange, FulfilmentMeasures, OrderCount, ReturnChange, ReturnMeasures};
use read_model::sales::quarter_hour_start;
use read_model::status::{Status, fulfilment_word, lifecycle_word, payment_word, return_word};

use crate::frame::EventRows;

/// The changes of a batch, and the rows that they add up to.
#[derive(Debug, Default)]
pub struct StatisticsRows {
    /// Changes of orders that are not added up yet.
    pub(super) changes: Vec<StatisticsChange>,
    /// Numbers of orders by channel, currency and statuses.
    pub(super) counts: Vec<OrderCount>,
    /// Sums of fulfilments.
    pub(super) fulfilments: Vec<FulfilmentSums>,
    /// Sums of returns.
    pub(super) returns: Vec<ReturnSums>,
}

impl EventRows for StatisticsRows {
    fn count(&self) -> usize {
        self.changes.len()
    }

    fn truncate(&mut self, count: usize) {
        self.changes.truncate(count);
    }
}

/// Sums of fulfilments of one quarter of an hour, channel and location.
#[derive(Debug)]
pub(super) struct FulfilmentSums {
    pub(super) starts_at: DateTime<Utc>,
    pub(super) channel: ChannelCode,
    pub(super) location: Location,
    pub(super) measures: FulfilmentMeasures,
}

/// Sums of returns of one quarter of an hour, channel and currency.
#[derive(Debug)]
pub(super) struct ReturnSums {
    pub(super) starts_at: DateTime<Utc>,
    pub(super) channel: ChannelCode,
    pub(super) currency: Currency,
    pub(super) measures: ReturnMeasures,
}

/// The sums of a batch by key, in the order in which all writers lock the rows.
#[derive(Default)]
struct Sums {
    counts: BTreeMap<(ChannelCode, Currency, [&'static str; 4]), OrderCount>,
    fulfilments: BTreeMap<(DateTime<Utc>, ChannelCode, Location), FulfilmentMeasures>,
    returns: BTreeMap<(DateTime<Utc>, ChannelCode, Currency), ReturnMeasures>,
}

impl StatisticsRows {
    /// Adds the changes up; numbers of orders that stay the same change no row.
    pub(super) fn combine(&mut self) {
        let mut sums = Sums::default();
        std::mem::take(&mut self.changes).into_iter().for_each(|change| sums.add(change));
        self.counts = sums.counts.into_values().filter(|count| !count.is_zero()).collect();
        let fulfilments = sums.fulfilments.into_iter();
        self.fulfilments = fulfilments
            .map(|((starts_at, channel, location), measures)| FulfilmentSums { starts_at, channel, location, measures })
            .collect();
        let returns = sums.returns.into_iter();
        self.returns = returns
            .map(|((starts_at, channel, currency), measures)| ReturnSums { starts_at, channel, currency, measures })
            .collect();
    }
}

impl Sums {
    fn add(&mut self, change: StatisticsChange) {
        match change {
            StatisticsChange::Orders(count) => {
                let key = (count.channel.clone(), count.currency, words(&count.status));
                match self.counts.get_mut(&key) {
                    Some(sum) => sum.add(&count),
                    None => drop(self.counts.insert(key, count)),
                }
            }
            StatisticsChange::Fulfilments(FulfilmentChange { instant, channel, location, measures }) => {
                let sum = self.fulfilments.entry((quarter_hour_start(instant), channel, location)).or_default();
                *sum = sum.plus(measures);
            }
            StatisticsChange::Returns(ReturnChange { instant, channel, currency, measures }) => {
                let sum = self.returns.entry((quarter_hour_start(instant), channel, currency)).or_default();
                *sum = sum.plus(measures);
            }
        }
    }
}

fn words(status: &Status) -> [&'static str; 4] {
    [
        lifecycle_word(status.lifecycle),
        payment_word(status.payment),
        fulfilment_word(status.fulfilment),
        return_word(status.returns),
    ]
}
