//! Whole lists and whole reports, which are read from one snapshot, without pages.
//!
//! [`Dataset`] says which list or report; [`reader`] reads it in batches of [`row`]s, so that a list of any length needs little memory.

pub mod reader;
pub mod row;

use read_model::Projection;

use crate::reads::customers;
use crate::reads::database::statement::Statement;
use crate::reads::label::Label;
use crate::reads::orders::filter::{OrderFilter, OrderSort};
use crate::reads::orders::select::{LineCounts, OrderSelect};
use crate::reads::products::{self, ProductFilter};
use crate::reads::reports::query::ReportQuery;
use crate::reads::reports::table::ReportType;
use crate::reads::stock;

/// A whole list or report: all rows that match, in the order of the list.
#[derive(Debug, Clone)]
pub enum Dataset {
    /// Orders.
    Orders {
        /// Which orders.
        filter: Box<OrderFilter>,
        /// The order of the list.
        sort: OrderSort,
    },
    /// Products, by SKU.
    Products(ProductFilter),
    /// Customers, last registered first; with a tag, only those that have the tag.
    Customers {
        /// A tag of the customer.
        tag: Option<Label>,
    },
    /// Stock items, by SKU and location.
    Stock,
    /// A report, without its limit of rows.
    Report {
        /// Which report.
        report: &'static ReportType,
        /// Range, grouping and filters.
        query: Box<ReportQuery>,
    },
}

impl Dataset {
    /// The name of the list or of the report.
    pub fn name(&self) -> &'static str {
        match self {
            Dataset::Orders { .. } => "orders",
            Dataset::Products(_) => "products",
            Dataset::Customers { .. } => "customers",
            Dataset::Stock => "stock",
            Dataset::Report { report, .. } => report.name,
        }
    }

    /// The projection that writes the rows.
    pub fn projection(&self) -> Projection {
        match self {
            Dataset::Orders { .. } => Projection::ORDERS,
            Dataset::Products(_) => Projection::PRODUCTS,
            Dataset::Customers { .. } => Projection::CUSTOMERS,
            Dataset::Stock => Projection::STOCK,
            Dataset::Report { report, .. } => report.sums.projection(),
        }
    }

    /// Adds the select of all rows.
    fn push(&self, counts: LineCounts, statement: &mut Statement) {
        match self {
            Dataset::Orders { filter, sort } => OrderSelect::push_all(filter, *sort, counts, statement),
            Dataset::Products(filter) => {
                statement.push(products::COLUMNS).push(" from products where true");
                products::push_conditions(filter, statement);
                statement.push(" order by sku");
            }
            Dataset::Customers { tag } => {
                statement.push("select document::text as document from customers where true");
                if let Some(tag) = tag {
                    customers::push_tag(tag, statement);
                }
                statement.push(" order by id desc");
            }
            Dataset::Stock => {
                statement.push(stock::SELECT).push(" order by sku, location");
            }
            Dataset::Report { report, query } => (report.select)(query, statement),
        }
    }
}
