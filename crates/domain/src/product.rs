//! Commands to a product, each in its own file with its body and its decision. The state of a product is in [`state`].

pub mod change_price;
pub mod create;
pub mod discontinue;
pub mod reactivate;
pub mod state;
pub mod update;

use events::{Currency, Sku};
use serde::Serialize;

use crate::command::name_and_instant::NameAndInstant;
use crate::decision::Decision;
use crate::product::change_price::ChangePrice;
use crate::product::discontinue::DiscontinueProduct;
use crate::product::reactivate::ReactivateProduct;
use crate::product::update::UpdateProduct;
use crate::reader::Reader;

/// A command to a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ProductCommand {
    UpdateProduct { body: UpdateProduct },
    ChangePrice { currency: Currency, body: ChangePrice },
    DiscontinueProduct { body: DiscontinueProduct },
    ReactivateProduct { body: ReactivateProduct },
}

impl ProductCommand {
    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::UpdateProduct { .. } => ("update_product", None),
            Self::ChangePrice { body, .. } => ("change_price", body.occurred_at),
            Self::DiscontinueProduct { body } => ("discontinue_product", body.occurred_at),
            Self::ReactivateProduct { body } => ("reactivate_product", body.occurred_at),
        }
    }
}

/// Decides a command of this group.
pub(crate) fn decide(sku: &Sku, command: &ProductCommand, reader: &Reader<'_>) -> Decision {
    match command {
        ProductCommand::UpdateProduct { body } => update::update(sku, body, reader),
        ProductCommand::ChangePrice { currency, body } => change_price::change_price(sku, *currency, body, reader),
        ProductCommand::DiscontinueProduct { .. } => discontinue::discontinue(sku, reader),
        ProductCommand::ReactivateProduct { .. } => reactivate::reactivate(sku, reader),
    }
}

#[cfg(test)]
mod tests;
