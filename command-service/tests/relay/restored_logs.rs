//! Logs that were restored from a backup or lost their end in a failover: what is ahead of them, and how they continue.

use std::collections::HashSet;

use command_service::database::DEFAULT_TIMEOUT;
use command_service::database::Database;
use command_service::relay::{Error, LostEvents};
use command_service::restored_log::{self, Ahead, Finding, ahead};
use command_service::writer::{Limits, Writer};
use events::{Category, Incarnation, LogPosition, Position};
use sqlx::{Connection, PgConnection};

use crate::fixture::{Fixture, last_positions, streams};

async fn find(fixture: &Fixture) -> anyhow::Result<Ahead> {
    Ok(ahead::find(&fixture.config, &fixture.database).await?)
}

async fn raise(fixture: &Fixture, ahead: &Ahead) -> Result<(Incarnation, Position), restored_log::Error> {
    restored_log::raise_incarnation(&fixture.config, fixture.database.clone(), ahead).await
}

/// Appends events, which a relay publishes; the relay stops then.
async fn publish(fixture: &mut Fixture, count: usize) -> anyhow::Result<()> {
    let written = fixture.append(&streams(count)).await?;
    let mut relay = fixture.relay("a");
    relay.until(written[count - 1].position).await?;
    relay.relay.stop().await;
    Ok(())
}

async fn starts(fixture: &Fixture) -> anyhow::Result<()> {
    let health = platform::health::Health::new().component("log");
    Writer::start(fixture.log.clone(), Limits::default(), None, health).await?;
    Ok(())
}

#[tokio::test]
async fn a_restored_log_that_has_lost_nothing_needs_no_operator() -> anyhow::Result<()> {
    let mut original = Fixture::new().await?;
    publish(&mut original, 40).await?;
    let mut restored = original.restored().await?;
    starts(&restored).await?;
    publish(&mut restored, 20).await?;

    let found = find(&restored).await?;
    assert!(found.findings.is_empty(), "{found}");
    let head = LogPosition { incarnation: Incarnation(1), position: Position(60) };
    assert_eq!(restored.log.head().await?, head);
    assert_eq!(restored.published()?.values().map(Vec::len).sum::<usize>(), 60, "each event once");
    Ok(())
}

#[tokio::test]
async fn a_log_that_lost_published_events_continues_in_the_next_incarnation() -> anyhow::Result<()> {
    let mut original = Fixture::new().await?;
    publish(&mut original, 40).await?;
    let mut restored = original.restored().await?;
    publish(&mut original, 30).await?;
    let error = restored.relay("b").first_error().await?;
    assert!(matches!(error, Error::LostEvents(LostEvents::BehindKafka(_))), "{error}");
    assert!(error.to_string().contains("command-service raise-incarnation"), "{error}");

    let found = find(&restored).await?;
    let last = last_positions(&original.config, &original.published()?);
    let expected: HashSet<(String, i32, i64)> = last
        .into_iter()
        .filter(|(_, position)| *position > 40)
        .map(|((category, partition), position)| {
            let category = Category::ALL.into_iter().find(|it| it.as_str() == category).expect("a category");
            (original.topic(category), partition, position)
        })
        .collect();
    let named: HashSet<(String, i32, i64)> = found
        .findings
        .iter()
        .map(|finding| match finding {
            Finding::Kafka { topic, partition, last } => (topic.clone(), *partition, last.position.0),
            other => panic!("only Kafka is ahead, and not {other}"),
        })
        .collect();
    assert_eq!(named, expected);

    assert_eq!(raise(&restored, &found).await?, (Incarnation(2), Position(40)));
    starts(&restored).await?;
    publish(&mut restored, 50).await?;
    let found = find(&restored).await?;
    assert!(found.findings.is_empty(), "the loss was accepted: {found}");
    Ok(())
}

