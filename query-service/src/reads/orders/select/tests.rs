//! The plans of lists at a million orders with skewed data: nearly all orders have the same statuses, three have others; one
//! channel, one customer, one SKU, one tag and one word are frequent, others are rare.

use chrono::DateTime;
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use platform::config::Secret;
use projector::frame::rows;
use projector::generations::create_missing;
use projector::projections::Orders;
use read_model::search::SearchPatterns;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use testbed::Bed;

use super::*;
use crate::reads::label::Label;
use crate::reads::orders::filter::Range;

const MONTHS: [&str; 4] = ["2026-01", "2026-02", "2026-03", "2026-04"];
const ORDERS_PER_MONTH: i64 = 250_000;

/// Most rows that a page may read, of both tables together: both rows of the first orders that a search reads, and of some
/// thousands that match one of two filters.
const ROWS_MAX: i64 = 20_000;
/// Most entries of indexes that a page may read to combine two indexes: some milliseconds for each month.
const INDEX_ENTRIES_MAX: i64 = 300_000;
/// Most rows that a page in another order may read: all that match, if they are less frequent than one of a hundred orders.
const SORTED_ROWS_MAX: i64 = 100_000;

/// A month of orders. `number` is unique in all months, `share` the same number in a random order.
const GENERATE: &str = "
    create unlogged table generated as
    select number, (number * 7919 + 104729) % $1 as share,
        (left(uuid_at($2::timestamptz + number * interval '9 seconds')::text, 14) || '7000-8000-' || lpad(($3 + number)::text, 12, '0'))::uuid
            as id,
        $2::timestamptz + number * interval '9 seconds' as placed_at
    from generate_series(0, $1 - 1) as number";

const INSERT_ORDERS: &str = "
    insert into {month} (id, code, channel, customer_id, currency, total, due, owed, tags, status, lifecycle, payment, fulfilment, returns,
        placed_at, updated_at, version, incarnation, position, document)
    select id, 'SON' || lpad(number::text, 6, '0'), case when share < 3 then 'rare' when share % 10 = 4 then 'shop' else 'web' end,
        case when share % 3 = 1 then '0190b6d2-7e1a-7000-8000-000000000001'::uuid
            else ('0190b6d2-7e1a-7000-8000-' || lpad((1000 + share / 10)::text, 12, '0'))::uuid end,
        'GBP', share, share, case when share % 50 = 7 then share else 0 end, case when share / 7 % 5 = 0 then '{gift}' else '{}' end::text[],
        status, 'completed', 'paid', 'delivered', 'none', placed_at, placed_at + share % 100000 * interval '1 second', 5, 1, number + 1, '{}'
    from (select *, case when share < 3 then 3000 when share % 50 = 7 then 0 when share % 50 = 8 then 301 when share % 1000 = 9 then 1653
        else 1350 end as status from generated) as orders";

const INSERT_SEARCH: &str = "
    insert into {month} (id, code, channel, customer_id, total, due, payment_due, skus, tags, search_text, incarnation, position)
    select o.id, o.code, o.channel, o.customer_id, o.total, o.due, case when g.share % 50 = 7 then o.placed_at + interval '1 day' end,
        array[case when g.share < 3 then 'RARE' when g.share / 11 % 3 = 1 then 'POPULAR' else 'SKU-' || g.share / 10 end], o.tags,
        ' ' || lower(o.code) || case when g.share / 13 % 3 = 2 then ' mug' else ' cup' || g.share / 10 end || ' 王明 明 ', o.incarnation, o.position
    from {orders} o join generated g on g.id = o.id";

