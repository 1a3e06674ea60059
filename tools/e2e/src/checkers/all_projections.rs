//! `all-projections`: the tables of the live generation of every projection equal a fold of the log up to the checkpoints, in every
//! row and column, and have no other rows. The comparison is that of `projector verify`: it is exact while events are appended.

use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use platform::config::Secret;
use projector::frame::ReadModel;
use projector::projections::{WithReadModel, with_read_model};
use projector::rebuild::progress::Progress;
use projector::scan::plan::EVENTS_PER_SEGMENT;
use projector::verify::report::AbsentState;
use projector::verify::{self, Options, Report};
use read_model::{Generation, Projection};

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::{log, read_models};

/// Parts of the log that are read at the same time.
const READERS: usize = 2;

/// Compares one projection after the other.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let live = read_models::live_generations(&pool).await?;
    let mut findings = Findings::default();
    for projection in Projection::ALL {
        let Some(number) = live.get(projection.name()) else {
            findings.add(format!("{} has no live generation", projection.name()));
            continue;
        };
        let generation = Generation { projection, number: *number };
        let compare = Compare { generation, database_url: Secret::new(&*subject.database_url) };
        let compared = with_read_model(projection, compare).context("every projection has a read model")?;
        add(&mut findings, &compared.await.with_context(|| format!("comparing {generation}"))?);
    }
    Ok(findings)
}

fn add(findings: &mut Findings, report: &Report) {
    let Report {
        projection,
        generation,
        position,
        tables,
        absent_months,
        events_skipped,
        differences_total,
        differences,
    } = report;
    let rows: u64 = tables.iter().map(|table| table.expected).sum();
    findings.checked += rows;
    let skipped = match events_skipped {
        0 => String::new(),
        events => format!(" without {events} skipped events"),
    };
    findings.report(format!("rows of {projection} generation {generation} at position {position}{skipped}"), rows);
    for difference in differences {
        findings.add(format!("{projection} generation {generation}: {difference}"));
    }
    findings.count += differences_total - differences.len() as u64;
    for month in absent_months {
        match month.state {
            AbsentState::Archived { is_equal: true, .. } => {}
            // Its rows are in `differences_total` already.
            AbsentState::Archived { is_equal: false, .. } => findings.describe(format!("{projection}: {month}")),
            AbsentState::Detached => findings.add(format!("{projection}: {month}")),
        }
    }
}

/// Compares a generation with the log.
struct Compare {
    generation: Generation,
    database_url: Secret,
}

impl WithReadModel for Compare {
    type Output = Pin<Box<dyn Future<Output = anyhow::Result<Report>> + Send>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        let Compare { generation, database_url } = self;
        let source_url = database_url.clone();
        let options = Options { database_url, source_url, readers: READERS, segment_events: EVENTS_PER_SEGMENT };
        Box::pin(async move { Ok(verify::compare::<M>(generation, &options, &Arc::new(Progress::default())).await?) })
    }
}
