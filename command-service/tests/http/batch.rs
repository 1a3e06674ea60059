//! Batches: one result per command, in order; independent or atomic commands.

use serde_json::{Value, json};

use crate::shop::{Shop, lamps};

fn order(key: &str, quantity: u32) -> Value {
    json!({ "command": "place_order", "key": key, "body": lamps(quantity) })
}

fn statuses(answer: &Value) -> Vec<u64> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn commands_are_independent_and_results_are_in_order() {
    let shop = Shop::with_lamps(5).await;
    let commands = json!([
        order("k-1", 2),
        order("k-2", 9),
        { "command": "change_price", "sku": "LAMP", "currency": "GBP", "body": { "price": 500 } },
        { "command": "place_order", "body": lamps(1) },
        { "command": "discontinue_product", "sku": "LAMP", "if_match": "\"1\"" },
        order("k-3", 1),
    ]);
    let answered = shop.post("/v1/commands", &[], &commands).await;
    let said = answered.json();
    assert_eq!((answered.status.as_u16(), statuses(&said)), (200, vec![201, 409, 200, 400, 412, 201]), "{said:#}");
    assert_eq!((&said["results"][0]["code"], &said["results"][5]["code"]), (&json!("SON000001"), &json!("SON000002")));
    assert_eq!(
        (&said["results"][1]["type"], &said["results"][1]["index"]),
        (&json!("/problems/insufficient-stock"), &json!(1))
    );
    assert_eq!(said["results"][3]["type"], "/problems/idempotency-key-missing");
    assert_eq!(answered.header("consistency-token"), Some(&*said["results"][5]["position"].to_string()));
    let again = shop.post("/v1/commands", &[], &json!([order("k-1", 2)])).await.json();
    assert_eq!(
        (&again["results"][0]["replayed"], &again["results"][0]["id"]),
        (&json!(true), &said["results"][0]["id"])
    );
}