/// Fills the months of version 2 of the projection; the indexes are built afterwards, as by a rebuild.
async fn insert_a_million_orders(bed: &Bed) {
    let url = Secret::new(bed.projector_url().expect("an address"));
    create_missing(&url).await.expect("the tables");
    let mut projector = projector::store::connect(&url).await.expect("the primary");
    let mut owner = PgConnection::connect(&bed.owner_url().expect("an address")).await.expect("the primary");
    for setting in ["set search_path = orders_1, public", "set maintenance_work_mem = '512MB'"] {
        sqlx::query(setting).execute(&mut projector).await.expect("a setting");
    }
    for (index, month) in (0..).zip(MONTHS) {
        let month: projector::frame::month::Month = month.parse().expect("a month");
        sqlx::query("drop table if exists generated").execute(&mut projector).await.expect("no rows");
        let generate = GENERATE.replace("$1", &ORDERS_PER_MONTH.to_string());
        let generate = generate.replace("$2", &format!("'{}'", month.begin().to_rfc3339()));
        let generate = generate.replace("$3", &(index * ORDERS_PER_MONTH).to_string());
        sqlx::raw_sql(AssertSqlSafe(generate)).execute(&mut projector).await.expect("generated orders");
        let [orders, search] = <[_; 2]>::try_from(rows::tables::<Orders>()).expect("two tables");
        for (table, insert) in [(&orders, INSERT_ORDERS), (&search, INSERT_SEARCH)] {
            let name = month.table(table.name);
            let insert = insert.replace("{month}", &name).replace("{orders}", &month.table(orders.name));
            let statements =
                [table.create_unindexed(&name), insert, ";".to_owned(), table.attach_month(month)].concat();
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut projector).await.expect("a month");
        }
    }
    for table in ["orders_1.orders", "orders_1.order_search"] {
        sqlx::raw_sql(AssertSqlSafe(format!("analyze {table}"))).execute(&mut owner).await.expect("statistics");
    }
}

fn label(text: &str) -> Vec<Label> {
    Label::of(text).into_iter().collect()
}

/// Filters of every kind, frequent and rare.
fn filters() -> Vec<(&'static str, OrderFilter)> {
    let all = OrderFilter::default;
    let instant = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|it| it.to_utc());
    let id = |text: &str| instant(text).map(first_id_at);
    let customer = |text: &str| text.parse().ok();
    vec![
        ("completed", OrderFilter { lifecycle: vec![Lifecycle::Completed], ..all() }),
        ("expired", OrderFilter { lifecycle: vec![Lifecycle::Expired], ..all() }),
        ("cancelled", OrderFilter { lifecycle: vec![Lifecycle::Cancelled], ..all() }),
        ("open or expired", OrderFilter { lifecycle: vec![Lifecycle::Open, Lifecycle::Expired], ..all() }),
        ("paid", OrderFilter { payment: vec![PaymentStatus::Paid], ..all() }),
        ("refunded", OrderFilter { payment: vec![PaymentStatus::Refunded], ..all() }),
        ("delivered", OrderFilter { fulfilment: vec![FulfilmentStatus::Delivered], ..all() }),
        ("on hold", OrderFilter { fulfilment: vec![FulfilmentStatus::OnHold], ..all() }),
        ("not returned", OrderFilter { returns: vec![ReturnStatus::None], ..all() }),
        ("returned", OrderFilter { returns: vec![ReturnStatus::Returned], ..all() }),
        ("channel web", OrderFilter { channel: "web".parse().ok(), ..all() }),
        ("channel rare", OrderFilter { channel: "rare".parse().ok(), ..all() }),
        ("large customer", OrderFilter { customer_id: customer("0190b6d2-7e1a-7000-8000-000000000001"), ..all() }),
        ("small customer", OrderFilter { customer_id: customer("0190b6d2-7e1a-7000-8000-000000002000"), ..all() }),
        ("popular SKU", OrderFilter { sku: "POPULAR".parse().ok(), ..all() }),
        ("rare SKU", OrderFilter { sku: "RARE".parse().ok(), ..all() }),
        ("SKU of ten", OrderFilter { sku: "SKU-1000".parse().ok(), ..all() }),
        ("tag", OrderFilter { tags: label("gift"), ..all() }),
        ("unknown tag", OrderFilter { tags: label("none"), ..all() }),
        ("word", OrderFilter { text: SearchPatterns::of("mug"), ..all() }),
        ("part of code", OrderFilter { text: SearchPatterns::of("001234"), ..all() }),
        ("Han word", OrderFilter { text: SearchPatterns::of("明"), ..all() }),
        ("unknown word", OrderFilter { text: SearchPatterns::of("teapot"), ..all() }),
        ("any total", OrderFilter { total: Range { from: Some(1), to: None }, ..all() }),
        ("high total", OrderFilter { total: Range { from: Some(ORDERS_PER_MONTH - 10), to: None }, ..all() }),
        ("low total", OrderFilter { total: Range { from: None, to: Some(10) }, ..all() }),
        ("high due", OrderFilter { due_above: Some(ORDERS_PER_MONTH - 10), ..all() }),
        ("owed", OrderFilter { owed: Some(1), ..all() }),
        ("much owed", OrderFilter { owed: Some(ORDERS_PER_MONTH - 100), ..all() }),
        ("payment due", OrderFilter { payment_due_before: instant("2026-02-01T00:00:00Z"), ..all() }),
        ("updated late", OrderFilter { updated: Range { from: instant("2026-04-27T15:00:00Z"), to: None }, ..all() }),
        ("updated early", OrderFilter { updated: Range { from: None, to: instant("2026-01-01T00:10:00Z") }, ..all() }),
        ("code", OrderFilter { code: "SON001234".parse().ok(), ..all() }),
        ("reference", OrderFilter { external_ref: Label::of("A"), ..all() }),
        (
            "two months",
            OrderFilter { first_id: id("2026-02-10T00:00:00Z"), end_id: id("2026-03-20T00:00:00Z"), ..all() },
        ),
    ]
}

