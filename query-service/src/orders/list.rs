//! `GET /v1/orders`: summaries, newest first, filtered. A range of `placed_at` becomes a range of ids, which carry that
//! instant, so only its months are read.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{ChannelCode, CustomerId, MAX_EXACT, Minor, OrderCode, Version};
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, read, return_word};
use read_model::{OrderSummary, Projection, Status};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::order_id;
use crate::database::row::{parsed, stamp};
use crate::database::{Scope, Statement};
use crate::documented::{self, Text, filter};
use crate::page::Page;
use crate::parameters::{Label, Parameters};
use crate::problems;
use crate::serve::App;

const PARAMETERS: [&str; 15] = [
    "lifecycle",
    "payment",
    "owed[gte]",
    "fulfilment",
    "return",
    "returns",
    "channel",
    "customer_id",
    "tag",
    "external_ref",
    "code",
    "placed_at[gte]",
    "placed_at[lt]",
    "limit",
    "cursor",
];

/// What these routes are about.
pub(super) const TAG: (&str, &str) = ("orders", "Orders with their payments, fulfilments and returns.");

const LIFECYCLES: &str = "one of open, completed, cancelled, expired";
const PAYMENTS: &str =
    "one of unpaid, authorized, partially_paid, paid, overpaid, partially_refunded, refunded, not_required";
const FULFILMENTS: &str = "one of unfulfilled, backordered, processing, partially_shipped, shipped, delivered, on_hold";
const RETURNS: &str = "one of none, requested, partially_returned, returned";
const NAME: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
const INSTANT: &str = "an instant as RFC 3339 has it, such as 2026-01-31T00:00:00Z (a + in it is sent as %2B)";

const OWED: &str = "a whole number of minor units, at least 1";

/// An amount that somebody owes.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Owed(#[schemars(range(min = 1))] i64);

/// A page is looked for in so many days first. Planning a statement costs as much for each month as reading a page does in
/// all, and most pages are full of the newest orders.
const RECENT: TimeDelta = TimeDelta::days(31);

/// Which orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Filter {
    lifecycle: Option<Lifecycle>,
    payment: Option<PaymentStatus>,
    /// Orders on which the buyer owes at least this, minor units.
    owed: Option<i64>,
    fulfilment: Option<FulfilmentStatus>,
    returns: Option<ReturnStatus>,
    channel: Option<ChannelCode>,
    customer_id: Option<CustomerId>,
    tag: Option<Label>,
    external_ref: Option<Label>,
    code: Option<OrderCode>,
    /// Ids from this one on.
    first_id: Option<Uuid>,
    /// Ids below this one.
    end_id: Option<Uuid>,
}

/// Queries for pages of orders.
pub fn lists() -> Routes<App> {
    let show = documented::list::<OrderSummary>("list_orders", "Orders, the newest first", filters())
        .paragraph("All filters must hold.");
    Routes::about(TAG.0, TAG.1).get("/v1/orders", self::show, show)
}

fn filters() -> [Parameter; 13] {
    [
        filter::<Lifecycle>("lifecycle", "Whether it still goes on."),
        filter::<PaymentStatus>("payment", "How the money stands."),
        filter::<Owed>(
            "owed[gte]",
            "The buyer owes at least this, in minor units: 1 for every order on which money is owed.",
        ),
        filter::<FulfilmentStatus>("fulfilment", "How the goods stand."),
        filter::<ReturnStatus>("return", "How returns stand."),
        filter::<ReturnStatus>("returns", "Another name of `return`; send one of them."),
        filter::<ChannelCode>("channel", "Where it came from."),
        filter::<CustomerId>("customer_id", "Who bought."),
        filter::<Text>("tag", "A word that it is to be found by."),
        filter::<Text>("external_ref", "Its name elsewhere."),
        filter::<OrderCode>("code", "What people call it."),
        filter::<DateTime<Utc>>("placed_at[gte]", "Placed at this instant or later."),
        filter::<DateTime<Utc>>("placed_at[lt]", "Placed before this instant."),
    ]
}

