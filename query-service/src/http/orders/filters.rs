//! The filters of lists of orders as query parameters.

use chrono::{DateTime, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{ChannelCode, CustomerId, MAX_EXACT, OrderCode, Sku};
use platform::openapi::Parameter;
use platform::problem::Problem;
use read_model::status::read;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::documentation::{Searched, Text};
use crate::http::parameters::Parameters;
use crate::http::problems;
use crate::reads::label::Label;
use crate::reads::months::first_id_at;
use crate::reads::orders::filter::{OrderFilter, Range};

/// Names of the parameters.
pub(in crate::http) const NAMES: [&str; 22] = [
    "lifecycle",
    "payment",
    "fulfilment",
    "return",
    "returns",
    "channel",
    "customer_id",
    "sku",
    "tag",
    "external_ref",
    "code",
    "q",
    "total[gte]",
    "total[lt]",
    "due[gt]",
    "owed[gte]",
    "payment_due[lt]",
    "updated_at[gte]",
    "updated_at[lt]",
    "placed_at[gte]",
    "placed_at[lt]",
    "tags",
];

// What a parameter must be, as problems say it.
const LIFECYCLES: &str = "one or more, separated by commas, of open, completed, cancelled, expired";
const PAYMENTS: &str = "one or more, separated by commas, of unpaid, authorized, partially_paid, paid, overpaid, partially_refunded, \
                        refunded, not_required";
const FULFILMENTS: &str = "one or more, separated by commas, of unfulfilled, backordered, processing, partially_shipped, shipped, \
                           delivered, on_hold";
const RETURNS: &str = "one or more, separated by commas, of none, requested, partially_returned, returned";
const NAME: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
const INSTANT: &str = "a time in the format of RFC 3339, such as 2026-01-31T00:00:00Z (send a + in it as %2B)";
const AMOUNT: &str = "a whole number of minor units, at least 0";
const OWED: &str = "a whole number of minor units, at least 1";
const TAGS: &str = "1 to 5 tags, separated by commas";

/// Most tags in a filter: each is one more condition.
const TAGS_MAX: usize = 5;

/// An amount in minor units.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Amount(#[schemars(range(min = 0))] i64);

/// An amount that the buyer owes, in minor units.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Owed(#[schemars(range(min = 1))] i64);

/// Values separated by commas.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Words<T>(#[schemars(length(min = 1, max = 8))] Vec<T>);

/// Describes the parameters.
pub(in crate::http) fn parameters() -> impl Iterator<Item = Parameter> {
    let statuses = [
        Parameter::query::<Words<Lifecycle>>("lifecycle", "Lifecycle statuses of the order, any of which matches."),
        Parameter::query::<Words<PaymentStatus>>("payment", "Payment statuses of the order, any of which matches."),
        Parameter::query::<Words<FulfilmentStatus>>(
            "fulfilment",
            "Fulfilment statuses of the order, any of which matches.",
        ),
        Parameter::query::<Words<ReturnStatus>>("return", "Return statuses of the order, any of which matches."),
        Parameter::query::<Words<ReturnStatus>>("returns", "Alternative name of `return`; send only one of them."),
    ];
    let references = [
        Parameter::query::<ChannelCode>("channel", "Code of the sales channel through which the order was placed."),
        Parameter::query::<CustomerId>("customer_id", "Id of the customer to whom the order is assigned."),
        Parameter::query::<Sku>("sku", "SKU of a line of the order."),
        Parameter::query::<Text>("tag", "A tag of the order."),
        Parameter::query::<Text>("tags", "Tags separated by commas, all of which the order has."),
        Parameter::query::<Text>("external_ref", "Reference of the order in another system."),
        Parameter::query::<OrderCode>("code", "Order code, such as SON000001."),
        Parameter::query::<Searched>(
            "q",
            "Text to search for in order code, external reference, SKUs and product names, without regard to case and accents. All \
             words must be found; a word of three characters and more is found anywhere in a text, a word of two letters at the \
             beginning of a word, a Chinese, Japanese or Korean word of any length anywhere. The id of a customer finds the orders of \
             the customer.",
        ),
    ];
    let amounts = [
        Parameter::query::<Amount>("total[gte]", "Minimum total of the order, in minor units."),
        Parameter::query::<Amount>("total[lt]", "Upper limit of the total, exclusive, in minor units."),
        Parameter::query::<Amount>("due[gt]", "The amount due for the order is more than this, in minor units."),
        Parameter::query::<Owed>(
            "owed[gte]",
            "Minimum amount that the buyer owes, in minor units; 1 lists every order on which money is owed.",
        ),
    ];
    let instants = [
        Parameter::query::<DateTime<Utc>>(
            "payment_due[lt]",
            "The order is open, and expires before this time unless it is paid.",
        ),
        Parameter::query::<DateTime<Utc>>(
            "updated_at[gte]",
            "Earliest time of the last event of the order, inclusive.",
        ),
        Parameter::query::<DateTime<Utc>>("updated_at[lt]", "Latest time of the last event of the order, exclusive."),
        Parameter::query::<DateTime<Utc>>("placed_at[gte]", "Earliest time at which the order was placed, inclusive."),
        Parameter::query::<DateTime<Utc>>("placed_at[lt]", "Latest time at which the order was placed, exclusive."),
    ];
    statuses.into_iter().chain(references).chain(amounts).chain(instants)
}

/// Parses the filters.
pub(in crate::http) fn read_filter(parameters: &Parameters) -> Result<OrderFilter, Problem> {
    let name_of_returns = if parameters.text("returns").is_some() { "returns" } else { "return" };
    if name_of_returns == "returns" && parameters.text("return").is_some() {
        return Err(problems::repeated_parameter("returns"));
    }
    let customer_id = parameters.parsed("customer_id", "a UUID version 7 with hyphens", |text| text.parse().ok())?;
    let mut filter = OrderFilter {
        lifecycle: statuses(parameters, "lifecycle", LIFECYCLES)?,
        payment: statuses(parameters, "payment", PAYMENTS)?,
        fulfilment: statuses(parameters, "fulfilment", FULFILMENTS)?,
        returns: statuses(parameters, name_of_returns, RETURNS)?,
        channel: parameters.parsed("channel", NAME, |text| text.parse().ok())?,
        customer_id,
        sku: parameters.parsed("sku", NAME, |text| text.parse().ok())?,
        tags: tags(parameters)?,
        external_ref: parameters.label("external_ref")?,
        code: parameters.parsed("code", NAME, |text| text.parse().ok())?,
        text: None,
        total: range(parameters, ["total[gte]", "total[lt]"], AMOUNT, amount)?,
        due_above: parameters.parsed("due[gt]", AMOUNT, amount)?,
        owed: parameters.parsed("owed[gte]", OWED, |text| amount(text).filter(|owed| *owed >= 1))?,
        payment_due_before: parameters.parsed("payment_due[lt]", INSTANT, instant)?,
        updated: range(parameters, ["updated_at[gte]", "updated_at[lt]"], INSTANT, instant)?,
        first_id: None,
        end_id: None,
    };
    let placed = range(parameters, ["placed_at[gte]", "placed_at[lt]"], INSTANT, instant)?;
    (filter.first_id, filter.end_id) = (placed.from.map(first_id_at), placed.to.map(first_id_at));
    search(parameters, &mut filter)?;
    Ok(filter)
}

/// The searched text: the id of a customer, or words.
fn search(parameters: &Parameters, filter: &mut OrderFilter) -> Result<(), Problem> {
    let id = parameters.text("q").and_then(|text| text.trim().parse::<CustomerId>().ok());
    match id.filter(|_| filter.customer_id.is_none()) {
        Some(id) => filter.customer_id = Some(id),
        None => filter.text = parameters.searched("q")?,
    }
    Ok(())
}

/// The statuses of a parameter; none if the parameter is not given.
fn statuses<T>(parameters: &Parameters, name: &str, form: &str) -> Result<Vec<T>, Problem>
where
    T: for<'de> Deserialize<'de>,
{
    let found = parameters.parsed(name, form, |text| text.split(',').map(|word| read(word)).collect())?;
    Ok(found.unwrap_or_default())
}

fn tags(parameters: &Parameters) -> Result<Vec<Label>, Problem> {
    let one = parameters.label("tag")?;
    let several = parameters.parsed("tags", TAGS, |text| {
        let tags: Option<Vec<Label>> = text.split(',').map(Label::of).collect();
        tags.filter(|tags| tags.len() <= TAGS_MAX)
    })?;
    Ok(several.into_iter().flatten().chain(one).collect())
}

/// The range between two parameters, which must not be empty.
fn range<T: PartialOrd>(
    parameters: &Parameters,
    [from, to]: [&str; 2],
    form: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<Range<T>, Problem> {
    let range = Range { from: parameters.parsed(from, form, parse)?, to: parameters.parsed(to, form, parse)? };
    let is_empty = range.from.as_ref().zip(range.to.as_ref()).is_some_and(|(from, to)| from >= to);
    match (is_empty, parameters.text(to)) {
        (true, Some(text)) => Err(problems::invalid_parameter(to, text, &format!("greater than `{from}`"))),
        _ => Ok(range),
    }
}

fn amount(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|amount| is_number && *amount <= MAX_EXACT)
}

/// Parses a time in the format of RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use read_model::search::SearchPatterns;

    use super::*;

    fn parse(query: &str) -> Result<OrderFilter, Problem> {
        let uri = format!("/v1/orders?{query}").parse().expect("a URI");
        read_filter(&Parameters::read(&uri, &NAMES)?)
    }

    #[test]
    fn the_values_that_a_problem_lists_are_accepted() {
        let listed = |form: &'static str| form.split_once(" of ").expect("a list").1.split(", ");
        assert!(listed(LIFECYCLES).all(|word| read::<Lifecycle>(word).is_some()));
        assert!(listed(PAYMENTS).all(|word| read::<PaymentStatus>(word).is_some()));
        assert!(listed(FULFILMENTS).all(|word| read::<FulfilmentStatus>(word).is_some()));
        assert!(listed(RETURNS).all(|word| read::<ReturnStatus>(word).is_some()));
    }

    #[test]
    fn an_invalid_value_is_refused_with_the_valid_ones() {
        let problem = parse("lifecycle=opened").expect_err("no such status").to_json();
        assert_eq!(
            problem["detail"],
            "`lifecycle` is `opened`. It must be one or more, separated by commas, of open, completed, cancelled, expired."
        );
        for wrong in ["placed_at[gte]=yesterday", "placed_at[lt]=2026-01-01", "placed_at[lt]=2026-01-01T00:00:00+01:00"]
        {
            assert_eq!(parse(wrong).expect_err(wrong).kind(), "invalid-query");
        }
        for name in NAMES {
            let problem = parse(&format!("{name}=")).expect_err(name).to_json();
            assert_eq!(problem["detail"], format!("`{name}` is empty. Give it a value, or leave it out."));
        }
        let bare = "customer_id=0190163d8694739baea5966c26f8ad91";
        for wrong in ["channel=a%20b", "customer_id=7", "code=%00", "returns=none&return=none", "tag=%E2%80%8B", bare] {
            assert_eq!(parse(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }

    #[test]
    fn an_empty_range_is_refused_with_the_other_bound() {
        let problem = parse("total[gte]=2&total[lt]=2").expect_err("an empty range").to_json();
        assert_eq!(problem["detail"], "`total[lt]` is `2`. It must be greater than `total[gte]`.");
        for wrong in [
            "placed_at[gte]=2026-01-02T00:00:00Z&placed_at[lt]=2026-01-01T00:00:00Z",
            "updated_at[gte]=2026-01-02T00:00:00Z&updated_at[lt]=2026-01-02T00:00:00Z",
            "total[lt]=-1",
            "total[gte]=1.5",
            "due[gt]=9007199254740992",
            "owed[gte]=0",
            "lifecycle=open,",
            "lifecycle=open,opened",
            "tags=a,,b",
            "tags=a,b,c,d,e,f",
            "q=x",
            "q=%25%25%25",
        ] {
            assert_eq!(parse(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }

    #[test]
    fn the_id_of_a_customer_is_searched_as_such() {
        let id = "0190b6d2-7e1a-7000-8000-000000000001";
        let filter = parse(&format!("q={id}")).expect("an id");
        assert_eq!((filter.customer_id, filter.text), (id.parse().ok(), None));
        let filter = parse(&format!("q={id}&customer_id={id}")).expect("both");
        assert!(filter.customer_id.is_some() && filter.text.is_some());
    }

    #[test]
    fn every_filter_is_parsed_from_its_parameter() {
        let id = |text: &str| instant(text).map(first_id_at);
        let filter = parse(
            "lifecycle=open,expired&payment=paid&owed[gte]=1&fulfilment=on_hold&returns=requested&channel=web&tag=gift&tags=a,b\
             &code=SON000001&sku=MUG&q=mug&total[gte]=1&total[lt]=2&due[gt]=0&payment_due[lt]=2026-01-01T00:00:00Z\
             &updated_at[gte]=2026-01-01T00:00:00Z&updated_at[lt]=2026-01-02T00:00:00Z&placed_at[gte]=2026-01-01T00:00:00Z&placed_at[lt]=2026-02-01T00:00:00Z",
        );
        let filter = filter.expect("valid parameters");
        assert_eq!(filter.lifecycle, [Lifecycle::Open, Lifecycle::Expired]);
        assert_eq!(filter.payment, [PaymentStatus::Paid]);
        assert_eq!(filter.owed, Some(1));
        assert_eq!(filter.fulfilment, [FulfilmentStatus::OnHold]);
        assert_eq!(filter.returns, [ReturnStatus::Requested]);
        assert_eq!(filter.channel, "web".parse().ok());
        assert_eq!(filter.tags.iter().map(|tag| tag.canonical.as_str()).collect::<Vec<_>>(), ["a", "b", "gift"]);
        assert_eq!(filter.sku, "MUG".parse().ok());
        assert_eq!(filter.text, SearchPatterns::of("mug"));
        assert_eq!((filter.total, filter.due_above), (Range { from: Some(1), to: Some(2) }, Some(0)));
        assert_eq!(filter.payment_due_before, instant("2026-01-01T00:00:00Z"));
        let updated = Range { from: instant("2026-01-01T00:00:00Z"), to: instant("2026-01-02T00:00:00Z") };
        assert_eq!(filter.updated, updated);
        assert_eq!(filter.code, "SON000001".parse().ok());
        assert_eq!(filter.first_id, id("2026-01-01T00:00:00Z"));
        assert_eq!(filter.end_id, id("2026-02-01T00:00:00Z"));
    }
}
