//! What an administrator does after a successful upgrade, as commands to copy.

use crate::catalogue::v2::status::SourceStatus;
use crate::config::location::{self, FOLDER};
use crate::daemon::installed::{INSTALL, PG_CHAMELEON};
use crate::plan::PlannedSource;
use crate::report::console::Console;
use crate::shell::{self, word};
use crate::upgrade::Agreed;
use std::path::Path;

/// Tells what to do next. `named`: the configuration, as the command line names it.
pub(super) fn tell(console: &Console, agreed: &Agreed<'_>, named: &str, home: &Path) {
    let config = begin(console, "", &agreed.configuration.path, home);
    console.command(&format!("chameleon show_status --config {config}"));
    for source in &agreed.plan.sources {
        let verb = if source.batch_start.is_some() { "start_replica" } else { "init_replica" };
        console.command(&format!("chameleon {verb} --config {config} --source {}", word(&source.name)));
    }
    copies(console, &agreed.plan.sources, &config);
    console.step(
        "Never start 1.8.2 on this database again, unless the upgrade was rolled back. A source is shown as not consistent until its replica has read past the \
         consistent point, and until then it should not be stopped: on a MySQL server on which nothing happens that is when \
         something is changed in one of its schemas.",
    );
    console.command(&shell::command("watch", named, "--until consistent"));
    console.step(
        "Then compare the tables with MySQL, row by row: what 1.8.2 had lost before, the upgrade can't know.",
    );
    console.command(&shell::command("verify", named, ""));
    console.step(
        "As long as the 1.7 catalogue is kept, the upgrade can be undone, however long 2.0 has run: 1.8.2 then goes on where 2.0 \
         stopped.",
    );
    console.command(&shell::command("rollback", named, "--dry-run"));
    console.step("When all is well, it can go:");
    console.command(&shell::command("cleanup", named, "--drop"));
}

/// Tells what to do after a maintenance upgrade.
pub(super) fn after_maintenance(console: &Console, sources: &[SourceStatus], path: &Path, named: &str) {
    let config = begin(console, ", and no earlier one", path, &location::home());
    for source in sources {
        console
            .command(&format!("chameleon start_replica --config {config} --source {}", word(&source.name)));
    }
    console.command(&shell::command("watch", named, "--until consistent"));
    console.step("When all is well, the catalogue of before can go:");
    console.command(&shell::command("cleanup", named, "--schema version2 --drop"));
}

/// How all of it begins. `others`: what is said of other versions. The configuration, as pg_chameleon names it.
fn begin(console: &Console, others: &str, path: &Path, home: &Path) -> String {
    console.heading("What to do next");
    console.step(&format!("With pg_chameleon {PG_CHAMELEON}, whose catalogue this is{others}:"));
    console.command(INSTALL);
    configuration(console, path, home)
}

/// The name that pg_chameleon has for the configuration; where it has none, it must be given one.
fn configuration(console: &Console, path: &Path, home: &Path) -> String {
    if let Some(name) = location::name_for_pg_chameleon(path, home) {
        return word(&name);
    }
    let stem = location::stem(path);
    let taken = |name: &str| home.join(FOLDER).join(format!("{name}.yml")).exists();
    let mut name = stem.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{stem}_{number}");
        number += 1;
    }
    console.step(
        "pg_chameleon takes a configuration by its name, from a file of one folder. So copy this one there first:",
    );
    let copy = Path::new("~").join(FOLDER).join(format!("{name}.yml"));
    // The shell knows a tilde outside of quotes only.
    let copy = copy.display().to_string();
    let (tilde, rest) = copy.split_at(2);
    console.command(&format!("cp {} {tilde}{}", word(&path.display().to_string()), word(rest)));
    word(&name)
}

/// Sources that were never initialised, among others that were: their schemas are copied one by one.
fn copies(console: &Console, sources: &[PlannedSource], config: &str) {
    for source in sources.iter().filter(|source| source.batch_start.is_some()) {
        for part in source.parts.iter().filter(|part| part.start.is_none()) {
            console.step(&format!(
                "{} was never initialised. To copy the tables of {}, once the replica above is consistent:",
                part.name, part.pair.source_schema
            ));
            console.command(&format!(
                "chameleon refresh_schema --config {config} --source {} --schema {}",
                word(&source.name),
                word(&part.pair.source_schema)
            ));
        }
    }
}