/// `GET /v1/orders`
pub async fn show(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (page, parameters) = Page::read(app, uri, &headers, &PARAMETERS)?;
    let filter = Filter::read(&parameters)?;
    let after = page.after(|key| Uuid::from_slice(key).ok())?;
    let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
    if let Some(recent) = filter.recent(after, Utc::now()) {
        let select = |statement: &mut Statement| recent.select(after, page.select_limit(), statement);
        let rows = page.rows(Projection::Orders, &Scope::List, select, summary, key).await?;
        if page.is_full(&rows) {
            return page.respond(&rows);
        }
    }
    let select = |statement: &mut Statement| filter.select(after, page.select_limit(), statement);
    let rows = page.rows(Projection::Orders, &Scope::List, select, summary, key).await?;
    page.respond(&rows)
}

impl Filter {
    fn read(parameters: &Parameters) -> Result<Filter, Problem> {
        let name_of_returns = if parameters.text("returns").is_some() { "returns" } else { "return" };
        if name_of_returns == "returns" && parameters.text("return").is_some() {
            return Err(problems::repeated_parameter("returns"));
        }
        Ok(Filter {
            lifecycle: parameters.read_as("lifecycle", LIFECYCLES, |word| read(word))?,
            payment: parameters.read_as("payment", PAYMENTS, |word| read(word))?,
            owed: parameters.read_as("owed[gte]", OWED, owed)?,
            fulfilment: parameters.read_as("fulfilment", FULFILMENTS, |word| read(word))?,
            returns: parameters.read_as(name_of_returns, RETURNS, |word| read(word))?,
            channel: parameters.read_as("channel", NAME, |text| text.parse().ok())?,
            customer_id: parameters
                .read_as("customer_id", "a UUID version 7 with hyphens", |text| text.parse().ok())?,
            tag: parameters.label("tag")?,
            external_ref: parameters.label("external_ref")?,
            code: parameters.read_as("code", NAME, |text| text.parse().ok())?,
            first_id: parameters.read_as("placed_at[gte]", INSTANT, |text| instant(text).map(first_id_at))?,
            end_id: parameters.read_as("placed_at[lt]", INSTANT, |text| instant(text).map(first_id_at))?,
        })
    }

    /// The same within the last days before the end of the list: enough for a page, unless few orders are of this kind.
    /// `None` where so few are that asking twice is in vain, or where the list is no longer than that.
    fn recent(&self, after: Option<Uuid>, now: DateTime<Utc>) -> Option<Filter> {
        let is_narrow =
            self.customer_id.is_some() || self.tag.is_some() || self.external_ref.is_some() || self.code.is_some();
        let end = after.or(self.end_id).map_or(Some(now), instant_of)?;
        let first_id = first_id_at(end.checked_sub_signed(RECENT)?);
        let is_wider = self.first_id.is_none_or(|own| own < first_id);
        (!is_narrow && is_wider).then(|| Filter { first_id: Some(first_id), ..self.clone() })
    }

    fn select(&self, after: Option<Uuid>, limit: i64, statement: &mut Statement) {
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
            // The index has the orders on which money is owed, and the planner takes it only for a query that says so.
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
            // The index has tagged orders alone, and the planner takes it only for who says so.
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
        // The cursor lies below the end, because the page before did.
        if let Some(end_id) = after.or(self.end_id) {
            statement.push(" and id < ").bind(end_id);
        }
        statement.push(" order by id desc limit ").bind(limit);
    }
}

fn owed(text: &str) -> Option<i64> {
    text.parse().ok().filter(|owed| (1..=MAX_EXACT).contains(owed))
}

/// RFC 3339, as `chrono` reads it.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

