//! Every line that was read is accepted or rejected, whatever the file holds and whatever the service says.

use proptest::prelude::*;

use super::super::fixture::survey;
use super::*;

fn refusal() -> Arc<Refusal> {
    Arc::new(Refusal { kind: "insufficient-stock".to_owned(), detail: "There is none.".to_owned() })
}

#[test]
fn lines_of_a_refused_order_are_rejected_with_its_returns() {
    let plan = Plan::from(survey(
        "1,A,Cup,2,1/5/24 9:00,1.005,7,\n1,B,Mug,1,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/5/24 9:00,1.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
    ));
    let mut fates = Fates::untried(&plan);
    assert_eq!(Verdict::of(&plan, &fates).noted("price-rounded"), 1);
    fates.orders[0] = Fate::Refused(refusal());
    fates.returns[0] = Fate::OrderRefused(refusal());
    let verdict = Verdict::of(&plan, &fates);
    let codes: Vec<_> = (2..=5).map(|line| verdict.reason(line).map(|reason| reason.code().into_owned())).collect();
    let refused = Some("refused:insufficient-stock".to_owned());
    assert_eq!(codes, [refused.clone(), refused, None, Some("order-refused".to_owned())]);
    assert_eq!((verdict.accepted, verdict.noted("price-rounded")), (1, 0));
}

#[test]
fn an_order_without_its_payment_is_accepted_and_noted() {
    let plan = Plan::from(survey("1,A,Cup,2,1/5/24 9:00,1.00,7,\n"));
    let fates = Fates { orders: vec![Fate::Incomplete(refusal())], ..Fates::default() };
    let verdict = Verdict::of(&plan, &fates);
    assert_eq!((verdict.accepted, verdict.noted("incomplete"), verdict.reasons().count()), (1, 1, 0));
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

/// Mostly lines that could be good, with a field or two that is not.
fn line() -> impl Strategy<Value = String> {
    let good = (1..4_u8, 0..3_u8, 1..9_i32, 1..28_u8, 1..3_u8, any::<bool>()).prop_map(
        |(invoice, code, pieces, day, who, back)| {
            let (mark, sign) = if back { ("C", "-") } else { ("", "") };
            [
                format!("{mark}{invoice}"),
                format!("A{code}"),
                "Cup".into(),
                format!("{sign}{pieces}"),
                format!("1/{day}/24 9:00"),
                "1.005".into(),
                who.to_string(),
                String::new(),
            ]
        },
    );
    let dirt = prop::collection::vec((0..8_usize, field()), 0..2);
    let lines = (good, dirt).prop_map(|(mut fields, dirt)| {
        dirt.into_iter().for_each(|(place, text)| fields[place] = text);
        fields.join(",")
    });
    prop_oneof![8 => lines, 1 => "\\PC{0,40}", 1 => Just(String::new())]
}

fn fate() -> impl Strategy<Value = Fate> {
    let some = |fate: fn(Arc<Refusal>) -> Fate| Just(()).prop_map(move |()| fate(refusal()));
    prop_oneof![Just(Fate::Done), some(Fate::Incomplete), some(Fate::Refused), some(Fate::OrderRefused)]
}

proptest! {
    #[test]
    fn accepted_and_rejected_are_what_was_read(
        lines in prop::collection::vec(line(), 0..40),
        fates in prop::collection::vec(fate(), 40),
    ) {
        let text = lines.join("\n");
        // A line break may come out of a field as well.
        let with_something = text.split(['\r', '\n']).filter(|line| !line.trim_ascii().is_empty()).count();
        let plan = Plan::from(survey(&text));
        let fates = Fates {
            orders: fates[..plan.orders.len()].to_vec(),
            returns: fates.iter().rev().take(plan.returns.len()).cloned().collect(),
            products: Vec::new(),
        };
        let verdict = Verdict::of(&plan, &fates);
        prop_assert_eq!(plan.survey.lines_read as usize, with_something);
        prop_assert_eq!(verdict.accepted + verdict.reasons().count(), with_something);
        let rejected = (2..=lines.len() as u32 * 8 + 2).filter(|line| verdict.reason(*line).is_some()).count();
        prop_assert_eq!(rejected, verdict.reasons().count());
    }
}
