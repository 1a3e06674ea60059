//! The filter of a list of orders and its select.
//!
//! A range of `placed_at` becomes a range of order ids, which contain that instant, so only the partitions of those months are
//! read. Used by [`super::list`].

use chrono::{DateTime, TimeDelta, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{ChannelCode, CustomerId, OrderCode};
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use uuid::Uuid;

use crate::reads::database::statement::Statement;

/// A page is first looked for in this range before the end of the list. Planning a statement costs as much for each month as
/// reading a page does in total, and most pages can be filled from the newest orders.
const RECENT: TimeDelta = TimeDelta::days(31);

/// Which orders a list contains: those that match every filter that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Lifecycle status.
    pub lifecycle: Option<Lifecycle>,
    /// Payment status.
    pub payment: Option<PaymentStatus>,
    /// Minimum amount that the buyer owes, in minor units.
    pub owed: Option<i64>,
    /// Fulfilment status.
    pub fulfilment: Option<FulfilmentStatus>,
    /// Return status.
    pub returns: Option<ReturnStatus>,
    /// Sales channel.
    pub channel: Option<ChannelCode>,
    /// Customer.
    pub customer_id: Option<CustomerId>,
    /// Tag.
    pub tag: Option<Label>,
    /// External reference.
    pub external_ref: Option<Label>,
    /// Order code.
    pub code: Option<OrderCode>,
    /// Smallest order id, inclusive.
    pub first_id: Option<Uuid>,
    /// Largest order id, exclusive.
    pub end_id: Option<Uuid>,
}

/// A tag or external reference, in the forms in which it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The canonical form, which commands store.
    pub canonical: String,
    /// The form in the request where it differs, because references were once stored without conversion.
    pub as_given: Option<String>,
}

impl Label {
    /// All forms to search for.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.canonical.as_str()).chain(self.as_given.as_deref())
    }
}

impl OrderFilter {
    /// The same filter, restricted to the last days before the end of the list. `None` if the filter matches so few orders that
    /// a second statement would follow anyway, or if the list is not longer than that.
    pub(super) fn recent(&self, after: Option<Uuid>, now: DateTime<Utc>) -> Option<OrderFilter> {
        let is_narrow =
            self.customer_id.is_some() || self.tag.is_some() || self.external_ref.is_some() || self.code.is_some();
        let end = after.or(self.end_id).map_or(Some(now), instant_of)?;
        let first_id = first_id_at(end.checked_sub_signed(RECENT)?);
        let is_wider = self.first_id.is_none_or(|own| own < first_id);
        (!is_narrow && is_wider).then(|| OrderFilter { first_id: Some(first_id), ..self.clone() })
    }

    pub(super) fn select(&self, after: Option<Uuid>, limit: i64, statement: &mut Statement) {
        statement.push(
            "select id, code, channel, customer_id, external_ref, currency, total, due, owed, tags, lifecycle, payment, fulfilment,
                returns, placed_at, updated_at, version, incarnation, position
            from orders where true",
        );
        if let Some(lifecycle) = self.lifecycle {
            statement.push(" and lifecycle = ").bind(lifecycle_word(lifecycle));
        }
        if let Some(payment) = self.payment {
            statement.push(" and payment = ").bind(payment_word(payment));
        }
        if let Some(owed) = self.owed {
            // The partial index contains only orders with `owed > 0`; the planner uses it only if the query repeats the condition.
            statement.push(" and owed > 0 and owed >= ").bind(owed);
        }
        if let Some(fulfilment) = self.fulfilment {
            statement.push(" and fulfilment = ").bind(fulfilment_word(fulfilment));
        }
        if let Some(returns) = self.returns {
            statement.push(" and returns = ").bind(return_word(returns));
        }
        if let Some(channel) = &self.channel {
            statement.push(" and channel = ").bind(channel.as_str());
        }
        if let Some(customer_id) = self.customer_id {
            statement.push(" and customer_id = ").bind(customer_id.uuid());
        }
        if let Some(tag) = &self.tag {
            // The partial index contains only orders with tags; the planner uses it only if the query repeats the condition.
            let mut either = " and tags <> '{}' and (tags @> array[";
            for form in tag.forms() {
                statement.push(either).bind(form).push("]");
                either = " or tags @> array[";
            }
            statement.push(")");
        }
        if let Some(external_ref) = &self.external_ref {
            let mut either = " and (external_ref = ";
            for form in external_ref.forms() {
                statement.push(either).bind(form);
                either = " or external_ref = ";
            }
            statement.push(")");
        }
        if let Some(code) = &self.code {
            statement.push(" and code = ").bind(code.as_str());
        }
        if let Some(first_id) = self.first_id {
            statement.push(" and id >= ").bind(first_id);
        }
        // The cursor is below `end_id`, because the previous page was.
        if let Some(end_id) = after.or(self.end_id) {
            statement.push(" and id < ").bind(end_id);
        }
        statement.push(" order by id desc limit ").bind(limit);
    }
}

