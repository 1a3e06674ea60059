//! `import_s`: the real orders of a file, from the start of the import until everything can be read on the replica.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use testbed::Bed;
use tokio::process::Command;

use super::figures::{Figure, Figures, Target};
use super::stage::{Memory, Stage};
use crate::api::Api;
use crate::fleet::Service;
use crate::fleet::service::find_binary;
use crate::log;

/// The file that the figure is about.
const FILE: &str = "online-retail-2010-12_2011-03.csv.gz";

/// Where it is looked for, from the project's folder and from the program.
const FOLDERS: [&str; 2] = ["../shared/data", "../../../shared/data"];

/// Longest that what was imported may take to be readable.
const PATIENCE: Duration = Duration::from_secs(120);

/// Imports the file into an empty platform.
pub async fn measure(data: Option<&Path>, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let Some(data) = data.map(Path::to_owned).or_else(find) else {
        println!("import_s: not measured, because {FILE} is not there; name it with --data FILE");
        return Ok(());
    };
    let stage = Stage::empty().await?;
    // The report of rejected lines is written beside the file, which may lie where nobody may write.
    let folder = tempfile::tempdir().context("making a folder for the import")?;
    let file = folder.path().join(data.file_name().context("--data names no file")?);
    std::fs::copy(&data, &file).with_context(|| format!("copying {}", data.display()))?;
    let began = Instant::now();
    import(&file, &stage).await?;
    let imported = began.elapsed();
    let (_, events) = stage.caught_up(PATIENCE).await?;
    let code = last_code(&stage.bed).await?;
    Api::of(&stage.fleet)?.query(&format!("/v1/orders/{code}")).await?.success().context("reading the last order")?;
    let took = began.elapsed();
    let orders = stage.orders().await?;
    let note = format!("{orders} orders, {events} events; the import itself {:.1} s", imported.as_secs_f64());
    // Three events make an order of the bench, so that many rows a second go into PostgreSQL alone.
    let alone = figures.value("postgres_insert_orders_per_s").map(|per_second| events as f64 / (3.0 * per_second));
    figures.add(
        Figure::new("import_s", took.as_secs_f64(), "s")
            .target(Target::Below(30.0))
            .limit(alone, "PostgreSQL's own insert of as many rows")
            .note(note),
    );
    stage.strike(memory).await
}

fn find() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let beside = program.parent()?.to_owned();
    let folders = FOLDERS.iter().flat_map(|folder| [PathBuf::from(folder), beside.join(folder)]);
    folders.map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

async fn import(file: &Path, stage: &Stage) -> anyhow::Result<()> {
    let mut command = Command::new(find_binary("importer")?);
    command.arg(file).args(["--url", &stage.fleet.url(Service::Command)?]);
    let output = command.stdin(Stdio::null()).output().await.context("starting the import")?;
    if !output.status.success() {
        bail!("the import ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

async fn last_code(bed: &Bed) -> anyhow::Result<String> {
    const LAST: &str =
        "select payload->>'code' from events where event_type = 'OrderPlaced' order by position desc limit 1";
    let pool = log::connect(&bed.admin_url()?).await?;
    let code: Option<String> =
        sqlx::query_scalar(LAST).fetch_optional(&pool).await.context("finding the last order")?;
    ensure!(code.is_some(), "the import placed no order");
    Ok(code.unwrap_or_default())
}
