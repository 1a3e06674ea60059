//! Products: the fold of their events, and the price history.

use events::product::*;
use events::{Event, Minor, StreamId, Version};
use read_model::{PriceRow, ProductDocument};

use crate::samples::{instant, recorded};

#[test]
fn the_price_history_of_a_product_has_every_price() {
    let stream: StreamId = "product-A-1".parse().unwrap();
    let gbp = "GBP".parse().unwrap();
    let history = [
        ProductEvent::Created(ProductCreated {
            sku: "A-1".parse().unwrap(),
            name: "thing".into(),
            prices: [(gbp, Minor(100)), ("EUR".parse().unwrap(), Minor(120))].into(),
            tax_class: None,
            attributes: Default::default(),
            tags: Default::default(),
        }),
        ProductEvent::PriceChanged(ProductPriceChanged { currency: gbp, price: Minor(90) }),
        ProductEvent::Discontinued(ProductDiscontinued {}),
    ];
    let mut document = None;
    let mut prices = Vec::new();
    for (version, event) in (1..).zip(&history) {
        let recorded = recorded(&stream, version, &Event::Product(event.clone()));
        ProductDocument::fold(&mut document, &recorded, event).unwrap();
        prices.extend(PriceRow::of(&recorded, event).unwrap());
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Option<ProductDocument>>(&json).unwrap(), document);
    }
    let product = document.unwrap();
    assert_eq!((product.active, product.prices[&gbp], product.version), (false, Minor(90), Version(3)));
    let amounts: Vec<_> = prices.iter().map(|row| row.price.0).collect();
    assert_eq!(amounts, [120, 100, 90]);
    assert_eq!((product.created_at, product.updated_at), (instant(1), instant(3)));
}
