//! The users' guide (docs/guide) is true: its pages are played in their order, as one day from the old files to the last clean-up, on a
//! real MariaDB, by the real pg_chameleon 1.8.2 and 2.0.21, and each command shows what its page says.
//! `CHAMELEON_WRITE_DOCS=1` writes the pages anew. Every finding has a page, and every exit code. §guide

#![allow(clippy::expect_used, reason = "a test may end there")]

#[allow(dead_code, reason = "the guide is no folder of scenarios")]
mod cases;

use chameleon_harness::guide::page::Part;
use chameleon_harness::guide::{Page, masked, play};
use chameleon_harness::live::{Programs, Scenario, documents};
use chameleon_harness::process::tools;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Binaries, Server};
use chameleon_upgrade::checks::CHECKS;
use chameleon_upgrade::rollback;
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The pages that are played, in the order of the story.
const PAGES: [&str; 4] = ["weeks-before", "the-day", "weeks-after", "the-way-back"];

/// How many words are shown before the first that differs.
const AROUND: usize = 6;

/// What the story begins with. Its steps are in the pages.
const STORY: &str = "
about: the guide
sources:
  shop: {schema: my_shop, dest_schema: shop}
  stock: {schema: my_stock, dest_schema: stock}
upgraded:
  main: [shop, stock]
steps: []
";

fn main() -> ExitCode {
    let trials = [
        Trial::test("pages_say_what_happens", || played().map_err(Failed::from)).with_ignored_flag(skipped()),
        Trial::test("every_finding_has_a_page", || every_finding().map_err(Failed::from)),
        Trial::test("every_exit_code_has_a_page", || every_exit_code().map_err(Failed::from)),
    ];
    cases::run(Arguments::from_args(), None, trials).exit_code()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide")
}

fn skipped() -> bool {
    let missing = Programs::find(MySqlKind::MariaDb).err().or_else(|| Binaries::find(None).err());
    let missing = missing.filter(|_| !tools::everything_is_required());
    if let Some(reason) = &missing {
        eprintln!("pages_say_what_happens: skipped, {reason}");
    }
    missing.is_some()
}

fn played() -> Result<(), String> {
    let programs = Programs::find(MySqlKind::MariaDb).map_err(|missing| missing.to_string())?;
    let scenario: Scenario = yaml_serde::from_str(STORY).map_err(|error| error.to_string())?;
    let files: Vec<_> = PAGES.iter().map(|name| folder().join(format!("{name}.md"))).collect();
    let pages = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let server = server::shared().map_err(ToString::to_string)?;
    let database = server.create_database().map_err(|error| error.to_string())?;
    let upgrader = Path::new(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let played = play(&pages, &scenario, &programs, upgrader, database).map_err(|error| error.to_string())?;
    let mut stale = String::new();
    for ((file, page), played) in files.iter().zip(&pages).zip(&played) {
        let differences = differences(page, played);
        if differences.is_empty() {
            continue;
        }
        if documents::is_written() {
            fs::write(file, played.text()).map_err(|error| error.to_string())?;
        } else {
            stale += &format!("{}\n{differences}", file.display());
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("these pages no longer show what happens; `make document-guide` writes them anew.\n{stale}"))
}

fn read(file: &Path) -> Result<Page, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Page::read(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// What a page says otherwise than its commands show.
fn differences(page: &Page, played: &Page) -> String {
    let mut found = String::new();
    for (part, now) in page.parts.iter().zip(&played.parts) {
        let (Part::Console(part), Part::Console(now)) = (part, now) else { continue };
        for (said, shown) in part.commands.iter().zip(&now.commands) {
            let (old, new) = (masked(&said.output), masked(&shown.output));
            if old == new {
                continue;
            }
            let first = old.iter().zip(&new).position(|(old, new)| old != new);
            let from = first.unwrap_or(old.len().min(new.len())).saturating_sub(AROUND);
            let words = |all: &[String]| all[from..all.len().min(from + 3 * AROUND)].join(" ");
            found += &format!("  $ {}\n  the page: {}\n  now: {}\n", said.command, words(&old), words(&new));
        }
    }
    found
}

fn pages_in(folder: &Path) -> Result<BTreeSet<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    Ok(names
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|it| it != "README")
        .collect())
}

fn same(what: &str, pages: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Result<(), String> {
    match (wanted.difference(pages).next(), pages.difference(wanted).next()) {
        (Some(missing), _) => Err(format!("{what} {missing} has no page in docs/guide")),
        (_, Some(unknown)) => Err(format!("docs/guide has a page on {unknown}, which is no {what}")),
        _ => Ok(()),
    }
}

fn every_finding() -> Result<(), String> {
    let own = CHECKS.iter().map(|check| check.id).chain(["recheck", "backup", "replay"]);
    let wanted = own.chain(rollback::checks::CHECKS.iter().map(|check| check.id));
    same("finding", &pages_in(&folder().join("findings"))?, &wanted.map(str::to_owned).collect())
}

fn every_exit_code() -> Result<(), String> {
    let specification = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/specification.md");
    let text = fs::read_to_string(specification).map_err(|error| error.to_string())?;
    let (_, section) = text.split_once("### §exit-codes").ok_or("the specification has no exit codes")?;
    let section = section.split("\n#").next().unwrap_or_default();
    let built = section.lines().filter(|line| !line.contains("not built yet"));
    let codes = built.filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    let codes = codes.filter(|code| code.parse::<u8>().is_ok()).map(str::to_owned).collect();
    same("exit code", &pages_in(&folder().join("exit-codes"))?, &codes)
}
