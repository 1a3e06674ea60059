//! `GET /v1/orders`: pages of order summaries, filtered and sorted. [`super::filters`] parses the filters,
//! [`crate::reads::orders::list`] reads the pages.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;
use read_model::{OrderSummary, Projection};
use schemars::JsonSchema;

use super::filters::{self, read_filter};
use crate::http::app::App;
use crate::http::documentation;
use crate::http::page::{self, PageRequest};
use crate::http::parameters::Parameters;
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::orders::filter::{OrderFilter, OrderSort};
use crate::reads::orders::list::{parse_key, read_page};

const SORTS: &str = "one of -placed_at, placed_at, -updated_at, updated_at, -total, total";

/// The order of the list: a field, with a minus sign for descending.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Sort {
    #[schemars(rename = "-placed_at")]
    PlacedDescending,
    #[schemars(rename = "placed_at")]
    Placed,
    #[schemars(rename = "-updated_at")]
    UpdatedDescending,
    #[schemars(rename = "updated_at")]
    Updated,
    #[schemars(rename = "-total")]
    TotalDescending,
    #[schemars(rename = "total")]
    Total,
}

/// The route of lists of orders.
pub(in crate::http) fn routes() -> Routes<App> {
    let sort = Parameter::query::<Sort>(
        "sort",
        "Order of the list; a minus sign means descending. Default: -placed_at, which is the fastest. Totals of different \
         currencies are compared as numbers of minor units.",
    );
    let parameters = filters::parameters().chain([sort]);
    let list = documentation::list::<OrderSummary>("list_orders", "List orders, newest first", parameters)
        .paragraph("An order is listed if it matches all filters. Statuses separated by commas are alternatives.");
    super::group().get("/v1/orders", self::list, list)
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let names: Vec<&str> = names().into_iter().chain(page::PARAMETERS).collect();
    let (request, parameters) = PageRequest::read(app, uri, &headers, &names)?;
    let (filter, sort) = read_query(&parameters)?;
    let after = request.after(|key| parse_key(sort, key))?;
    let limit = request.limit;
    let read = move |database: Database, required: Option<Required>| async move {
        read_page(&database, required.as_ref(), &filter, sort, after, limit).await
    };
    request.respond_cached(Projection::ORDERS, read).await
}

/// The names of the parameters of the list, without those of pages.
pub(in crate::http) fn names() -> Vec<&'static str> {
    filters::NAMES.into_iter().chain(["sort"]).collect()
}

/// Parses which orders are listed, and in which order.
pub(in crate::http) fn read_query(parameters: &Parameters) -> Result<(OrderFilter, OrderSort), Problem> {
    Ok((read_filter(parameters)?, read_sort(parameters)?))
}

fn read_sort(parameters: &Parameters) -> Result<OrderSort, Problem> {
    let sort = parameters.parsed("sort", SORTS, |word| {
        Some(match word {
            "-placed_at" => OrderSort::NewestFirst,
            "placed_at" => OrderSort::OldestFirst,
            "-updated_at" => OrderSort::LastUpdatedFirst,
            "updated_at" => OrderSort::FirstUpdatedFirst,
            "-total" => OrderSort::HighestTotalFirst,
            "total" => OrderSort::LowestTotalFirst,
            _ => return None,
        })
    })?;
    Ok(sort.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(query: &str) -> Result<OrderSort, Problem> {
        read_sort(&Parameters::read(&format!("/v1/orders?{query}").parse().expect("a URI"), &["sort"])?)
    }

    #[test]
    fn every_sort_that_a_problem_lists_is_accepted() {
        for listed in SORTS.trim_start_matches("one of ").split(", ") {
            assert!(sort(&format!("sort={listed}")).is_ok(), "{listed}");
        }
        assert_eq!(sort("").expect("the default"), OrderSort::NewestFirst);
        for wrong in ["sort=due", "sort=--total", "sort=%2Btotal", "sort=total,placed_at"] {
            assert_eq!(sort(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }
}
