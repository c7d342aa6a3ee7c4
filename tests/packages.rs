//! The packages hold together: what `make dist` makes of one build has one version, and the same files whichever way it is
//! installed. That they work, `make dist` tries: it builds both programs anew, for an older glibc.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// What stands between double quotes in the section of a manifest.
fn quoted(section: &str) -> Vec<String> {
    let text = read("Cargo.toml");
    let (_, rest) = text.split_once(&format!("\n[{section}]\n")).expect("the section is there");
    let section = rest.split("\n[").next().unwrap();
    section.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn sources(section: &str) -> BTreeSet<String> {
    quoted(section).into_iter().filter(|word| word.starts_with("target/")).collect()
}

#[test]
fn both_packages_have_the_same_files_and_one_version() {
    let (deb, rpm) = (sources("package.metadata.deb"), sources("package.metadata.generate-rpm"));
    assert_eq!(deb, rpm);
    assert_eq!(deb.len(), 9, "{deb:?}");
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("packaging/debian.changelog");
    assert!(changelog.starts_with(&format!("chameleon-upgrade ({version}-1) ")), "{changelog}");
}

/// The shell of the script, in which the same names stand.
#[test]
fn the_script_lays_out_what_the_packages_name() {
    let script = read("packaging/dist.sh");
    assert!(script.contains("work=$root/target/dist-work"));
    for name in [
        "$work/bin/",
        "$work/share/man/man1",
        "$work/share/completions/",
        "$work/share/zsh/_",
        "packaging/wheel.py",
    ] {
        assert!(script.contains(name), "{name}");
    }
}
