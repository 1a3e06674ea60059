//! The query of an export: path and query of a list or report of this service, parsed with the parsers of that list or report.

use axum::http::Uri;
use platform::problem::Problem;

use crate::exports::schedule::RangeParameters;
use crate::http::orders::list as orders;
use crate::http::parameters::Parameters;
use crate::http::problem_types::INVALID_QUERY;
use crate::http::products;
use crate::http::reports::parameters as reports;
use crate::reads::dataset::Dataset;
use crate::reads::reports::customers::CUSTOMERS;
use crate::reads::reports::fulfilment::FULFILMENT;
use crate::reads::reports::products::PRODUCTS;
use crate::reads::reports::returns::RETURNS;
use crate::reads::reports::sales::SALES;
use crate::reads::reports::stock::STOCK;
use crate::reads::reports::table::ReportType;

/// Longest query, in bytes: longer than a query with every filter.
pub(super) const QUERY_MAX: usize = 4_000;

const REPORTS: [&ReportType; 6] = [&SALES, &PRODUCTS, &CUSTOMERS, &RETURNS, &FULFILMENT, &STOCK];

/// A list or report of this service.
#[derive(Debug, Clone, Copy)]
enum Resource {
    Orders,
    Products,
    Customers,
    Stock,
    Report(&'static ReportType),
}

/// Parses the query of an export. A problem names the parameter that is unknown or invalid.
pub(super) fn parse(query: &str) -> Result<Dataset, Problem> {
    let (resource, uri) = read(query)?;
    match resource {
        Resource::Orders => {
            let (filter, sort) = orders::read_query(&Parameters::read(&uri, &orders::names())?)?;
            Ok(Dataset::Orders { filter: Box::new(filter), sort })
        }
        Resource::Products => {
            let parameters = Parameters::read(&uri, &products::FILTERS)?;
            products::read_filter(&parameters).map(Dataset::Products)
        }
        Resource::Customers => {
            let tag = Parameters::read(&uri, &["tag"])?.label("tag")?;
            Ok(Dataset::Customers { tag })
        }
        Resource::Stock => Parameters::read(&uri, &[]).map(|_| Dataset::Stock),
        Resource::Report(report) => {
            let query = Box::new(reports::read_whole(report, &uri)?);
            Ok(Dataset::Report { report, query })
        }
    }
}

/// As [`parse`], for the worker, which shows the detail of a problem.
pub fn parse_dataset(query: &str) -> Result<Dataset, String> {
    parse(query).map_err(|problem| problem.explanation().to_owned())
}

/// The parameters that a recurring export sets, which must not be in its query.
pub(super) fn range_parameters(query: &str) -> Result<RangeParameters, Problem> {
    let (resource, uri) = read(query)?;
    let (parameters, names) = match resource {
        Resource::Orders => (RangeParameters::Orders, ["placed_at[gte]", "placed_at[lt]"].as_slice()),
        Resource::Report(report) if reports::has_range(report) => (RangeParameters::Report, ["from", "to"].as_slice()),
        _ => (RangeParameters::None, [].as_slice()),
    };
    let given = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|it| it.0).unwrap_or_default();
    match names.iter().find(|name| given.iter().any(|(given, _)| given == *name)) {
        Some(name) => {
            let detail = format!("`{name}` is set by `range` for each export. Leave it out of `query`.");
            Err(INVALID_QUERY.problem(detail).with("parameter", name))
        }
        None => Ok(parameters),
    }
}