/// The smallest possible id of an order placed at `instant` or later: as `uuid_at` of the migrations, rounded up to whole
/// milliseconds, because ids have no finer resolution.
pub fn first_id_at(instant: DateTime<Utc>) -> Uuid {
    const MS_MAX: i64 = (1 << 48) - 1;
    let is_between = !instant.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    match instant.timestamp_millis() + i64::from(is_between) {
        ms @ 0..=MS_MAX => Uuid::from_u128((ms as u128) << 80),
        ms if ms < 0 => Uuid::nil(),
        _ => Uuid::max(),
    }
}

/// The instant that an id contains: its first 48 bits are milliseconds since 1970 (RFC 9562, 5.7).
fn instant_of(id: Uuid) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}

#[cfg(test)]
mod tests {
    use platform::config::Secret;
    use projector::frame::rows;
    use projector::generations::create_missing;
    use projector::projections::Orders;
    use projector::store::months::Months;
    use read_model::tables;
    use sqlx::{Connection, PgConnection, Row};
    use testbed::Bed;

    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
    }

    fn label(text: &str) -> Option<Label> {
        Some(Label { canonical: text.to_owned(), as_given: None })
    }

    fn first_id(text: &str) -> Option<Uuid> {
        Some(first_id_at(instant(text)))
    }

    fn all() -> OrderFilter {
        OrderFilter::default()
    }

    fn channel(code: &str) -> OrderFilter {
        OrderFilter { channel: code.parse().ok(), ..all() }
    }

    #[test]
    fn an_instant_becomes_the_first_id_that_is_not_before_it() {
        let id = |text: &str| first_id_at(instant(text));
        assert_eq!(id("2026-01-31T00:00:00Z").to_string(), "019c1159-7000-0000-0000-000000000000");
        assert_eq!(id("2026-01-31T01:00:00+01:00"), id("2026-01-31T00:00:00Z"));
        assert_eq!(id("2026-01-31T00:00:00.000001Z"), id("2026-01-31T00:00:00.001Z"));
        assert_eq!(id("1901-01-01T00:00:00Z"), Uuid::nil());
        assert_eq!(first_id_at(DateTime::<Utc>::MAX_UTC), Uuid::max());
    }

    #[test]
    fn a_page_is_first_looked_for_among_the_newest_orders_unless_the_filter_is_narrow() {
        let now = instant("2026-03-15T12:00:00Z");
        let month_before = |text: &str| Some(first_id_at(instant(text) - RECENT));
        let open = OrderFilter { lifecycle: Some(Lifecycle::Open), ..all() };
        let paid = OrderFilter { payment: Some(PaymentStatus::Paid), ..channel("web") };
        let since_2020 = OrderFilter { first_id: first_id("2020-01-01T00:00:00Z"), ..all() };
        for filter in [all(), open.clone(), paid, since_2020] {
            let recent = filter.recent(None, now).expect("a wide filter");
            assert_eq!(recent.first_id, month_before("2026-03-15T12:00:00Z"), "{filter:?}");
        }
        let end_id = first_id("2025-06-01T00:00:00Z");
        let with_end = OrderFilter { end_id, ..all() }.recent(None, now).expect("a filter with an end");
        assert_eq!(with_end.first_id, month_before("2025-06-01T00:00:00Z"));
        let after = first_id_at(instant("2024-01-01T00:00:00Z"));
        let next = OrderFilter { end_id, ..open }.recent(Some(after), now).expect("a page after a cursor");
        assert_eq!(next.first_id, month_before("2024-01-01T00:00:00Z"));
        for filter in [
            OrderFilter { code: "SON000001".parse().ok(), ..all() },
            OrderFilter { tag: label("gift"), ..all() },
            OrderFilter { external_ref: label("A"), ..all() },
            OrderFilter { first_id: first_id("2026-03-01T00:00:00Z"), ..all() },
        ] {
            assert_eq!(filter.recent(None, now), None, "{filter:?}");
        }
        assert_eq!(all().recent(Some(Uuid::nil()), now).map(|it| it.first_id), Some(Some(Uuid::nil())));
    }

    /// Creates the partitions of 2025; returns a connection as the projector.
    async fn create_months(bed: &Bed) -> PgConnection {
        let url = Secret::new(bed.projector_url().expect("an address"));
        create_missing(&url).await.expect("the tables");
        let mut projector = projector::store::connect(&url).await.expect("the primary");
        let january = instant("2025-01-01T00:00:00Z");
        let months: Vec<_> = (0..12).map(|month| (tables::ORDERS, january + chrono::Months::new(month))).collect();
        sqlx::query("set search_path = orders_1, public").execute(&mut projector).await.expect("a setting");
        Months::of(rows::tables::<Orders>()).ensure(&mut projector, &months).await.expect("the months");
        projector
    }

    /// Inserts a year of orders of one channel, all delivered and paid, and updates the statistics.
    async fn insert_year_of_orders(bed: &Bed) {
        const PLACE: &str = "
            insert into orders (id, code, channel, currency, total, due, owed, tags, skus, search_text, lifecycle, payment, fulfilment, returns,
                placed_at, updated_at, version, incarnation, position, document)
            select (left(uuid_at(placed_at)::text, 14) || '7000-8000-' || lpad(number::text, 12, '0'))::uuid,
                'SON' || lpad(number::text, 6, '0'), 'web', 'GBP', 1000, 1000, 0, '{}', '{}', '', 'completed', 'paid', 'delivered', 'none', placed_at,
                placed_at, 5, 1, number, json_build_object('note', repeat('x', 500))
            from (
                select number, '2025-01-01Z'::timestamptz + number * interval '30 minutes' as placed_at
                from generate_series(0, 17000) as number
            ) orders";
        let mut projector = create_months(bed).await;
        sqlx::query(PLACE).execute(&mut projector).await.expect("orders");
        let mut owner = PgConnection::connect(&bed.owner_url().expect("an address")).await.expect("the primary");
        sqlx::query("analyze orders_1.orders").execute(&mut owner).await.expect("statistics");
    }

    /// The number of blocks that reading a page takes, and the plan.
    async fn read_blocks(reader: &mut PgConnection, filter: &OrderFilter) -> (i64, String) {
        let explain = Statement::plain(|it| {
            filter.select(None, 51, it.push("explain (analyze, buffers, timing off, summary off) "));
        });
        let plan = explain.fetch_all(reader).await.expect("a plan");
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let top = plan.iter().find(|line| line.trim_start().starts_with("Buffers:")).expect("its blocks");
        let count = |kind: &str| {
            let found = top.split(' ').find_map(|word| word.strip_prefix(kind));
            found.map_or(0, |number| number.parse().expect("a number"))
        };
        (count("hit=") + count("read="), plan.join("\n"))
    }

    #[tokio::test]
    async fn a_filter_that_matches_no_order_reads_an_index_and_not_the_table() {
        let bed = Bed::new().await.expect("a test bed");
        insert_year_of_orders(&bed).await;
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        sqlx::query("set plan_cache_mode = force_custom_plan").execute(&mut reader).await.expect("a setting");
        let completed = OrderFilter { lifecycle: Some(Lifecycle::Completed), ..channel("web") };
        let (blocks, _) = read_blocks(&mut reader, &completed).await;
        assert!(blocks < 100, "a page of orders that all match takes {blocks} blocks");
        let on_hold = Some(FulfilmentStatus::OnHold);
        let customer_id = "0190b6d2-7e1a-7000-8000-000000000001".parse().ok();
        for filter in [
            channel("none-has-it"),
            OrderFilter { lifecycle: Some(Lifecycle::Expired), ..all() },
            OrderFilter { owed: Some(1), ..all() },
            OrderFilter { payment: Some(PaymentStatus::Overpaid), ..all() },
            OrderFilter { fulfilment: on_hold, ..all() },
            OrderFilter { returns: Some(ReturnStatus::Requested), ..all() },
            OrderFilter { customer_id, ..all() },
            OrderFilter { tag: label("gift"), ..all() },
            OrderFilter { external_ref: label("A"), ..all() },
            OrderFilter { code: "SON999999".parse().ok(), ..all() },
            OrderFilter { lifecycle: Some(Lifecycle::Completed), ..channel("none-has-it") },
            OrderFilter { payment: Some(PaymentStatus::Paid), fulfilment: on_hold, ..all() },
        ] {
            assert_ne!(filter, all());
            let (blocks, plan) = read_blocks(&mut reader, &filter).await;
            // The table has about 1,500 blocks; an index has two or three in each of the twelve months.
            assert!(blocks < 100, "{filter:?} reads {blocks} blocks:\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{filter:?}:\n{plan}");
        }
    }

    #[tokio::test]
    async fn a_page_of_the_newest_orders_is_planned_only_for_their_months() {
        let bed = Bed::new().await.expect("a test bed");
        insert_year_of_orders(&bed).await;
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        let recent = channel("web").recent(None, instant("2025-11-15T00:00:00Z")).expect("a page of the newest");
        let (_, plan) = read_blocks(&mut reader, &recent).await;
        let months = (1..=12).filter(|month| plan.contains(&format!("orders_2025_{month:02}")));
        assert_eq!(months.collect::<Vec<_>>(), [10, 11, 12], "{plan}");
    }

    #[tokio::test]
    async fn a_range_of_placed_at_reads_only_its_months() {
        let bed = Bed::new().await.expect("a test bed");
        create_months(&bed).await;
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        let range = |from: Option<&str>, to: Option<&str>| OrderFilter {
            first_id: from.and_then(first_id),
            end_id: to.and_then(first_id),
            ..all()
        };
        let open_since_november =
            OrderFilter { lifecycle: Some(Lifecycle::Open), ..range(Some("2025-11-05T00:00:00Z"), None) };
        for (filter, months) in [
            (range(Some("2025-03-01T00:00:00Z"), Some("2025-04-01T00:00:00Z")), vec!["03"]),
            (range(Some("2025-03-31T23:59:59.999Z"), Some("2025-05-01T00:00:00Z")), vec!["03", "04"]),
            (open_since_november, vec!["11", "12"]),
            (range(None, Some("2025-01-02T00:00:00Z")), vec!["01"]),
        ] {
            let explain = Statement::plain(|it| filter.select(None, 51, it.push("explain ")));
            let plan = explain.fetch_all(&mut reader).await.expect("a plan");
            let plan: String = plan.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
            let read =
                (1..=12).map(|month| format!("{month:02}")).filter(|it| plan.contains(&format!("orders_2025_{it}")));
            assert_eq!(read.collect::<Vec<_>>(), months, "{filter:?}:\n{plan}");
        }
    }
}
