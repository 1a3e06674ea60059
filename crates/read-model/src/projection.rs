//! The projections, and their generations. Tables `projection_generations`, `projection_checkpoints` and `parked_streams`
//! contain the names of projections and the numbers of generations.

use events::Category;

/// A projection folds the streams of one category into its own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Projection {
    name: &'static str,
    category: Category,
}

/// A generation of a projection: one complete set of its tables. A rebuild creates the next generation beside the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    /// The projection.
    pub projection: Projection,
    /// Number of the generation, starting at 1.
    pub number: i32,
}

impl Projection {
    /// [`crate::OrderDocument`]
    pub const ORDERS: Projection = Projection::new("orders", Category::Order);
    /// [`crate::StockDocument`] and its ledger
    pub const STOCK: Projection = Projection::new("stock", Category::Stock);
    /// [`crate::ProductDocument`] and its prices
    pub const PRODUCTS: Projection = Projection::new("products", Category::Product);

    /// [`crate::CustomerDocument`]
    pub const CUSTOMERS: Projection = Projection::new("customers", Category::Customer);
    /// [`crate::StockHoldDocument`]
    pub const STOCK_HOLDS: Projection = Projection::new("stock_holds", Category::StockHold);
    /// [`crate::ReservationChange`], added up
    pub const STOCK_RESERVATIONS: Projection = Projection::new("stock_reservations", Category::Stock);
    /// [`crate::TimelineEntry`]
    pub const ORDER_TIMELINE: Projection = Projection::new("order_timeline", Category::Order);
    /// [`crate::FulfilmentRow`]
    pub const FULFILMENTS: Projection = Projection::new("fulfilments", Category::Order);
    /// [`crate::ReturnRow`]
    pub const ORDER_RETURNS: Projection = Projection::new("order_returns", Category::Order);
    /// [`crate::SalesChange`], added up
    pub const SALES: Projection = Projection::new("sales", Category::Order);
    /// [`crate::StatisticsChange`], added up
    pub const ORDER_STATISTICS: Projection = Projection::new("order_statistics", Category::Order);
    /// [`crate::StockMovement`], added up
    pub const STOCK_MOVEMENTS: Projection = Projection::new("stock_movements", Category::Stock);

    /// The projections of the platform.
    pub const ALL: [Projection; 12] = [
        Projection::ORDERS,
        Projection::STOCK,
        Projection::PRODUCTS,
        Projection::CUSTOMERS,
        Projection::STOCK_HOLDS,
        Projection::STOCK_RESERVATIONS,
        Projection::ORDER_TIMELINE,
        Projection::FULFILMENTS,
        Projection::ORDER_RETURNS,
        Projection::SALES,
        Projection::ORDER_STATISTICS,
        Projection::STOCK_MOVEMENTS,
    ];

    /// A projection. The name consists of lower case letters and `_`, because schemas of the database contain it.
    pub const fn new(name: &'static str, category: Category) -> Projection {
        Projection { name, category }
    }

    /// Name of the projection.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The category of streams that the projection folds.
    pub fn category(self) -> Category {
        self.category
    }

    /// The projection with this name.
    pub fn find(name: &str) -> Option<Projection> {
        Projection::ALL.into_iter().find(|projection| projection.name == name)
    }

    /// The projections that fold the streams of a category.
    pub fn list_of(category: Category) -> impl Iterator<Item = Projection> {
        Projection::ALL.into_iter().filter(move |projection| projection.category == category)
    }
}

impl Generation {
    /// The first generation of a projection.
    pub const fn first(projection: Projection) -> Generation {
        Generation { projection, number: 1 }
    }

    /// Schema of the database that contains the tables of this generation. Views in schema `public` show the live generation.
    pub fn schema(self) -> String {
        format!("{}_{}", self.projection.name, self.number)
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} generation {}", self.projection.name, self.number)
    }
}
