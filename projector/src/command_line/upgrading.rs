//! The command `upgrade`.

use std::sync::Arc;

use anyhow::bail;
use platform::output::print_line;

use super::output::shown;
use crate::operate::{Done, Operation, operate};
use crate::rebuild::progress::Progress;
use crate::{rebuild, upgrade};

/// Upgrades all projections whose live generation has an older version than this build.
pub(super) async fn upgrade(dry_run: bool, options: rebuild::Options) -> anyhow::Result<()> {
    let found = upgrade::list(&options.database_url).await?;
    if let Some(newer) = found.iter().find(|it| !it.is_older()) {
        let upgrade::OtherVersion { live, version, build } = newer;
        bail!("{live}, which is live, has version {version}, and this build has version {build}: use the newer build");
    }
    if found.is_empty() {
        print_line(format_args!("every live generation has the version of this build"));
    }
    for upgrade::OtherVersion { live, version, build } in found {
        let name = live.projection.name();
        if dry_run {
            print_line(format_args!("would replace {live}, which has version {version}, by one with version {build}"));
            continue;
        }
        print_line(format_args!("replacing {live}, which has version {version}, by one with version {build}"));
        let progress = Arc::new(Progress::default());
        let upgrading = operate(name, Operation::Upgrade(options.clone(), Arc::clone(&progress)));
        if let Done::Upgraded(now) = shown(name, &progress, upgrading).await? {
            print_line(format_args!("{now} is live; `projector retire {name} {}` removes the former one", live.number));
        }
    }
    Ok(())
}
