//! A restored log: it has lost its last events, and continues in the next incarnation.

use std::collections::HashMap;

use events::{Category, Position, StreamId, topics};
use sqlx::{Connection, PgConnection};

use super::{PARTITIONS, Platform};

impl Platform {
    /// Removes the events after a position from the log, as a restored backup does not contain them. Kafka keeps them.
    pub(crate) async fn lose_tail(&mut self, position: Position) {
        let mut admin = PgConnection::connect(&self.bed.admin_url().unwrap()).await.unwrap();
        sqlx::raw_sql("set session_replication_role = replica").execute(&mut admin).await.unwrap();
        sqlx::query("delete from events where position > $1").bind(position.0).execute(&mut admin).await.unwrap();
        sqlx::query("update log_head set position = $1").bind(position.0).execute(&mut admin).await.unwrap();
        let remaining: Vec<(String, i32, i64)> =
            sqlx::query_as("select stream_id, max(version), max(position) from events group by 1")
                .fetch_all(&mut self.db)
                .await
                .unwrap();
        (self.position, self.versions, self.previous) = (position.0, HashMap::new(), HashMap::new());
        for (stream, version, position) in remaining {
            let stream: StreamId = stream.parse().unwrap();
            let topic = topics::topic(&self.bed.topic_prefix(), stream.category());
            let partition = (topic, topics::partition_of(stream.as_str(), PARTITIONS));
            let previous = self.previous.entry(partition).or_default();
            *previous = (*previous).max(Position(position));
            self.versions.insert(stream, version);
        }
    }

    /// Does what `command-service raise-incarnation` does: the log continues in the next incarnation, and the relay after the
    /// last event of the log.
    pub(crate) async fn raise_incarnation(&mut self) {
        self.incarnation += 1;
        self.execute(
            "update log_head set incarnation = incarnation + 1;
             update relay_checkpoint set position = least(relay_checkpoint.position, (select position from log_head));",
        )
        .await;
        self.execute("update relay_partitions set position = 0").await;
        for ((topic, partition), position) in self.previous.clone() {
            let category =
                Category::ALL.into_iter().find(|category| topics::topic(&self.bed.topic_prefix(), *category) == topic);
            sqlx::query("update relay_partitions set position = $3 where category = $1 and partition = $2")
                .bind(category.unwrap().as_str())
                .bind(partition)
                .bind(position.0)
                .execute(&mut self.db)
                .await
                .unwrap();
        }
    }
}
