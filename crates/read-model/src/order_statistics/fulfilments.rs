//! What an event changes in the sums of fulfilments, at the instant of the event.

use chrono::{DateTime, TimeDelta, Utc};
use events::order::OrderEvent;
use events::{ChannelCode, Location};
use serde::Serialize;

use crate::fulfilment::FulfilmentRow;

/// A change of the sums of fulfilments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentChange {
    /// Instant at which the event occurred.
    pub instant: DateTime<Utc>,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Location of the fulfilment.
    pub location: Location,
    /// Change of the sums.
    pub measures: FulfilmentMeasures,
}

/// Sums of fulfilments. A mean duration is a sum of seconds divided by the number of shipped or delivered fulfilments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FulfilmentMeasures {
    /// Created fulfilments.
    pub created: i64,
    /// Shipped fulfilments.
    pub shipped: i64,
    /// Delivered fulfilments.
    pub delivered: i64,
    /// Cancelled fulfilments.
    pub cancelled: i64,
    /// Units of created fulfilments.
    pub units_created: i64,
    /// Units of shipped fulfilments.
    pub units_shipped: i64,
    /// Units of delivered fulfilments.
    pub units_delivered: i64,
    /// Units of cancelled fulfilments.
    pub units_cancelled: i64,
    /// Seconds from the placement of the order to shipment, of shipped fulfilments.
    pub seconds_order_to_shipment: i64,
    /// Seconds from creation to shipment, of shipped fulfilments.
    pub seconds_packing: i64,
    /// Seconds from shipment to delivery, of delivered fulfilments.
    pub seconds_in_transit: i64,
}

impl FulfilmentChange {
    /// The change that an event makes; `row` is the fulfilment after the event. `None` for events that concern no
    /// fulfilment.
    pub(super) fn of(event: &OrderEvent, row: &FulfilmentRow, now: DateTime<Utc>) -> Option<FulfilmentChange> {
        let none = FulfilmentMeasures::default();
        let measures = match event {
            OrderEvent::FulfilmentCreated(_) => FulfilmentMeasures { created: 1, units_created: row.units, ..none },
            OrderEvent::FulfilmentShipped(_) => FulfilmentMeasures {
                shipped: 1,
                units_shipped: row.units,
                seconds_order_to_shipment: seconds(now - row.placed_at),
                seconds_packing: seconds(now - row.packed_at),
                ..none
            },
            OrderEvent::FulfilmentDelivered(_) => FulfilmentMeasures {
                delivered: 1,
                units_delivered: row.units,
                seconds_in_transit: row.shipped_at.map_or(0, |shipped_at| seconds(now - shipped_at)),
                ..none
            },
            OrderEvent::FulfilmentCancelled(_) => {
                FulfilmentMeasures { cancelled: 1, units_cancelled: row.units, ..none }
            }
            _ => return None,
        };
        Some(FulfilmentChange { instant: now, channel: row.channel.clone(), location: row.location.clone(), measures })
    }
}

/// A duration in whole seconds. The clocks of two writers may differ, so that a later event has an earlier instant.
fn seconds(duration: TimeDelta) -> i64 {
    duration.num_seconds().max(0)
}

impl FulfilmentMeasures {
    /// The sums of both.
    #[must_use]
    pub fn plus(self, other: FulfilmentMeasures) -> FulfilmentMeasures {
        FulfilmentMeasures {
            created: self.created + other.created,
            shipped: self.shipped + other.shipped,
            delivered: self.delivered + other.delivered,
            cancelled: self.cancelled + other.cancelled,
            units_created: self.units_created + other.units_created,
            units_shipped: self.units_shipped + other.units_shipped,
            units_delivered: self.units_delivered + other.units_delivered,
            units_cancelled: self.units_cancelled + other.units_cancelled,
            seconds_order_to_shipment: self.seconds_order_to_shipment + other.seconds_order_to_shipment,
            seconds_packing: self.seconds_packing + other.seconds_packing,
            seconds_in_transit: self.seconds_in_transit + other.seconds_in_transit,
        }
    }
}
