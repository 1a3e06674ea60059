//! Tests of the commands to customers and of the uniqueness of e-mail addresses.

use events::customer::{
    CustomerEmailFreed, CustomerEmailTaken, CustomerErased, CustomerEvent, CustomerRegistered, CustomerUpdated,
    EmailEvent,
};
use events::personal::Profile;
use events::{CustomerId, EmailHash, Personal, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::customer::CustomerCommand;
use crate::customer::register::RegisterCustomer;
use crate::customer::update::UpdateCustomer;
use crate::new_id::NewId;
use crate::rejection::Rejection;
use crate::tests::past::body;
use crate::tests::scenario::{Past, given, new_id, now};
use events::email::EmailIndex;

/// The index of e-mail addresses in these tests.
pub(crate) fn emails() -> EmailIndex {
    EmailIndex::from_secret(&"k".repeat(32)).unwrap()
}

pub(crate) fn hash(email: &str) -> EmailHash {
    emails().hash(&email.parse().unwrap())
}

fn ada() -> CustomerId {
    CustomerId::new(now(), [1; 10])
}

fn bob() -> CustomerId {
    CustomerId::new(now(), [2; 10])
}

fn register(json: Value) -> Command {
    Command::RegisterCustomer(RegisterCustomer::new(body(json), &emails()))
}

fn update(json: Value) -> Command {
    Command::Customer(ada(), CustomerCommand::UpdateCustomer(UpdateCustomer::new(body(json), &emails())))
}

fn erase() -> Command {
    Command::Customer(ada(), CustomerCommand::EraseCustomer {})
}

fn profile(email: &str, name: Option<&str>) -> Personal<Profile> {
    Personal::new(Profile { email: email.to_owned(), name: name.map(str::to_owned), ..Profile::default() })
}

fn to(customer_id: CustomerId, event: CustomerEvent) -> Past {
    (StreamId::customer(customer_id), event.into())
}

fn taken(customer_id: CustomerId, email: &str) -> Past {
    (StreamId::email(hash(email)), EmailEvent::Taken(CustomerEmailTaken { customer_id }).into())
}

fn freed(customer_id: CustomerId, email: &str) -> Past {
    (StreamId::email(hash(email)), EmailEvent::Freed(CustomerEmailFreed { customer_id }).into())
}

fn registered(customer_id: CustomerId, email: &str) -> Vec<Past> {
    let event = CustomerRegistered {
        customer_id,
        email_hash: hash(email),
        profile: profile(email, Some("Ada")),
        tags: ["vip".to_owned()].into(),
    };
    vec![to(customer_id, CustomerEvent::Registered(event)), taken(customer_id, email)]
}

fn updated(email: &str, name: Option<&str>, tags: &[&str]) -> Past {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    let event = CustomerUpdated { email_hash: hash(email), profile: profile(email, name), tags };
    to(ada(), CustomerEvent::Updated(event))
}

fn erased(email: &str) -> Vec<Past> {
    vec![to(ada(), CustomerEvent::Erased(CustomerErased {})), freed(ada(), email)]
}

fn as_ada(email: &str) -> Value {
    json!({ "id": ada(), "email": email, "name": "Ada", "tags": ["vip"] })
}

#[test]
fn a_customer_registers_under_an_id_of_ours_or_their_own() {
    given([]).when(register(as_ada("ada@b"))).then([registered(ada(), "ada@b")]);
    let ours = NewId::from(new_id()).customer();
    let json = json!({ "email": "ada@b", "name": "Ada", "tags": ["vip"] });
    given([]).when(register(json)).then([registered(ours, "ada@b")]);
}

#[test]
fn an_id_is_registered_once() {
    let past = || [registered(ada(), "ada@b")];
    given(past()).when(register(as_ada("ada@b"))).then_nothing();
    let other = Rejection::DuplicateCustomer(ada());
    given(past()).when(register(as_ada("ada@c"))).then_rejected(other.clone());
    let past = || [registered(ada(), "ada@b"), erased("ada@b")];
    given(past()).when(register(as_ada("ada@b"))).then_rejected(other);
}

#[test]
fn no_two_customers_have_the_same_address() {
    for email in ["ada@b", "ADA@B", " ada@b "] {
        let past = [registered(bob(), "ada@b")];
        given(past).when(register(json!({ "email": email }))).then_rejected(Rejection::DuplicateEmail);
    }
}

#[test]
fn an_address_is_free_again_once_its_customer_is_erased_or_has_another() {
    let past = || [registered(ada(), "ada@b"), erased("ada@b")];
    given(past()).when(erase()).then_nothing();
    let body = json!({ "id": bob(), "email": "ada@b", "name": "Ada", "tags": ["vip"] });
    given(past()).when(register(body.clone())).then([registered(bob(), "ada@b")]);
    let moved = vec![updated("ada@c", Some("Ada"), &["vip"]), freed(ada(), "ada@b"), taken(ada(), "ada@c")];
    given([registered(ada(), "ada@b"), moved]).when(register(body)).then([registered(bob(), "ada@b")]);
}

#[test]
fn a_patch_changes_what_it_names() {
    let past = || [registered(ada(), "ada@b")];
    for (patch, after) in [
        (json!({ "name": "Countess" }), updated("ada@b", Some("Countess"), &["vip"])),
        (json!({ "name": null }), updated("ada@b", None, &["vip"])),
        (json!({ "tags": ["b", "a"] }), updated("ada@b", Some("Ada"), &["a", "b"])),
        (json!({ "tags": null, "name": "Ada" }), updated("ada@b", Some("Ada"), &[])),
        (json!({ "email": "Ada@B" }), updated("Ada@B", Some("Ada"), &["vip"])),
    ] {
        given(past()).when(update(patch)).then([vec![after]]);
    }
    for patch in [json!({}), json!({ "email": "ada@b", "name": "Ada", "phone": null, "tags": ["vip"] })] {
        given(past()).when(update(patch)).then_nothing();
    }
    given([]).when(update(json!({}))).then_rejected(Rejection::UnknownCustomer(ada()));
}

#[test]
fn another_address_frees_the_one_before_in_the_same_commit() {
    let moved = vec![updated("ada@c", Some("Ada"), &["vip"]), freed(ada(), "ada@b"), taken(ada(), "ada@c")];
    given([registered(ada(), "ada@b")]).when(update(json!({ "email": "ada@c" }))).then([moved]);
    given([registered(ada(), "ada@b"), registered(bob(), "ada@c")])
        .when(update(json!({ "email": "ADA@c" })))
        .then_rejected(Rejection::DuplicateEmail);
}

#[test]
fn who_is_erased_stays_so() {
    given([registered(ada(), "ada@b")]).when(erase()).then([erased("ada@b")]);
    given([registered(ada(), "ada@b"), erased("ada@b")])
        .when(update(json!({ "name": "Ada" })))
        .then_rejected(Rejection::CustomerErased(ada()));
    given([]).when(erase()).then_rejected(Rejection::UnknownCustomer(ada()));
}