#[tokio::test]
async fn the_relay_checkpoint_is_set_back_to_the_last_event_of_the_log() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    publish(&mut fixture, 40).await?;
    let before_loss = fixture.published()?;
    let mut projector = PgConnection::connect(&fixture.bed.projector_url()?).await?;
    sqlx::query(
        "with generation as (
             insert into projection_generations (projection, generation, version, state) values ('orders', 1, 1, 'live')
         )
         insert into projection_checkpoints
             (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
         values ('orders', 1, 'order', 0, 1, 1, 29, now()), ('orders', 1, 'order', 1, 1, 1, 38, now())",
    )
    .execute(&mut projector)
    .await?;
    fixture.lose_tail(30).await?;

    let found = find(&fixture).await?;
    let at = |position| LogPosition { incarnation: Incarnation(1), position: Position(position) };
    assert_eq!(found.findings[0], Finding::Relay(at(40)));
    let projection = Finding::Projection {
        name: "orders".into(),
        generation: 1,
        category: "order".into(),
        partition: 1,
        last: at(38),
    };
    assert_eq!(
        found.findings.iter().filter(|it| matches!(it, Finding::Projection { .. })).collect::<Vec<_>>(),
        [&projection]
    );
    assert_eq!(found.remaining_work()[0], "run `projector repair`: lost events are in orders");
    assert!(starts(&fixture).await.unwrap_err().to_string().contains("command-service raise-incarnation"));

    assert_eq!(raise(&fixture, &found).await?, (Incarnation(2), Position(30)));
    assert_eq!(fixture.checkpoint().await?, 30);
    let kept = before_loss.into_iter().map(|(partition, mut messages)| {
        messages.retain(|message| message.event.position <= Position(30));
        (partition, messages)
    });
    assert_eq!(fixture.partitions().await?, last_positions(&fixture.config, &kept.collect()));
    starts(&fixture).await?;
    publish(&mut fixture, 20).await?;
    assert_eq!(fixture.checkpoint().await?, 50);
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_restored_to_an_earlier_incarnation_continues_above_the_lost_one() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    publish(&mut fixture, 10).await?;
    let mut projector = PgConnection::connect(&fixture.bed.projector_url()?).await?;
    sqlx::query(
        "with generation as (
             insert into projection_generations (projection, generation, version, state) values ('orders', 1, 1, 'live')
         )
         insert into projection_checkpoints
             (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
         values ('orders', 1, 'order', 0, 1, 3, 7, now())",
    )
    .execute(&mut projector)
    .await?;

    let found = find(&fixture).await?;
    let last = LogPosition { incarnation: Incarnation(3), position: Position(7) };
    assert!(matches!(&found.findings[..], [Finding::Projection { last: it, .. }] if *it == last), "{found}");
    assert_eq!(raise(&fixture, &found).await?, (Incarnation(4), Position(10)));
    assert_eq!(fixture.log.head().await?.incarnation, Incarnation(4));
    Ok(())
}

#[tokio::test]
async fn the_incarnation_is_not_raised_while_a_writer_is_connected() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    publish(&mut fixture, 10).await?;
    fixture.lose_tail(5).await?;
    let found = find(&fixture).await?;
    let options: sqlx::postgres::PgConnectOptions = fixture.bed.writer_url()?.parse()?;
    let writer = Database::new(options.application_name(restored_log::writers::APPLICATION_NAME), 1, DEFAULT_TIMEOUT);
    let connection = writer.acquire().await?;
    let refused = raise(&fixture, &found).await;
    assert!(matches!(refused, Err(restored_log::Error::WriterActive(_))), "{refused:?}");
    drop(connection);
    assert_eq!(raise(&fixture, &found).await?.0, Incarnation(2));
    Ok(())
}

#[tokio::test]
async fn the_incarnation_is_not_raised_if_the_log_changed_since_it_was_examined() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    publish(&mut fixture, 10).await?;
    fixture.lose_tail(5).await?;
    let found = find(&fixture).await?;
    fixture.versions.clear();
    let other = "product-other".parse()?;
    fixture.append(&[other]).await?;
    let refused = raise(&fixture, &found).await;
    assert!(matches!(refused, Err(restored_log::Error::Changed)), "{refused:?}");
    assert_eq!((fixture.log.head().await?.incarnation, fixture.checkpoint().await?), (Incarnation(1), 10));
    Ok(())
}
