//! The order numbers as of a position, so that a start reads the end of the log and not all of it. Can be thrown away.

use std::collections::BTreeMap;

use events::Position;
use sqlx::types::Json;

use super::{Error, Log};

const ORDER_NUMBERS: &str = "order-numbers";

impl Log {
    /// The last number of each order prefix as of a position; nothing at position 0 where there is no snapshot.
    pub async fn load_numbers(&self) -> Result<(Position, BTreeMap<String, u64>), Error> {
        let found = sqlx::query_as::<_, (i64, Json<BTreeMap<String, u64>>)>(
            "select position, state from snapshots where name = $1",
        )
        .bind(ORDER_NUMBERS)
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::database("loading the order numbers"))?;
        Ok(found.map_or_else(Default::default, |(position, Json(numbers))| (Position(position), numbers)))
    }

    /// Keeps the order numbers as of a position, unless newer ones are kept.
    pub async fn save_numbers(&self, position: Position, numbers: &BTreeMap<String, u64>) -> Result<(), Error> {
        const SAVE: &str = "
            insert into snapshots (name, position, state) values ($1, $2, $3)
            on conflict (name) do update set position = excluded.position, state = excluded.state
            where snapshots.position < excluded.position";
        sqlx::query(SAVE)
            .bind(ORDER_NUMBERS)
            .bind(position.0)
            .bind(Json(numbers))
            .execute(&self.pool)
            .await
            .map_err(Error::database("saving the order numbers"))?;
        Ok(())
    }
}
