//! One e-mail address belongs to one customer, even with concurrent registrations through several writers.

use command_service::writer::Reply;
use domain::command::Command;
use domain::customer::CustomerCommand;
use domain::customer::register::RegisterCustomer;
use events::CustomerId;
use events::email::EmailIndex;
use futures::future::join_all;
use serde_json::json;

use super::support::{Running, assert_gapless, done, logs, request, tally};

/// The case of the address alternates.
fn register(number: usize) -> Command {
    let emails = EmailIndex::from_secret(&"k".repeat(32)).unwrap();
    let email = if number.is_multiple_of(2) { "ada@example.com" } else { "Ada@Example.COM" };
    let body = serde_json::from_value(json!({ "email": email, "name": format!("Ada {number}") })).unwrap();
    Command::RegisterCustomer(RegisterCustomer::new(body, &emails))
}

fn erase(id: &str) -> Command {
    let customer_id: CustomerId = id.parse().unwrap();
    Command::Customer(customer_id, CustomerCommand::EraseCustomer {})
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_concurrent_registrations_of_one_address_exactly_one_succeeds() {
    for log in logs().await {
        let writers = [Running::start(&log).await, Running::start(&log).await];
        for round in 0..5 {
            let keyed = (0..40).map(|n| request(&format!("register-{round}-{n}"), register(n)));
            let sends = keyed.enumerate().map(|(n, request)| writers[n % 2].mailbox.submit(request));
            let replies: Vec<Reply> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(tally(&replies), [("done", 1), ("duplicate-email", 39)].into());
            let winner = replies.iter().find(|reply| matches!(reply, Reply::Done { .. })).unwrap();
            // The writer learns of customers that the other one registered, and the erased address can be used again.
            let erased = writers[round % 2].send(&format!("erase-{round}"), erase(done(winner).stream.key())).await;
            assert_eq!(done(&erased).version.0, 2);
        }
        for one in writers {
            one.stop().await;
        }
        assert_gapless(&log).await;
    }
}
