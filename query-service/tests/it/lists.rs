//! Lists: filters, pages, cursors.

use sqlx::{Connection, PgConnection};

use crate::fixture::Platform;
use crate::service::{Answer, Service};

async fn read_all_pages(service: &Service, first: &str, mut between: impl AsyncFnMut()) -> Vec<String> {
    let mut codes = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(page) = path {
        let answer = service.get(&page).await;
        codes.extend(answer.items("code"));
        path = answer.json["next"].as_str().map(ToOwned::to_owned);
        let link = answer.headers.get("link").map(|it| it.to_str().expect("text").to_owned());
        assert_eq!(link, path.as_ref().map(|next| format!("<{next}>; rel=\"next\"")));
        between().await;
    }
    codes
}

#[tokio::test]
async fn reading_all_pages_returns_every_order_exactly_once_while_new_orders_arrive() {
    let platform = Platform::new().await;
    for day in 1..=7 {
        platform.place_order(&format!("2026-0{}-15T10:00:00Z", 1 + day % 3)).await;
    }
    let service = Service::start(&platform.bed).await;

    let listed = read_all_pages(&service, "/v1/orders?limit=2", async || {
        platform.place_order("2026-04-01T00:00:00Z").await;
    })
    .await;

    let newest_first = ["SON000005", "SON000002", "SON000007", "SON000004", "SON000001", "SON000006", "SON000003"];
    assert_eq!(listed, newest_first);
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let platform = Platform::new().await;
    let customer = "0190b6d2-7e1a-7000-8000-000000000001";
    let first = platform.place_order("2026-01-31T23:59:59.999Z").await;
    platform
        .place_order_with("2026-02-01T00:00:00Z", |order| {
            order.channel = "shop".parse().expect("a channel");
            order.external_ref = Some("old ".into());
        })
        .await;
    platform
        .place_order_with("2026-02-28T12:00:00Z", |order| {
            order.customer_id = customer.parse().ok();
            order.external_ref = Some("A/7 & co".into());
        })
        .await;
    let paid = platform.append_payment(&first).await;
    platform.relay_and_apply(&paid).await;
    let service = Service::start(&platform.bed).await;

    for (query, expected) in [
        ("payment=paid", vec!["SON000001"]),
        ("payment=unpaid", vec!["SON000003", "SON000002"]),
        ("owed[gte]=1", vec!["SON000003", "SON000002"]),
        ("owed[gte]=900&channel=shop", vec!["SON000002"]),
        ("owed[gte]=901", vec![]),
        ("lifecycle=open&fulfilment=unfulfilled&return=none&channel=web", vec!["SON000003", "SON000001"]),
        ("returns=none&channel=shop", vec!["SON000002"]),
        (&format!("customer_id={customer}"), vec!["SON000003"]),
        ("external_ref=A%2F7%20%26%20co", vec!["SON000003"]),
        ("external_ref=%20A%2F7%20%26%20co%E2%80%8E", vec!["SON000003"]),
        // Stored before references were converted to a canonical form.
        ("external_ref=old%20", vec!["SON000002"]),
        ("external_ref=old", vec![]),
        ("code=SON000002", vec!["SON000002"]),
        ("placed_at[gte]=2026-02-01T00:00:00Z", vec!["SON000003", "SON000002"]),
        ("placed_at[gte]=2026-02-01T01:00:00%2B01:00&placed_at[lt]=2026-02-28T12:00:00Z", vec!["SON000002"]),
        ("placed_at[lt]=2026-02-01T00:00:00Z", vec!["SON000001"]),
        ("lifecycle=cancelled", vec![]),
    ] {
        let answer = service.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(answer.items("code"), expected, "{query}");
        assert_eq!(answer.header("projection-position"), "4");
    }
}

