//! The rows of sales: changes of orders, added up by interval and by customer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, Sku};
use read_model::sales::{day_start, hour_start, quarter_hour_start};
use read_model::{SalesChange, SalesMeasures};

use crate::frame::EventRows;

/// The changes of a batch, and the rows that they add up to.
#[derive(Debug, Default)]
pub struct SalesRows {
    /// Changes of orders that are not added up yet.
    pub(super) changes: Vec<SalesChange>,
    /// Sums by quarter of an hour.
    pub(super) quarter_hours: Vec<IntervalSales>,
    /// Sums by day.
    pub(super) days: Vec<IntervalSales>,
    /// Sums of channels by quarter of an hour.
    pub(super) channel_quarter_hours: Vec<ChannelSales>,
    /// Sums of channels by hour.
    pub(super) channel_hours: Vec<ChannelSales>,
    /// Sums of channels by day.
    pub(super) channel_days: Vec<ChannelSales>,
    /// Sums by customer.
    pub(super) customers: Vec<CustomerSales>,
}

impl EventRows for SalesRows {
    fn count(&self) -> usize {
        self.changes.len()
    }

    fn truncate(&mut self, count: usize) {
        self.changes.truncate(count);
    }
}

/// Sums of one interval, channel, currency and SKU.
#[derive(Debug)]
pub(super) struct IntervalSales {
    pub(super) starts_at: DateTime<Utc>,
    pub(super) channel: ChannelCode,
    pub(super) currency: Currency,
    pub(super) sku: Option<Sku>,
    pub(super) measures: SalesMeasures,
}

/// Sums of all SKUs of one interval, channel and currency.
#[derive(Debug)]
pub(super) struct ChannelSales {
    pub(super) starts_at: DateTime<Utc>,
    pub(super) channel: ChannelCode,
    pub(super) currency: Currency,
    pub(super) measures: SalesMeasures,
}

/// Sums of one customer and currency.
#[derive(Debug)]
pub(super) struct CustomerSales {
    pub(super) customer_id: CustomerId,
    pub(super) currency: Currency,
    pub(super) measures: SalesMeasures,
}

impl SalesRows {
    /// Adds the changes up; sums of zero change no row.
    pub(super) fn combine(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        self.quarter_hours = by_interval(&changes, quarter_hour_start);
        self.days = by_interval(&changes, day_start);
        self.channel_quarter_hours = by_channel(&changes, quarter_hour_start);
        self.channel_hours = by_channel(&changes, hour_start);
        self.channel_days = by_channel(&changes, day_start);
        self.customers = by_customer(&changes);
    }
}

fn by_interval(changes: &[SalesChange], start: fn(DateTime<Utc>) -> DateTime<Utc>) -> Vec<IntervalSales> {
    let key = |it: &SalesChange| (start(it.instant), it.channel.clone(), it.currency, it.sku.clone());
    let sums = sums(changes.iter().map(|change| (key(change), change.measures)));
    let row =
        |((starts_at, channel, currency, sku), measures)| IntervalSales { starts_at, channel, currency, sku, measures };
    sums.map(row).collect()
}

fn by_channel(changes: &[SalesChange], start: fn(DateTime<Utc>) -> DateTime<Utc>) -> Vec<ChannelSales> {
    let key = |it: &SalesChange| (start(it.instant), it.channel.clone(), it.currency);
    let sums = sums(changes.iter().map(|change| (key(change), change.measures)));
    sums.map(|((starts_at, channel, currency), measures)| ChannelSales { starts_at, channel, currency, measures })
        .collect()
}

fn by_customer(changes: &[SalesChange]) -> Vec<CustomerSales> {
    let of_customer = |it: &SalesChange| Some(((it.customer_id?, it.currency), it.measures));
    let row = |((customer_id, currency), measures)| CustomerSales { customer_id, currency, measures };
    sums(changes.iter().filter_map(of_customer)).map(row).collect()
}

/// Sums by key that are not zero, in the order of the keys, in which all writers lock the rows.
fn sums<K: Ord>(changes: impl Iterator<Item = (K, SalesMeasures)>) -> impl Iterator<Item = (K, SalesMeasures)> {
    let mut sums: BTreeMap<K, SalesMeasures> = BTreeMap::new();
    for (key, measures) in changes {
        let sum = sums.entry(key).or_default();
        *sum = sum.plus(measures);
    }
    sums.into_iter().filter(|(_, sum)| !sum.is_zero())
}