fn read(query: &str) -> Result<(Resource, Uri), Problem> {
    let refused = || {
        INVALID_QUERY
            .problem(format!(
                "`query` is not the path and query of a list or report, such as /v1/orders?channel=web. It has at most {QUERY_MAX} \
                 bytes, and its path is one of: /v1/orders, /v1/products, /v1/customers, /v1/stock, /v1/reports/sales, \
                 /v1/reports/products, /v1/reports/customers, /v1/reports/returns, /v1/reports/fulfilment, /v1/reports/stock."
            ))
            .with("parameter", "query")
    };
    let uri: Uri = query.parse().map_err(|_| refused())?;
    let is_path = query.len() <= QUERY_MAX && query.starts_with('/') && uri.authority().is_none();
    let resource = match uri.path() {
        "/v1/orders" => Some(Resource::Orders),
        "/v1/products" => Some(Resource::Products),
        "/v1/customers" => Some(Resource::Customers),
        "/v1/stock" => Some(Resource::Stock),
        path => {
            let name = path.strip_prefix("/v1/reports/");
            REPORTS.into_iter().find(|report| Some(report.name) == name).map(Resource::Report)
        }
    };
    resource.filter(|_| is_path).map(|resource| (resource, uri)).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_and_report_can_be_exported() {
        let names = |query: &str| parse(query).map(|dataset| dataset.name()).map_err(|problem| problem.to_json());
        for (query, name) in [
            ("/v1/orders?channel=web&placed_at[gte]=2026-01-01T00:00:00Z&sort=-total", "orders"),
            ("/v1/products?active=true&q=lamp", "products"),
            ("/v1/customers?tag=vip", "customers"),
            ("/v1/stock", "stock"),
            ("/v1/reports/sales?from=2026-01-01&to=2026-02-01&group_by=day,channel", "sales"),
            ("/v1/reports/products?from=2026-01-01&to=2026-02-01", "products"),
            ("/v1/reports/customers?currency=GBP", "customers"),
            ("/v1/reports/returns?from=2026-01-01&to=2026-02-01", "returns"),
            ("/v1/reports/fulfilment?from=2026-01-01&to=2026-02-01", "fulfilment"),
            ("/v1/reports/stock?from=2026-01-01&to=2026-02-01", "stock"),
        ] {
            assert_eq!(names(query), Ok(name), "{query}");
        }
    }

    #[test]
    fn an_invalid_query_is_refused_with_the_name_of_the_parameter() {
        for (query, parameter) in [
            ("/v1/orders?lifecycle=opened", "lifecycle"),
            ("/v1/orders?limit=10", "limit"),
            ("/v1/orders?cursor=x", "cursor"),
            ("/v1/products?actve=true", "actve"),
            ("/v1/products?active=yes", "active"),
            ("/v1/customers?tag=", "tag"),
            ("/v1/stock?sku=LAMP", "sku"),
            ("/v1/reports/sales?from=2026-01-01&to=2026-02-01&format=csv", "format"),
            ("/v1/reports/products?from=2026-01-01&to=2026-02-01&limit=5", "limit"),
            ("/v1/reports/sales?to=2026-02-01", "from"),
            ("/v1/events", "query"),
            ("/v1/orders/SON000001", "query"),
            ("/v1/reports/profit", "query"),
            ("orders", "query"),
            ("//v1/orders", "query"),
            ("http://localhost/v1/orders", "query"),
            ("", "query"),
        ] {
            let problem = parse(query).expect_err(query);
            assert_eq!(
                (problem.kind(), problem.to_json()["parameter"].as_str()),
                ("invalid-query", Some(parameter)),
                "{query}"
            );
        }
        assert!(parse(&format!("/v1/orders?q={}", "x".repeat(QUERY_MAX))).is_err());
    }

    #[test]
    fn the_range_of_a_recurring_export_must_not_be_in_its_query() {
        assert_eq!(range_parameters("/v1/orders?channel=web").ok(), Some(RangeParameters::Orders));
        assert_eq!(range_parameters("/v1/reports/sales?group_by=hour").ok(), Some(RangeParameters::Report));
        for query in ["/v1/reports/customers", "/v1/products", "/v1/stock"] {
            assert_eq!(range_parameters(query).ok(), Some(RangeParameters::None), "{query}");
        }
        for query in ["/v1/orders?placed_at%5Bgte%5D=2026-01-01T00:00:00Z", "/v1/reports/sales?from=2026-01-01"] {
            assert!(range_parameters(query).is_err(), "{query}");
        }
    }
}
