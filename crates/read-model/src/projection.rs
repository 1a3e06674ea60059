//! The projections: which read model is folded from which events. Their names stand in `projection_checkpoints`.

use events::Category;

/// A projection: one category of streams, folded into tables of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// [`crate::OrderDocument`]
    Orders,
    /// [`crate::StockDocument`] and its ledger
    Stock,
    /// [`crate::ProductDocument`] and its prices
    Products,
}

/// The generation of tables that is written and read.
pub const GENERATION: i32 = 1;

impl Projection {
    /// Every projection.
    pub const ALL: [Projection; 3] = [Projection::Orders, Projection::Stock, Projection::Products];

    /// Its name in `projection_checkpoints` and `parked_streams`.
    pub fn name(self) -> &'static str {
        match self {
            Projection::Orders => "orders",
            Projection::Stock => "stock",
            Projection::Products => "products",
        }
    }

    /// The streams that it is folded from.
    pub fn category(self) -> Category {
        match self {
            Projection::Orders => Category::Order,
            Projection::Stock => Category::Stock,
            Projection::Products => Category::Product,
        }
    }

    /// The projection of a category; customers have none yet.
    pub fn of(category: Category) -> Option<Projection> {
        Projection::ALL.into_iter().find(|projection| projection.category() == category)
    }
}
