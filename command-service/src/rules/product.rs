//! What may happen to a product.

use std::collections::{BTreeMap, BTreeSet};

use events::product::{ProductCreated, ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductReactivated};
use events::{Currency, Minor, StreamId};

use super::lookup::{self, Reader};
use super::{Decision, NewEvent};
use crate::command::{ChangePrice, CreateProduct, DiscontinueProduct, ReactivateProduct};
use crate::rejection::Rejection;
use crate::world::World;

pub(super) fn create(command: &CreateProduct, world: &World) -> Decision {
    let body = &command.body;
    let stream = StreamId::product(&body.sku);
    let mut reader = Reader::new(world);
    let existing = reader.product(&stream);
    reader.complete()?;
    let prices: BTreeMap<Currency, Minor> = body.prices.iter().map(|(code, price)| (*code, price.minor())).collect();
    match existing {
        None => {
            let created = ProductCreated {
                sku: body.sku.clone(),
                name: body.name.as_str().to_owned(),
                prices,
                tax_class: None,
                attributes: BTreeMap::new(),
                tags: BTreeSet::new(),
            };
            Ok(vec![NewEvent::new(&stream, ProductEvent::Created(created))])
        }
        Some(same) if same.active && same.name == body.name.as_str() && same.prices == prices => Ok(vec![]),
        Some(_) => Err(Rejection::DuplicateSku(body.sku.clone()).into()),
    }
}

/// Of a discontinued product too: a price can be prepared before it is sold again.
pub(super) fn change_price(command: &ChangePrice, world: &World) -> Decision {
    let (stream, product) = lookup::product(world, &command.sku)?;
    let (currency, price) = (command.currency, command.body.price.minor());
    if product.prices.get(&currency) == Some(&price) {
        return Ok(vec![]);
    }
    let changed = ProductPriceChanged { currency, price };
    Ok(vec![NewEvent::new(&stream, ProductEvent::PriceChanged(changed))])
}

pub(super) fn discontinue(command: &DiscontinueProduct, world: &World) -> Decision {
    let (stream, product) = lookup::product(world, &command.sku)?;
    match product.active {
        true => Ok(vec![NewEvent::new(&stream, ProductEvent::Discontinued(ProductDiscontinued {}))]),
        false => Ok(vec![]),
    }
}

pub(super) fn reactivate(command: &ReactivateProduct, world: &World) -> Decision {
    let (stream, product) = lookup::product(world, &command.sku)?;
    match product.active {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, ProductEvent::Reactivated(ProductReactivated {}))]),
    }
}
