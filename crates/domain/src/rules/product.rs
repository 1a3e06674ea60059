//! What may happen to a product.

use std::collections::BTreeMap;

use events::product::{
    ProductCreated, ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductReactivated, ProductUpdated,
};
use events::{Currency, Sku, StreamId};

use super::reader::Reader;
use super::{Decision, NewEvent};
use crate::command::{ChangePrice, CreateProduct, UpdateProduct};
use crate::rejection::Rejection;
use crate::state::Product;
use crate::value::attributes::{Attributes, AttributesPatch, MAX_ATTRIBUTES};
use crate::value::patch::Member;
use crate::value::tags::Tags;

pub(super) fn create(body: &CreateProduct, reader: &Reader<'_>) -> Decision {
    let stream = StreamId::product(&body.sku);
    let existing = reader.find_product(&body.sku);
    let created = ProductCreated {
        sku: body.sku.clone(),
        name: body.name.as_str().to_owned(),
        prices: body.prices.iter().map(|(code, price)| (*code, price.minor())).collect(),
        tax_class: body.tax_class.as_ref().map(|class| class.as_str().to_owned()),
        attributes: body.attributes.as_ref().map(Attributes::to_map).unwrap_or_default(),
        tags: body.tags.as_ref().map(Tags::to_event).unwrap_or_default(),
    };
    match existing {
        None => Ok(vec![NewEvent::new(&stream, ProductEvent::Created(created))]),
        Some(existing) if is_same(existing, &created) => Ok(vec![]),
        Some(_) => Err(Rejection::DuplicateSku(body.sku.clone())),
    }
}

fn is_same(existing: &Product, created: &ProductCreated) -> bool {
    existing.active
        && existing.name == created.name
        && existing.prices == created.prices
        && existing.tax_class == created.tax_class
        && existing.attributes == created.attributes
        && existing.tags == created.tags
}

/// Of a discontinued product too: it can be described anew before it is sold again.
pub(super) fn update(sku: &Sku, body: &UpdateProduct, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    let updated = ProductUpdated {
        name: body.name.as_ref().map_or(&*product.name, |name| name.as_str()).to_owned(),
        tax_class: body.tax_class.apply(product.tax_class.clone(), |class| class.as_str().to_owned()),
        attributes: attributes(&body.attributes, product)?,
        tags: body.tags.apply(Some(product.tags.clone()), Tags::to_event).unwrap_or_default(),
    };
    match describes(&updated, product) {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, ProductEvent::Updated(updated))]),
    }
}

fn attributes(patch: &Member<AttributesPatch>, product: &Product) -> Result<BTreeMap<String, String>, Rejection> {
    let before = product.attributes.clone();
    let after = match patch {
        Member::Kept => before,
        Member::Removed => BTreeMap::new(),
        Member::Set(patch) => patch.apply(before),
    };
    match after.len() {
        found if found > MAX_ATTRIBUTES => Err(Rejection::TooManyAttributes { found, limit: MAX_ATTRIBUTES }),
        _ => Ok(after),
    }
}

fn describes(updated: &ProductUpdated, product: &Product) -> bool {
    let ProductUpdated { name, tax_class, attributes, tags } = updated;
    (name, tax_class, attributes, tags) == (&product.name, &product.tax_class, &product.attributes, &product.tags)
}

/// Of a discontinued product too: a price can be prepared before it is sold again.
pub(super) fn change_price(sku: &Sku, currency: Currency, body: &ChangePrice, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    let price = body.price.minor();
    if product.prices.get(&currency) == Some(&price) {
        return Ok(vec![]);
    }
    let changed = ProductPriceChanged { currency, price };
    Ok(vec![NewEvent::new(&stream, ProductEvent::PriceChanged(changed))])
}

pub(super) fn discontinue(sku: &Sku, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    match product.active {
        true => Ok(vec![NewEvent::new(&stream, ProductEvent::Discontinued(ProductDiscontinued {}))]),
        false => Ok(vec![]),
    }
}

pub(super) fn reactivate(sku: &Sku, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    match product.active {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, ProductEvent::Reactivated(ProductReactivated {}))]),
    }
}
