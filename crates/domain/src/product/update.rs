//! Update a product with a JSON merge patch (RFC 7396).

use std::collections::BTreeMap;

use events::Sku;
use events::product::{ProductEvent, ProductUpdated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::product::state::Product;
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::value::attributes::{AttributesPatch, MAX_ATTRIBUTES};
use crate::value::label::TaxClass;
use crate::value::patch;
use crate::value::patch::Member;
use crate::value::tags::Tags;
use crate::value::text::Name;

/// Changes to a product, as a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    /// Name of the product.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::replaced")]
    pub name: Option<Name>,
    /// Tax class of the product, as the tax engine names it.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tax_class: Member<TaxClass>,
    /// Attributes to change; other attributes stay.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub attributes: Member<AttributesPatch>,
    /// Tags of the product; replaces all tags.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tags: Member<Tags>,
}

/// Accepted for a discontinued product too, so that the product can be updated before it is sold again.
pub(crate) fn update(sku: &Sku, body: &UpdateProduct, reader: &Reader<'_>) -> Decision {
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
