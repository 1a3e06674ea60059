//! Customers: the fold of their events, and their erasure.

use events::customer::*;
use events::personal::{MARK, Personal, Profile};
use events::stream::EmailHash;
use events::{CustomerId, Event, StreamId, Version};
use read_model::{CustomerDocument, FoldError};
use schemars::schema_for;

use crate::samples::{instant, recorded};

const EMAIL_HASH: [u8; 16] = [0xab; 16];

fn customer_id() -> CustomerId {
    CustomerId::new(instant(0), [1; 10])
}

fn profile(email: &str) -> Personal<Profile> {
    Personal::new(Profile { email: email.to_owned(), name: Some("Ada".into()), ..Profile::default() })
}

fn registered() -> CustomerEvent {
    CustomerEvent::Registered(CustomerRegistered {
        customer_id: customer_id(),
        email_hash: EmailHash::new(EMAIL_HASH),
        profile: profile("ada@example.com"),
        tags: ["vip".to_owned()].into(),
    })
}

fn updated() -> CustomerEvent {
    CustomerEvent::Updated(CustomerUpdated {
        email_hash: EmailHash::new(EMAIL_HASH),
        profile: profile("ada@example.org"),
        tags: ["new".to_owned()].into(),
    })
}

fn erased() -> CustomerEvent {
    CustomerEvent::Erased(CustomerErased {})
}

fn fold_next(document: &mut Option<CustomerDocument>, version: i32, event: &CustomerEvent) -> Result<(), FoldError> {
    let recorded = recorded(&StreamId::customer(customer_id()), version, &Event::Customer(event.clone()));
    CustomerDocument::fold(document, &recorded, event)
}

/// Stores the document as JSON after each event.
fn fold(history: &[CustomerEvent]) -> CustomerDocument {
    let mut document = None;
    for (version, event) in (1..).zip(history) {
        fold_next(&mut document, version, event).unwrap();
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Option<CustomerDocument>>(&json).unwrap(), document);
    }
    document.unwrap()
}

#[test]
fn a_customer_has_the_data_of_the_last_update() {
    let customer = fold(&[registered(), updated()]);
    assert_eq!((customer.id, customer.version, customer.erased), (customer_id(), Version(2), false));
    assert_eq!(customer.profile, Some(profile("ada@example.org")));
    assert_eq!(customer.tags, ["new".to_owned()].into());
    assert_eq!((customer.registered_at, customer.updated_at), (instant(0), instant(2)));
}

#[test]
fn an_erased_customer_has_no_data_whatever_events_follow() {
    for history in [vec![registered(), erased()], vec![registered(), updated(), erased(), updated()]] {
        let customer = fold(&history);
        assert!(customer.erased && customer.profile.is_none() && customer.tags.is_empty());
        assert_eq!(customer.version, Version(history.len() as i32));
        assert!(!serde_json::to_string(&customer).unwrap().contains("ada"));
    }
}

#[test]
fn the_schema_marks_the_profile_as_personal_and_has_no_hash_of_the_address() {
    let schema = schema_for!(CustomerDocument).to_value();
    assert!(schema["properties"]["profile"].to_string().contains(MARK), "{schema}");
    let json = serde_json::to_string(&fold(&[registered()])).unwrap();
    assert!(!json.contains(&EmailHash::new(EMAIL_HASH).to_string()), "{json}");
}

#[test]
fn an_event_that_does_not_continue_a_customer_is_refused_and_changes_nothing() {
    let mut document = None;
    let refused = fold_next(&mut document, 1, &updated());
    assert_eq!((refused, &document), (Err(FoldError::NotFirst("CustomerUpdated".into())), &None));

    fold_next(&mut document, 1, &registered()).unwrap();
    let before = document.clone();
    let refused = fold_next(&mut document, 3, &erased());
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = fold_next(&mut document, 2, &registered());
    assert_eq!(refused, Err(FoldError::AlreadyCreated("CustomerRegistered".into())));
    assert_eq!(document, before);

    let other = StreamId::customer(CustomerId::new(instant(0), [2; 10]));
    let recorded = recorded(&other, 1, &Event::Customer(registered()));
    let refused = CustomerDocument::fold(&mut None, &recorded, &registered());
    assert_eq!(refused, Err(FoldError::WrongStream("CustomerRegistered".into())));
}