#[tokio::test]
async fn orders_are_found_by_tag_and_by_fulfilment_status() {
    let platform = Platform::new().await;
    platform.place_order("2026-01-01T10:00:00Z").await;
    let tagged = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect();
    platform.place_order_with("2026-01-02T10:00:00Z", |order| order.tags = tagged(&["b2b", "gift"])).await;
    platform
        .place_order_with("2026-02-03T10:00:00Z", |order| {
            order.tags = tagged(&["gift"]);
            order.lines[0].backordered = 1;
        })
        .await;
    let fourth = platform.place_order("2026-02-04T10:00:00Z").await;
    let held = platform.append_order_hold(&fourth).await;
    platform.relay_and_apply(&held).await;
    let service = Service::start(&platform.bed).await;

    for (query, expected) in [
        ("tag=gift", vec!["SON000003", "SON000002"]),
        ("tag=b2b", vec!["SON000002"]),
        ("tag=Gift", vec![]),
        ("tag=gift&fulfilment=backordered", vec!["SON000003"]),
        ("fulfilment=on_hold", vec!["SON000004"]),
        ("fulfilment=unfulfilled", vec!["SON000002", "SON000001"]),
    ] {
        let answer = service.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(answer.items("code"), expected, "{query}");
    }
    let answer = service.get("/v1/orders?tag=b2b").await;
    assert_eq!(answer.json["items"][0]["tags"], serde_json::json!(["b2b", "gift"]));
}

#[tokio::test]
async fn orders_are_found_by_parts_of_texts_amounts_skus_and_instants() {
    let platform = Platform::new().await;
    let named = |name: &str| name.to_owned();
    platform.place_order_with("2026-01-01T10:00:00Z", |order| order.lines[0].name = named("Ấm trà Bát Tràng")).await;
    let second = platform
        .place_order_with("2026-01-02T10:00:00Z", |order| {
            order.lines[0].name = named("한글 머그컵");
            order.tags = ["b2b", "gift"].map(ToOwned::to_owned).into();
            order.payment_due = "2026-03-01T00:00:00Z".parse().ok();
        })
        .await;
    platform
        .place_order_with("2026-02-03T10:00:00Z", |order| {
            order.lines[0].name = named("青花瓷茶壶 Teapot");
            order.external_ref = Some("INV-2026/7_a".into());
        })
        .await;
    platform
        .place_order_with("2026-02-04T10:00:00Z", |order| {
            order.lines[0].name = named("Чайник Ёлка");
            order.payment_due = "2026-03-02T00:00:00Z".parse().ok();
        })
        .await;
    let paid = platform.append_payment(&second).await;
    platform.relay_and_apply(&paid).await;
    let service = Service::start(&platform.bed).await;
    let all = vec!["SON000004", "SON000003", "SON000002", "SON000001"];

    for (query, expected) in [
        ("q=bat%20trang", vec!["SON000001"]),
        ("q=%E1%BA%A4M", vec!["SON000001"]),
        ("q=%EB%A8%B8%EA%B7%B8", vec!["SON000002"]),
        ("q=%EA%B8%80", vec!["SON000002"]),
        ("q=%E8%8C%B6", vec!["SON000003"]),
        ("q=%E7%93%B7%E8%8C%B6%E5%A3%B6", vec!["SON000003"]),
        ("q=%D0%95%D0%9B%D0%9A%D0%90", vec!["SON000004"]),
        ("q=2026/7_A", vec!["SON000003"]),
        ("q=N00000", all.clone()),
        ("q=000003", vec!["SON000003"]),
        ("q=teapot%20inv", vec!["SON000003"]),
        ("q=teapot%20b2b", vec![]),
        ("tags=gift,b2b", vec!["SON000002"]),
        ("tags=gift&tag=none", vec![]),
        ("payment=paid,unpaid", all.clone()),
        ("payment=paid,unpaid&q=000002", vec!["SON000002"]),
        ("total[gte]=900", all.clone()),
        ("total[gte]=901", vec![]),
        ("total[lt]=900", vec![]),
        ("due[gt]=899&channel=web", all.clone()),
        ("due[gt]=900", vec![]),
        ("payment_due[lt]=2026-03-03T00:00:00Z", vec!["SON000004"]),
        ("payment_due[lt]=2026-03-02T00:00:00Z", vec![]),
        ("sort=placed_at", all.iter().rev().copied().collect()),
        ("sort=placed_at&payment=paid", vec!["SON000002"]),
        ("sort=total&q=000001", vec!["SON000001"]),
    ] {
        let answer = service.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(answer.items("code"), expected, "{query}: {answer:?}");
    }
    let paid = service.get("/v1/orders?payment=paid").await.json["items"][0]["updated_at"]
        .as_str()
        .expect("a time")
        .to_owned();
    let updated = service.get(&format!("/v1/orders?sort=-updated_at&updated_at[gte]={paid}")).await;
    assert_eq!(updated.items("code"), ["SON000002"]);
    let before = service.get(&format!("/v1/orders?updated_at[lt]={paid}")).await;
    assert_eq!(before.items("code"), ["SON000004", "SON000003", "SON000001"]);
    let sku = service.get("/v1/orders?limit=1").await.json["items"][0]["id"].as_str().expect("an id").to_owned();
    let order = service.get(&format!("/v1/orders/{sku}")).await;
    let sku = order.json["lines"][0]["sku"].as_str().expect("a SKU").to_owned();
    assert_eq!(service.get(&format!("/v1/orders?sku={sku}")).await.items("code").len(), 4);
    assert_eq!(service.get("/v1/orders?sku=other").await.items("code").len(), 0);
}

