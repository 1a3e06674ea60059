//! Every line is accepted or rejected, whatever the file contains and whatever the service answers.

use proptest::prelude::*;

use super::*;
use crate::contents::FileContents;

fn rejection() -> Arc<Rejection> {
    Arc::new(Rejection { kind: "insufficient-stock".to_owned(), detail: "There is no stock.".to_owned() })
}

#[test]
fn lines_of_a_rejected_order_and_of_its_returns_are_rejected() {
    let plan = ImportPlan::from(FileContents::of_lines(
        "1,A,Cup,2,1/5/24 9:00,1.005,7,\n1,B,Mug,1,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/5/24 9:00,1.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
    ));
    let mut outcomes = Outcomes::all_complete(&plan);
    assert_eq!(LineResults::of(&plan, &outcomes).with_warning("price-rounded"), 1);
    outcomes.orders[0] = Outcome::Rejected(rejection());
    outcomes.returns[0] = Outcome::OrderRejected(rejection());
    let results = LineResults::of(&plan, &outcomes);
    let codes: Vec<_> = (2..=5).map(|line| results.reason(line).map(|reason| reason.code().into_owned())).collect();
    let refused = Some("refused:insufficient-stock".to_owned());
    assert_eq!(codes, [refused.clone(), refused, None, Some("order-refused".to_owned())]);
    assert_eq!((results.accepted, results.with_warning("price-rounded")), (1, 0));
}

#[test]
fn an_order_without_its_payment_is_accepted_with_a_warning() {
    let plan = ImportPlan::from(FileContents::of_lines("1,A,Cup,2,1/5/24 9:00,1.00,7,\n"));
    let outcomes = Outcomes { orders: vec![Outcome::Incomplete(rejection())], ..Outcomes::default() };
    let results = LineResults::of(&plan, &outcomes);
    assert_eq!((results.accepted, results.with_warning("incomplete"), results.reasons().count()), (1, 1, 0));
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9]{1,3}",
        1 => "C[0-9]{1,2}",
        1 => "-?[0-9]{1,4}(\\.[0-9]{0,4})?",
        1 => "[A-Ca-c ]{0,2}",
        1 => Just("1/5/24 9:00".to_owned()),
        1 => "[\"\\x00-\\x1f,;éA ]{0,4}",
    ]
}

/// Mostly valid lines, of which some have one or two fields replaced by invalid text.
fn line() -> impl Strategy<Value = String> {
    let valid = (1..4_u8, 0..3_u8, 1..9_i32, 1..28_u8, 1..3_u8, any::<bool>()).prop_map(
        |(invoice, code, units, day, customer, is_return)| {
            let (mark, sign) = if is_return { ("C", "-") } else { ("", "") };
            [
                format!("{mark}{invoice}"),
                format!("A{code}"),
                "Cup".into(),
                format!("{sign}{units}"),
                format!("1/{day}/24 9:00"),
                "1.005".into(),
                customer.to_string(),
                String::new(),
            ]
        },
    );
    let replaced = prop::collection::vec((0..8_usize, field()), 0..2);
    let lines = (valid, replaced).prop_map(|(mut fields, replaced)| {
        replaced.into_iter().for_each(|(place, text)| fields[place] = text);
        fields.join(",")
    });
    prop_oneof![8 => lines, 1 => "\\PC{0,40}", 1 => Just(String::new())]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let with_rejection = |outcome: fn(Arc<Rejection>) -> Outcome| Just(()).prop_map(move |()| outcome(rejection()));
    prop_oneof![
        Just(Outcome::Complete),
        with_rejection(Outcome::Incomplete),
        with_rejection(Outcome::Rejected),
        with_rejection(Outcome::OrderRejected)
    ]
}

proptest! {
    #[test]
    fn accepted_and_rejected_lines_add_up_to_the_lines_read(
        lines in prop::collection::vec(line(), 0..40),
        outcomes in prop::collection::vec(outcome(), 40),
    ) {
        let text = lines.join("\n");
        // A generated field may contain a line break too.
        let not_blank = text.split(['\r', '\n']).filter(|line| !line.trim_ascii().is_empty()).count();
        let plan = ImportPlan::from(FileContents::of_lines(&text));
        let outcomes = Outcomes {
            orders: outcomes[..plan.orders.len()].to_vec(),
            returns: outcomes.iter().rev().take(plan.returns.len()).cloned().collect(),
            products: Vec::new(),
        };
        let results = LineResults::of(&plan, &outcomes);
        prop_assert_eq!(plan.contents.lines_read as usize, not_blank);
        prop_assert_eq!(results.accepted + results.reasons().count(), not_blank);
        let rejected = (2..=lines.len() as u32 * 8 + 2).filter(|line| results.reason(*line).is_some()).count();
        prop_assert_eq!(rejected, results.reasons().count());
    }
}