#[tokio::test]
async fn an_invalid_command_is_rejected_with_its_place_and_does_not_affect_the_others() {
    let shop = Shop::with_lamps(5).await;
    let commands = json!([
        { "command": "place_order", "key": "a", "body": { "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 0 }] } },
        { "command": "fly" },
        { "key": "a" },
        17,
        { "command": "change_price", "sku": "LAMP", "body": { "price": 1 } },
        { "command": "change_price", "sku": "LAMP", "currency": "pounds", "body": { "price": 1 } },
        { "command": "change_price", "sku": "LAMP", "currency": "GBP", "colour": 1, "body": { "price": 1 } },
        { "command": "ship_fulfilment", "order_id": "0190163d-8694-739b-aea5-966c26f8ad91", "fulfilment": 1 },
        { "command": "place_order", "key": "", "body": lamps(1) },
        { "command": "change_price", "sku": "LAMP", "currency": "GBP", "if_match": "1", "body": { "price": 1 } },
        order("b", 1),
    ]);
    let said = shop.post("/v1/commands", &[], &commands).await.json();
    assert_eq!(statuses(&said), [422, 422, 422, 422, 422, 422, 422, 404, 400, 400, 201], "{said:#}");
    let pointers = |index: usize| said["results"][index]["pointer"].as_str().unwrap_or("none").to_owned();
    assert_eq!((pointers(0), pointers(1)), ("/body/lines/0/quantity".into(), "/command".into()));
    assert_eq!((pointers(4), pointers(6)), (String::new(), "/colour".into()));
    assert!((0..10).all(|index| said["results"][index]["index"] == index), "{said:#}");
}

#[tokio::test]
async fn a_command_with_too_many_fields_is_rejected_before_they_are_compared() {
    let shop = Shop::with_lamps(5).await;
    let wide = |count: usize| {
        let mut command = order("a", 1);
        command.as_object_mut().unwrap().extend((0..count).map(|n| (format!("field-{n}"), json!(n))));
        command
    };
    let said = shop.post("/v1/commands", &[], &json!([wide(20_000), wide(9), order("b", 1)])).await.json();
    assert_eq!(statuses(&said), [422, 422, 201], "{said:#}");
    for index in [0, 1] {
        let detail = said["results"][index]["detail"].as_str().unwrap();
        assert!(detail.contains("more than 8 fields"), "{detail}");
    }
}

#[tokio::test]
async fn an_atomic_batch_takes_effect_as_a_whole_or_not_at_all() {
    let shop = Shop::with_lamps(5).await;
    let before = shop.events().await;
    let path = "/v1/commands?atomic=true";
    let refused = shop.post(path, &[], &json!([order("k-1", 3), order("k-2", 3), order("k-3", 1)])).await;
    refused.assert_problem(409, "insufficient-stock");
    assert_eq!((&refused.json()["index"], &refused.json()["lines"][0]["available"]), (&json!(1), &json!(2)));
    let unreadable = shop.post(path, &[], &json!([order("k-1", 3), { "command": "fly" }])).await;
    unreadable.assert_problem(422, "unknown-command");
    assert_eq!((unreadable.json()["index"].clone(), shop.events().await), (json!(1), before));
    let done = shop.post(path, &[], &json!([order("k-1", 3), order("k-2", 2)])).await;
    assert_eq!((done.status.as_u16(), statuses(&done.json())), (200, vec![201, 201]));
}

#[tokio::test]
async fn a_batch_can_be_a_dry_run() {
    let shop = Shop::with_lamps(5).await;
    let before = shop.events().await;
    let commands = json!([order("k-1", 3), order("k-2", 3)]);
    let each = shop.post("/v1/commands?dry_run=true", &[], &commands).await.json();
    assert_eq!((statuses(&each), &each["results"][0]["dry_run"]), (vec![200, 200], &json!(true)));
    let together = shop.post("/v1/commands?dry_run=true&atomic=true", &[], &commands).await;
    together.assert_problem(409, "insufficient-stock");
    assert_eq!(shop.events().await, before);
}

#[tokio::test]
async fn the_response_to_ndjson_is_ndjson() {
    let shop = Shop::with_lamps(5).await;
    let lines = format!("{}\n\n{{broken\n{}\r\n", order("k-1", 1), order("k-2", 9));
    let answered = shop.post_text("/v1/commands", "application/x-ndjson; charset=utf-8", &[], lines).await;
    assert_eq!((answered.status.as_u16(), answered.header("content-type")), (200, Some("application/x-ndjson")));
    let results: Vec<Value> = answered.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 400, 409]);
    assert_eq!(results[1]["type"], "/problems/malformed-json");
}

#[tokio::test]
async fn a_batch_has_at_most_a_thousand_commands() {
    let shop = Shop::with_lamps(10_000).await;
    let orders = |count: usize| (0..count).map(|number| order(&format!("k-{number}"), 1)).collect::<Vec<_>>();
    shop.post("/v1/commands", &[], &json!(orders(1_001))).await.assert_problem(422, "batch-too-large");
    let lines = orders(1_001).iter().map(|order| format!("{order}\n")).collect::<String>();
    shop.post_text("/v1/commands", "application/x-ndjson", &[], lines).await.assert_problem(422, "batch-too-large");
    assert_eq!(shop.events().await, 2);
    let said = shop.post("/v1/commands", &[], &json!(orders(1_000))).await.json();
    assert_eq!(said["results"][999]["code"], "SON001000");
}

#[tokio::test]
async fn an_invalid_batch_is_rejected_as_a_whole() {
    let shop = Shop::with_lamps(1).await;
    let send =
        async |content_type, body: &str| shop.post_text("/v1/commands", content_type, &[], body.to_owned()).await;
    send("application/json", "[").await.assert_problem(400, "malformed-json");
    send("application/json", "{}").await.assert_problem(422, "invalid-body");
    send("application/json", "[]").await.assert_problem(422, "invalid-body");
    send("application/x-ndjson", " \n\n").await.assert_problem(422, "invalid-body");
    send("text/plain", "[]").await.assert_problem(415, "content-type");
    shop.post("/v1/commands?atomic=1", &[], &json!([order("k", 1)])).await.assert_problem(400, "invalid-query");
}