#[tokio::test]
async fn all_pages_of_every_order_of_a_list_return_every_order_once() {
    let platform = Platform::new().await;
    for number in 0..7 {
        let instant = format!("2026-0{}-0{}T10:00:00Z", 1 + number % 3, 1 + number % 2);
        platform.place_order_with(&instant, |order| order.total = events::Minor(1_000 - i64::from(number % 4))).await;
    }
    let service = Service::start(&platform.bed).await;
    for (sort, key) in [("placed_at", "placed_at"), ("updated_at", "updated_at"), ("total", "total")] {
        for filter in ["", "&channel=web", "&payment=unpaid", "&q=son"] {
            let ascending =
                read_all_pages(&service, &format!("/v1/orders?limit=2&sort={sort}{filter}"), async || {}).await;
            let descending =
                read_all_pages(&service, &format!("/v1/orders?limit=3&sort=-{sort}{filter}"), async || {}).await;
            assert!(ascending.iter().eq(descending.iter().rev()), "{sort}{filter}: {ascending:?} {descending:?}");
            assert_eq!(ascending.iter().collect::<std::collections::BTreeSet<_>>().len(), 7, "{sort}{filter}");
        }
        let page = service.get(&format!("/v1/orders?sort={sort}")).await;
        let keys = page.json["items"]
            .as_array()
            .expect("orders")
            .iter()
            .map(|order| (order[key].as_i64(), order[key].as_str().map(ToOwned::to_owned)));
        assert!(keys.is_sorted(), "{sort}");
    }
    let page = service.get("/v1/orders?limit=2&sort=total").await;
    let cursor = page.json["next_cursor"].as_str().expect("a cursor").to_owned();
    let other = service.get(&format!("/v1/orders?limit=2&sort=-total&cursor={cursor}")).await;
    assert_eq!((other.status, other.problem()), (400, "invalid-cursor"));
}

#[tokio::test]
async fn pages_of_a_filtered_range_stay_within_it() {
    let platform = Platform::new().await;
    for day in 1..=6 {
        platform.place_order(&format!("2026-01-0{day}T10:00:00Z")).await;
    }
    let service = Service::start(&platform.bed).await;
    let first = "/v1/orders?limit=1&placed_at%5Bgte%5D=2026-01-02T00:00:00Z&placed_at%5Blt%5D=2026-01-05T00:00:00Z";
    assert_eq!(read_all_pages(&service, first, async || {}).await, ["SON000004", "SON000003", "SON000002"]);
}