/// The smallest id of an order placed at `instant` or later: as `uuid_at` of the migrations, rounded up to whole
/// milliseconds, because ids have no more.
fn first_id_at(instant: DateTime<Utc>) -> Uuid {
    const MS_MAX: i64 = (1 << 48) - 1;
    let is_between = !instant.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    match instant.timestamp_millis() + i64::from(is_between) {
        ms @ 0..=MS_MAX => Uuid::from_u128((ms as u128) << 80),
        ms if ms < 0 => Uuid::nil(),
        _ => Uuid::max(),
    }
}

/// The instant that an id carries: its first 48 bits are milliseconds (RFC 9562, 5.7).
fn instant_of(id: Uuid) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}

fn summary(row: &PgRow) -> sqlx::Result<OrderSummary> {
    let stamp = stamp(row)?;
    Ok(OrderSummary {
        id: order_id(row)?,
        code: parsed(row, "code")?,
        channel: parsed(row, "channel")?,
        currency: parsed(row, "currency")?,
        customer_id: customer_id(row)?,
        external_ref: row.try_get("external_ref")?,
        tags: row.try_get::<Vec<String>, _>("tags")?.into_iter().collect(),
        status: Status {
            lifecycle: word(row, "lifecycle")?,
            payment: word(row, "payment")?,
            fulfilment: word(row, "fulfilment")?,
            returns: word(row, "returns")?,
        },
        placed_at: row.try_get("placed_at")?,
        updated_at: row.try_get("updated_at")?,
        total: Minor(row.try_get("total")?),
        due: Minor(row.try_get("due")?),
        owed: Minor(row.try_get("owed")?),
        version: Version(row.try_get("version")?),
        incarnation: stamp.incarnation,
        position: stamp.position,
    })
}

fn customer_id(row: &PgRow) -> sqlx::Result<Option<CustomerId>> {
    let id: Option<Uuid> = row.try_get("customer_id")?;
    id.map(|id| CustomerId::try_from(id).map_err(|error| sqlx::Error::Decode(error.into()))).transpose()
}