/// Every command, with the example body of the OpenAPI document and valid path variables.
fn commands(document: &Value) -> Vec<Value> {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let mut commands = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for said in item.as_object().unwrap().values().filter(|_| path != "/v1/commands") {
            if said["tags"][0] == "imports" || said["responses"]["412"].is_null() {
                continue;
            }
            let mut command = json!({ "command": said["operationId"], "key": said["operationId"], "if_match": "*" });
            for name in path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')) {
                command[name] = match name {
                    "sku" => json!("LAMP"),
                    "location" => json!("main"),
                    "currency" => json!("GBP"),
                    name if name.ends_with("_id") => json!(id),
                    _ => json!(1),
                };
            }
            let example = said.pointer("/requestBody/content/application~1json/example");
            command["body"] = example.cloned().unwrap_or(json!({}));
            commands.push(command);
        }
    }
    commands
}

#[tokio::test]
async fn a_command_that_is_repeated_in_a_batch_returns_the_same_result_as_separate_requests() {
    let shop = Shop::with_lamps(100).await;
    let commands = commands(&shop.get("/v1/openapi.json").await.json());
    assert!(commands.len() >= 30, "{}", commands.len());
    let mut replayed = 0;
    for command in commands {
        let twice = json!([command, command]);
        let answered = match replayed % 2 {
            0 => shop.post("/v1/commands", &[], &twice).await,
            _ => {
                let lines = format!("{command}\n{command}\n");
                shop.post_text("/v1/commands", "application/x-ndjson", &[], lines).await
            }
        };
        let results: Vec<Value> = match answered.text.starts_with("{\"results\"") {
            true => answered.json()["results"].as_array().unwrap().clone(),
            false => answered.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        };
        assert_eq!(results[0]["status"], results[1]["status"], "{command}: {}", answered.text);
        if results[0]["status"].as_u64().unwrap() < 300 {
            assert_eq!(
                (&results[1]["replayed"], &results[0]["id"]),
                (&json!(true), &results[1]["id"]),
                "{}",
                answered.text
            );
            replayed += 1;
        }
        let together = shop.post("/v1/commands?atomic=true", &[], &twice).await;
        assert_ne!(together.json()["type"], "/problems/idempotency-in-progress", "{command}");
    }
    assert!(replayed >= 8, "{replayed} of the examples take effect");
}

#[tokio::test]
async fn different_commands_with_one_key_are_distinguished() {
    let shop = Shop::with_lamps(5).await;
    let before = shop.events().await;
    let both = json!([order("k", 1), order("other", 1), order("k", 2)]);
    let together = shop.post("/v1/commands?atomic=true", &[], &both).await;
    together.assert_problem(422, "idempotency-key-reused");
    assert_eq!((&together.json()["indices"], shop.events().await), (&json!([0, 2]), before));
    let each = shop.post("/v1/commands", &[], &both).await.json();
    assert_eq!(
        (statuses(&each), &each["results"][2]["type"]),
        (vec![201, 201, 422], &json!("/problems/idempotency-key-reused"))
    );
    let twice = shop.post("/v1/commands?atomic=true", &[], &json!([order("again", 1), order("again", 1)])).await.json();
    assert_eq!((statuses(&twice), &twice["results"][1]["replayed"]), (vec![201, 201], &json!(true)));
}

#[tokio::test]
async fn a_batch_can_be_compressed_within_its_limit() {
    use std::io::Write;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let shop = Shop::with_lamps(5).await;
    let packed = [("content-encoding", "gzip")];
    let send = async |headers, body: Vec<u8>| shop.post_text("/v1/commands", "application/json", headers, body).await;
    let batch = json!([order("k", 1)]).to_string();
    assert_eq!(statuses(&send(&packed, gzip(batch.as_bytes())).await.json()), [201]);
    send(&packed, batch.clone().into_bytes()).await.assert_problem(400, "malformed-gzip");
    send(&packed, gzip(&vec![b' '; 16 << 20])).await.assert_problem(413, "body-too-large");
    send(&[("content-encoding", "br")], batch.into_bytes()).await.assert_problem(415, "content-encoding");
}