#[tokio::test]
async fn a_cursor_is_refused_with_other_filters_in_another_list_or_when_changed() {
    let platform = Platform::new().await;
    for _ in 0..3 {
        platform.place_order("2026-01-01T10:00:00Z").await;
    }
    platform.create_product("A-1", 100).await;
    let service = Service::start(&platform.bed).await;
    let page = service.get("/v1/orders?limit=1&lifecycle=open").await;
    let cursor = page.json["next_cursor"].as_str().expect("a cursor").to_owned();

    let fits = service.get(&format!("/v1/orders?limit=2&lifecycle=open&cursor={cursor}")).await;
    assert_eq!(fits.items("code"), ["SON000002", "SON000001"]);

    let mut changed = cursor.clone();
    changed.replace_range(20..21, if &cursor[20..21] == "A" { "B" } else { "A" });
    for (path, why) in [
        (format!("/v1/orders?lifecycle=cancelled&cursor={cursor}"), "other filters"),
        (format!("/v1/orders?cursor={cursor}"), "other filters"),
        (format!("/v1/products?cursor={cursor}"), "another list"),
        (format!("/v1/orders?lifecycle=open&cursor={changed}"), "not issued by this service"),
        ("/v1/orders?cursor=abc".to_owned(), "not issued by this service"),
    ] {
        let answer = service.get(&path).await;
        assert_eq!((answer.status, answer.problem()), (400, "invalid-cursor"), "{path}");
        assert!(answer.detail().contains(why), "{path}: {}", answer.detail());
    }
}

#[tokio::test]
async fn a_problem_names_the_invalid_parameter_and_what_is_allowed() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for (query, said) in [
        ("lifecycel=open", "There is no parameter `lifecycel` here. Allowed are: lifecycle, payment,"),
        ("lifecycle=opened", "It must be one or more, separated by commas, of open, completed, cancelled, expired."),
        (
            "placed_at[gte]=2026-02-02T00:00:00Z&placed_at[lt]=2026-02-01T00:00:00Z",
            "It must be greater than `placed_at[gte]`.",
        ),
        ("sort=due", "It must be one of -placed_at, placed_at, -updated_at, updated_at, -total, total."),
        ("q=a", "each of at least two letters or digits"),
        ("q=%25%25", "each of at least two letters or digits"),
        ("limit=0", "It must be a whole number from 1 to 200."),
        ("limit=201", "It must be a whole number from 1 to 200."),
        ("limit=%2B5", "It must be a whole number from 1 to 200."),
        ("placed_at[gte]=yesterday", "It must be a time in the format of RFC 3339"),
        ("placed_at[lt]=2026-13-01T00:00:00Z", "It must be a time in the format of RFC 3339"),
        ("owed[gte]=0", "It must be a whole number of minor units, at least 1."),
        ("customer_id=12", "It must be a UUID version 7 with hyphens."),
        ("customer_id=0190b6d27e1a70008000000000000001", "It must be a UUID version 7 with hyphens."),
        ("customer_id=%7B0190b6d2-7e1a-7000-8000-000000000001%7D", "It must be a UUID version 7 with hyphens."),
        ("customer_id=", "`customer_id` is empty. Give it a value, or leave it out."),
        ("tag=%20%E2%80%8B", "`tag` is empty."),
        ("limit=", "`limit` is empty."),
        ("code=O%27Brien", "`code` is `O'Brien`."),
        ("external_ref=a%00b", "without NUL"),
        ("code=a%20b", "It must be 1 to 64 of the characters"),
        ("limit=5&limit=6", "`limit` was given twice"),
        ("%ff=1", "There is no parameter"),
    ] {
        let answer = service.get(&format!("/v1/orders?{query}")).await;
        assert_eq!((answer.status, answer.problem()), (400, "invalid-query"), "{query}: {answer:?}");
        assert!(answer.detail().contains(said), "{query}: {}", answer.detail());
    }
}

