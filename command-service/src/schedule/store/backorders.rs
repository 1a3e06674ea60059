//! Orders with backordered units of a stock item.

use events::{OrderId, Position, StreamId};
use uuid::Uuid;

use super::Store;
use super::error::Error;
use crate::database::during;

/// An order with backordered units of a stock item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackorderedOrder {
    pub order_id: OrderId,
    /// Position of the event since which the units are backordered.
    pub position: Position,
}

impl Store {
    /// At most `limit` orders with backordered units of a stock item, backordered after position `after`, oldest first.
    pub async fn list_backordered(
        &self,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<BackorderedOrder>, Error> {
        const LIST_BACKORDERED: &str = "
            select order_id, position from waiting_orders where stream_id = $1 and position > $2 order by position limit $3";
        let rows = sqlx::query_as::<_, (Uuid, i64)>(LIST_BACKORDERED)
            .bind(stream.as_str())
            .bind(after.0)
            .bind(limit as i64)
            .fetch_all(&self.database)
            .await
            .map_err(during("listing backordered orders"))?;
        rows.into_iter()
            .map(|(order_id, position)| {
                let order_id = OrderId::try_from(order_id).map_err(|_| Error::Row(order_id.to_string()))?;
                Ok(BackorderedOrder { order_id, position: Position(position) })
            })
            .collect()
    }
}