/// Both filters; `None` if they are of the same kind.
fn both(one: &OrderFilter, other: &OrderFilter) -> Option<OrderFilter> {
    fn list<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Option<Vec<T>> {
        (one.is_empty() || other.is_empty()).then(|| [one, other].concat())
    }
    fn option<T: Clone>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
        (one.is_none() || other.is_none()).then(|| one.clone().or(other.clone()))
    }
    fn range<T: Clone>(one: &Range<T>, other: &Range<T>) -> Option<Range<T>> {
        Some(Range { from: option(&one.from, &other.from)?, to: option(&one.to, &other.to)? })
    }
    Some(OrderFilter {
        lifecycle: list(&one.lifecycle, &other.lifecycle)?,
        payment: list(&one.payment, &other.payment)?,
        fulfilment: list(&one.fulfilment, &other.fulfilment)?,
        returns: list(&one.returns, &other.returns)?,
        channel: option(&one.channel, &other.channel)?,
        customer_id: option(&one.customer_id, &other.customer_id)?,
        sku: option(&one.sku, &other.sku)?,
        tags: list(&one.tags, &other.tags)?,
        external_ref: option(&one.external_ref, &other.external_ref)?,
        code: option(&one.code, &other.code)?,
        text: option(&one.text, &other.text)?,
        total: range(&one.total, &other.total)?,
        due_above: option(&one.due_above, &other.due_above)?,
        owed: option(&one.owed, &other.owed)?,
        payment_due_before: option(&one.payment_due_before, &other.payment_due_before)?,
        updated: range(&one.updated, &other.updated)?,
        first_id: option(&one.first_id, &other.first_id)?,
        end_id: option(&one.end_id, &other.end_id)?,
    })
}

/// What the nodes of a plan have read.
#[derive(Debug, Default, Clone, Copy)]
struct Read {
    rows: i64,
    index_entries: i64,
    sequential: bool,
    returned: i64,
}

fn add(node: &Value, read: &mut Read) {
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let rows = number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
    let rows = (rows * number("Actual Loops")) as i64;
    match kind {
        "Bitmap Index Scan" => read.index_entries += rows,
        "Seq Scan" => {
            read.sequential = true;
            read.rows += rows;
        }
        "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" => read.rows += rows,
        _ => {}
    }
    node["Plans"].as_array().into_iter().flatten().for_each(|child| add(child, read));
}

