//! The projections: the read models and the categories of streams that they are folded from. Table
//! `projection_checkpoints` contains their names.

use events::Category;

/// A projection folds the streams of one category into its own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// [`crate::OrderDocument`]
    Orders,
    /// [`crate::StockDocument`] and its ledger
    Stock,
    /// [`crate::ProductDocument`] and its prices
    Products,
}

/// The generation of tables that the projector writes and the query-service reads.
pub const GENERATION: i32 = 1;

impl Projection {
    /// All projections.
    pub const ALL: [Projection; 3] = [Projection::Orders, Projection::Stock, Projection::Products];

    /// Name of the projection in `projection_checkpoints` and `parked_streams`.
    pub fn name(self) -> &'static str {
        match self {
            Projection::Orders => "orders",
            Projection::Stock => "stock",
            Projection::Products => "products",
        }
    }

    /// The category of streams that the projection folds.
    pub fn category(self) -> Category {
        match self {
            Projection::Orders => Category::Order,
            Projection::Stock => Category::Stock,
            Projection::Products => Category::Product,
        }
    }

    /// The projection of a category; there is none for customers.
    pub fn of(category: Category) -> Option<Projection> {
        Projection::ALL.into_iter().find(|projection| projection.category() == category)
    }
}