/// A column with one of our words; another one was written by a newer build.
fn word<T: DeserializeOwned>(row: &PgRow, column: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    read(text).ok_or_else(|| sqlx::Error::Decode(format!("`{text}` in {column} is unknown to this build").into()))
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, PgConnection};
    use testbed::Bed;

    use super::*;

    fn read_filter(query: &str) -> Result<Filter, Problem> {
        let uri = format!("/v1/orders?{query}").parse().expect("an address");
        Filter::read(&Parameters::read(&uri, &PARAMETERS)?)
    }

    #[test]
    fn the_words_that_a_problem_offers_are_the_words_that_are_taken() {
        let offered = |form: &'static str| form.trim_start_matches("one of ").split(", ");
        assert!(offered(LIFECYCLES).all(|word| read::<Lifecycle>(word).is_some()));
        assert!(offered(PAYMENTS).all(|word| read::<PaymentStatus>(word).is_some()));
        assert!(offered(FULFILMENTS).all(|word| read::<FulfilmentStatus>(word).is_some()));
        assert!(offered(RETURNS).all(|word| read::<ReturnStatus>(word).is_some()));
    }

    #[test]
    fn a_wrong_value_is_refused_with_those_that_are_right() {
        let problem = read_filter("lifecycle=opened").expect_err("no such word").to_json();
        assert_eq!(
            problem["detail"],
            "`lifecycle` is `opened`. It must be one of open, completed, cancelled, expired."
        );
        for wrong in ["placed_at[gte]=yesterday", "placed_at[lt]=2026-01-01", "placed_at[lt]=2026-01-01T00:00:00+01:00"]
        {
            assert_eq!(read_filter(wrong).expect_err(wrong).kind(), "invalid-query");
        }
        for name in PARAMETERS {
            let problem = read_filter(&format!("{name}=")).expect_err(name).to_json();
            assert_eq!(problem["detail"], format!("`{name}` is empty. Give it a value, or leave it out."));
        }
        let bare = "customer_id=0190163d8694739baea5966c26f8ad91";
        for wrong in ["channel=a%20b", "customer_id=7", "code=%00", "returns=none&return=none", "tag=%E2%80%8B", bare] {
            assert_eq!(read_filter(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }

    #[test]
    fn an_instant_becomes_the_first_id_that_is_not_before_it() {
        let id = |text: &str| first_id_at(instant(text).expect("RFC 3339"));
        assert_eq!(id("2026-01-31T00:00:00Z").to_string(), "019c1159-7000-0000-0000-000000000000");
        assert_eq!(id("2026-01-31T01:00:00+01:00"), id("2026-01-31T00:00:00Z"));
        assert_eq!(id("2026-01-31T00:00:00.000001Z"), id("2026-01-31T00:00:00.001Z"));
        assert_eq!(id("1901-01-01T00:00:00Z"), Uuid::nil());
        assert_eq!(first_id_at(DateTime::<Utc>::MAX_UTC), Uuid::max());
    }

    #[test]
    fn a_page_is_looked_for_among_the_newest_first_unless_few_are_wanted() {
        let now = instant("2026-03-15T12:00:00Z").expect("RFC 3339");
        let recent = |query: &str, after| read_filter(query).expect("a filter").recent(after, now);
        let month_before = |text: &str| Some(first_id_at(instant(text).expect("RFC 3339") - RECENT));
        for query in ["", "lifecycle=open", "channel=web&payment=paid", "placed_at[gte]=2020-01-01T00:00:00Z"] {
            let first_id = recent(query, None).expect(query).first_id;
            assert_eq!(first_id, month_before("2026-03-15T12:00:00Z"), "{query}");
        }
        let end = recent("placed_at[lt]=2025-06-01T00:00:00Z", None).expect("it has an end");
        assert_eq!(end.first_id, month_before("2025-06-01T00:00:00Z"));
        let after = first_id_at(instant("2024-01-01T00:00:00Z").expect("RFC 3339"));
        let next = recent("lifecycle=open&placed_at[lt]=2025-06-01T00:00:00Z", Some(after)).expect("it has a cursor");
        assert_eq!(next.first_id, month_before("2024-01-01T00:00:00Z"));
        for query in ["code=SON000001", "tag=gift", "external_ref=A", "placed_at[gte]=2026-03-01T00:00:00Z"] {
            assert_eq!(recent(query, None), None, "{query}");
        }
        assert_eq!(recent("", Some(Uuid::nil())).map(|it| it.first_id), Some(Some(Uuid::nil())));
    }

    /// A year of orders of one channel, all shipped and paid, and indexes that know.
    async fn year_of_orders(bed: &Bed) {
        const PLACE: &str = "
            insert into orders (id, code, channel, currency, total, lifecycle, payment, fulfilment, returns, placed_at,
                updated_at, version, incarnation, position, document)
            select (left(uuid_at(placed_at)::text, 14) || '7000-8000-' || lpad(number::text, 12, '0'))::uuid,
                'SON' || lpad(number::text, 6, '0'), 'web', 'GBP', 1000, 'completed', 'paid', 'delivered', 'none', placed_at,
                placed_at, 5, 1, number, json_build_object('note', repeat('x', 500))
            from (
                select number, '2025-01-01Z'::timestamptz + number * interval '30 minutes' as placed_at
                from generate_series(0, 17000) as number
            ) orders";
        let mut projector =
            PgConnection::connect(&bed.projector_url().expect("an address")).await.expect("the primary");
        for month in 1..=12 {
            let ensure = sqlx::query("select ensure_month('orders', make_timestamptz(2025, $1, 1, 0, 0, 0, 'UTC'))");
            ensure.bind(month).execute(&mut projector).await.expect("a month");
        }
        sqlx::query(PLACE).execute(&mut projector).await.expect("orders");
        let mut owner = PgConnection::connect(&bed.owner_url().expect("an address")).await.expect("the primary");
        sqlx::query("analyze orders").execute(&mut owner).await.expect("statistics");
    }

    /// Blocks that a plan of a whole list read, and the plan.
    async fn read_blocks(reader: &mut PgConnection, filter: &Filter) -> (i64, String) {
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
    async fn a_filter_that_nothing_matches_reads_an_index_and_not_the_table() {
        let bed = Bed::new().await.expect("a test bed");
        year_of_orders(&bed).await;
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        sqlx::query("set plan_cache_mode = force_custom_plan").execute(&mut reader).await.expect("a setting");
        let (all, _) =
            read_blocks(&mut reader, &read_filter("lifecycle=completed&channel=web").expect("a filter")).await;
        assert!(all < 100, "a page of what all orders are takes {all} blocks");
        for query in [
            "channel=none-has-it",
            "lifecycle=expired",
            "owed[gte]=1",
            "payment=overpaid",
            "fulfilment=on_hold",
            "returns=requested",
            "customer_id=0190b6d2-7e1a-7000-8000-000000000001",
            "tag=gift",
            "external_ref=A",
            "code=SON999999",
            "channel=none-has-it&lifecycle=completed",
            "payment=paid&fulfilment=on_hold",
        ] {
            let (blocks, plan) = read_blocks(&mut reader, &read_filter(query).expect(query)).await;
            // The table has some 1,500; an index has two or three of each of twelve months and what the planner left.
            assert!(blocks < 100, "{query} reads {blocks} blocks:\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{query}:\n{plan}");
        }
    }

    #[tokio::test]
    async fn a_page_of_the_newest_is_planned_for_their_months_alone() {
        let bed = Bed::new().await.expect("a test bed");
        year_of_orders(&bed).await;
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        let now = instant("2025-11-15T00:00:00Z").expect("RFC 3339");
        let recent = read_filter("channel=web").expect("a filter").recent(None, now).expect("a page of the newest");
        let (_, plan) = read_blocks(&mut reader, &recent).await;
        let months = (1..=12).filter(|month| plan.contains(&format!("orders_2025_{month:02}")));
        assert_eq!(months.collect::<Vec<_>>(), [10, 11, 12], "{plan}");
    }

    #[tokio::test]
    async fn a_range_of_placed_at_reads_only_its_months() {
        let bed = Bed::new().await.expect("a test bed");
        let mut projector =
            PgConnection::connect(&bed.projector_url().expect("an address")).await.expect("the primary");
        for month in 1..=12 {
            let ensure = sqlx::query("select ensure_month('orders', make_timestamptz(2025, $1, 1, 0, 0, 0, 'UTC'))");
            ensure.bind(month).execute(&mut projector).await.expect("a month");
        }
        let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
        for (query, months) in [
            ("placed_at[gte]=2025-03-01T00:00:00Z&placed_at[lt]=2025-04-01T00:00:00Z", vec!["03"]),
            ("placed_at[gte]=2025-03-31T23:59:59.999Z&placed_at[lt]=2025-05-01T00:00:00Z", vec!["03", "04"]),
            ("lifecycle=open&placed_at[gte]=2025-11-05T00:00:00Z", vec!["11", "12"]),
            ("placed_at[lt]=2025-01-02T00:00:00Z", vec!["01"]),
        ] {
            let filter = read_filter(query).expect("a filter");
            let explain = Statement::plain(|it| filter.select(None, 51, it.push("explain ")));
            let plan = explain.fetch_all(&mut reader).await.expect("a plan");
            let plan: String = plan.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
            let read =
                (1..=12).map(|month| format!("{month:02}")).filter(|it| plan.contains(&format!("orders_2025_{it}")));
            assert_eq!(read.collect::<Vec<_>>(), months, "{query}:\n{plan}");
        }
    }
}
