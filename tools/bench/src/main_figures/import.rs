//! `import_s`: the time from the start of an import of a file until the replica shows all imported orders.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use testbed::Bed;
use tokio::process::Command;

use crate::figures::{Figure, Figures, Target};
use crate::peak_memory::PeakMemory;
use crate::setup::Setup;
use e2e::api::Api;
use e2e::fleet::Service;
use e2e::fleet::service::find_binary;
use e2e::log;

/// The file that is imported.
const FILE: &str = "online-retail-2010-12_2011-03.csv.gz";

/// Folders where the file is searched for, relative to the current folder and to the folder of the program.
const FOLDERS: [&str; 2] = ["../shared/data", "../../../shared/data"];

/// Time limit until all imported orders are readable.
const READABLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Imports the file into an empty platform.
pub(super) async fn measure(data: Option<&Path>, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let Some(data) = data.map(Path::to_owned).or_else(find) else {
        println!("import_s: not measured, because {FILE} was not found; set its path with --data FILE");
        return Ok(());
    };
    let setup = Setup::empty().await?;
    // The report of rejected lines is written next to the file, whose folder may be read-only.
    let folder = tempfile::tempdir().context("creating a folder for the import")?;
    let file = folder.path().join(data.file_name().context("the path of --data has no file name")?);
    std::fs::copy(&data, &file).with_context(|| format!("copying {}", data.display()))?;
    let began = Instant::now();
    import(&file, &setup).await?;
    let imported = began.elapsed();
    let (_, events) = setup.wait_until_caught_up(READABLE_TIMEOUT).await?;
    let code = last_code(&setup.bed).await?;
    Api::of(&setup.fleet)?.query(&format!("/v1/orders/{code}")).await?.success().context("reading the last order")?;
    let took = began.elapsed();
    let orders = setup.orders().await?;
    let note = format!("{orders} orders, {events} events; the importer took {:.1} s", imported.as_secs_f64());
    // An order of the measured insert has three events, so PostgreSQL inserts three times as many rows per second.
    let alone = figures.value("postgres_insert_orders_per_s").map(|per_second| events as f64 / (3.0 * per_second));
    figures.add(
        Figure::new("import_s", took.as_secs_f64(), "s")
            .target(Target::Below(30.0))
            .limit(alone, "PostgreSQL's own insert of as many rows")
            .note(note),
    );
    setup.tear_down(memory).await
}

fn find() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let beside = program.parent()?.to_owned();
    let folders = FOLDERS.iter().flat_map(|folder| [PathBuf::from(folder), beside.join(folder)]);
    folders.map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

async fn import(file: &Path, setup: &Setup) -> anyhow::Result<()> {
    let mut command = Command::new(find_binary("importer")?);
    command.arg(file).args(["--url", &setup.fleet.url(Service::Command)?]);
    let output = command.stdin(Stdio::null()).output().await.context("starting the importer")?;
    if !output.status.success() {
        bail!("the importer failed with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
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