/// Explains the statements of a page; returns what they read, and their plans.
async fn explain(reader: &mut PgConnection, select: &OrderSelect<'_>) -> (Read, String) {
    let now = DateTime::parse_from_rfc3339("2026-04-20T00:00:00Z").expect("RFC 3339").to_utc();
    let (first, rest) = select.months(now);
    let (mut read, mut plans) = (Read::default(), String::new());
    let mut before = None;
    while let Some(count) = select.first_orders(before) {
        explain_one(reader, &mut read, &mut plans, |it| select.push_first_orders(count, first, it)).await;
        if read.returned >= select.limit {
            return (read, plans);
        }
        before = Some((count, std::mem::take(&mut read.returned) as usize));
    }
    for months in [first].into_iter().chain(rest) {
        explain_one(reader, &mut read, &mut plans, |it| select.push(months, it)).await;
        if read.returned >= select.limit {
            break;
        }
    }
    (read, plans)
}

async fn explain_one(
    reader: &mut PgConnection,
    read: &mut Read,
    plans: &mut String,
    select: impl FnOnce(&mut Statement),
) {
    let explain = Statement::plain(|it| select(it.push("explain (analyze, format json, timing off) ")));
    let rows = explain.fetch_all(reader).await.expect("a plan");
    let plan: Value = rows[0].get(0);
    add(&plan[0]["Plan"], read);
    read.returned += plan[0]["Plan"]["Actual Rows"].as_f64().unwrap_or(0.0) as i64;
    plans.push_str(&format!("{plan:#}\n"));
}

async fn prepared() -> (Bed, PgConnection) {
    let bed = Bed::new().await.expect("a test bed");
    insert_a_million_orders(&bed).await;
    let mut reader = PgConnection::connect(&bed.reader_url().expect("an address")).await.expect("the primary");
    sqlx::query("set plan_cache_mode = auto").execute(&mut reader).await.expect("a setting");
    (bed, reader)
}

/// The pages that read more than they may, each with its plans.
async fn excessive(
    reader: &mut PgConnection,
    pages: impl Iterator<Item = (String, OrderFilter, OrderSort)>,
    rows_max: i64,
) -> Vec<String> {
    let mut excessive = Vec::new();
    for (names, filter, sort) in pages {
        let (read, plans) = explain(reader, &OrderSelect::new(&filter, sort, None, 21)).await;
        if read.rows > rows_max || read.index_entries > INDEX_ENTRIES_MAX || read.sequential {
            excessive.push(format!("{names}, {sort:?}: {read:?}\n{plans}"));
        }
    }
    excessive
}

#[tokio::test]
async fn no_filter_and_no_pair_of_filters_reads_more_than_a_few_thousand_orders() {
    let (_bed, mut reader) = prepared().await;
    let filters = filters();
    let single = filters.iter().map(|(name, filter)| ((*name).to_owned(), filter.clone()));
    let pairs = filters.iter().enumerate().flat_map(|(index, (name, first))| {
        let rest = filters[index + 1..].iter();
        rest.filter_map(move |(other, second)| Some((format!("{name} and {other}"), both(first, second)?)))
    });
    let pages: Vec<(String, OrderFilter)> =
        [("none".to_owned(), OrderFilter::default())].into_iter().chain(single.clone()).chain(pairs).collect();
    assert!(pages.len() > 500, "{}", pages.len());
    let newest = pages.into_iter().map(|(names, filter)| (names, filter, OrderSort::NewestFirst));
    let excessive_pages = excessive(&mut reader, newest, ROWS_MAX).await;
    assert!(excessive_pages.is_empty(), "{}", excessive_pages.join("\n"));

    let sorts = [
        OrderSort::OldestFirst,
        OrderSort::LastUpdatedFirst,
        OrderSort::FirstUpdatedFirst,
        OrderSort::HighestTotalFirst,
        OrderSort::LowestTotalFirst,
    ];
    let sorted =
        single.flat_map(|(name, filter)| sorts.map(|sort| (name.clone(), filter.clone(), sort))).collect::<Vec<_>>();
    let excessive_pages = excessive(&mut reader, sorted.into_iter(), SORTED_ROWS_MAX).await;
    assert!(excessive_pages.is_empty(), "{}", excessive_pages.join("\n"));
}