#[tokio::test]
async fn a_large_page_is_compressed_for_clients_that_accept_gzip() {
    let platform = Platform::new().await;
    for _ in 0..30 {
        platform.place_order("2026-01-01T10:00:00Z").await;
    }
    let service = Service::start(&platform.bed).await;
    let plain = service.get("/v1/orders").await;
    assert!(plain.headers.get("content-encoding").is_none());
    for path in ["/v1/orders", "/v1/orders", "/v1/orders?limit=25", "/v1/events"] {
        let plain = service.response(path, &[]).await;
        let gzip = service.response(path, &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(gzip.headers()["content-encoding"], "gzip", "{path}");
        for header in ["etag", "vary", "content-type", "projection-position"] {
            assert_eq!(gzip.headers()[header], plain.headers()[header], "{path}: {header}");
        }
        let etag = gzip.headers()["etag"].to_str().expect("text").to_owned();
        for encoding in ["gzip", "identity"] {
            let unchanged = [("If-None-Match", etag.as_str()), ("Accept-Encoding", encoding)];
            assert_eq!(service.response(path, &unchanged).await.status(), 304, "{path}");
        }
        let (gzip, plain) = (gzip.bytes().await.expect("a body"), plain.bytes().await.expect("a body"));
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut unpacked).expect("gzip data");
        assert_eq!(unpacked, plain, "{path}");
    }
    let small = service.get_head("/v1/orders?limit=1", "gzip").await;
    assert!(small.get("content-encoding").is_none());
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_is_left_out_of_its_page_and_affects_no_other_row() {
    let platform = Platform::new().await;
    for day in 1..=4 {
        platform.place_order(&format!("2026-01-0{day}T10:00:00Z")).await;
        platform.create_product(&format!("P-{day}"), 100).await;
    }
    platform.receive_stock("P-1", "main", 5).await;
    // A newer release wrote values that this release does not know: at the end of a page, and in every row of a page.
    let mut db = PgConnection::connect(&platform.bed.owner_url().expect("an address")).await.expect("the primary");
    for sql in [
        "update orders set lifecycle = 'unknown' where code in ('SON000003', 'SON000002', 'SON000001')",
        r#"update products set prices = '{"GBP":"dear"}' where sku in ('P-2', 'P-3')"#,
        "update stock_ledger set kind = 'unknown'",
    ] {
        sqlx::query(sql).execute(&mut db).await.expect("rows of a newer release");
    }
    let service = Service::start(&platform.bed).await;

    let first = service.get("/v1/orders?limit=2").await;
    assert_eq!((first.status, first.items("code")), (200, vec!["SON000004".to_owned()]));
    assert_eq!(first.json["left_out"], 1);
    let second = service.get(first.json["next"].as_str().expect("a next page")).await;
    assert_eq!((second.status, second.items("code"), &second.json["left_out"]), (200, vec![], &2.into()));
    assert!(second.json.get("next").is_none());

    let skus = |page: &Answer| page.items("sku");
    let first = service.get("/v1/products?limit=1").await;
    assert_eq!((skus(&first), first.json.get("left_out")), (vec!["P-1".to_owned()], None));
    let second = service.get(first.json["next"].as_str().expect("a next page")).await;
    assert_eq!((skus(&second), &second.json["left_out"]), (vec![], &1.into()));
    let rest = service.get("/v1/products").await;
    assert_eq!((skus(&rest), &rest.json["left_out"]), (vec!["P-1".to_owned(), "P-4".to_owned()], &2.into()));

    let ledger = service.get("/v1/stock/P-1/main/ledger").await;
    assert_eq!((ledger.status, &ledger.json["left_out"]), (200, &1.into()));
}
