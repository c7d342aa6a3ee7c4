//! The packages hold together: what `make dist` makes of one build has one version, and the same files whichever way it is
//! installed. That they work, `make dist` tries: it builds both programs anew, for an older glibc. The wheel is tried here too, with the programs of
//! this build.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

use chameleon_harness::process::tools;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// The output of a program that must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The programs as they are built here, packed as `make dist` packs those for an older glibc, and installed beside
/// pg_chameleon 2.0.21 in an environment of its own: all three run, and the files of the wheel go when it goes.
#[test]
fn a_wheel_is_installed_beside_pg_chameleon_and_taken_away() {
    let test = "a_wheel_is_installed_beside_pg_chameleon_and_taken_away";
    let Some(chameleon2) = tools::or_skip(test, tools::chameleon2()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let built = Path::new(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    fs::create_dir_all(at("scripts")).unwrap();
    fs::create_dir_all(at("share/man/man1")).unwrap();
    fs::copy(built, at("scripts/chameleon-upgrade")).unwrap();
    fs::write(at("share/man/man1/chameleon-upgrade.1"), run(Command::new(built).arg("man"))).unwrap();
    let python = chameleon2.join("bin/python");
    let version = env!("CARGO_PKG_VERSION");
    run(Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/wheel.py"))
        .args([folder.path(), Path::new(version), Path::new("linux_x86_64"), &at("scripts"), &at("share")])
        .env("SOURCE_DATE_EPOCH", "1700000000"));
    let wheel = at(&format!("chameleon_upgrade-{version}-py3-none-linux_x86_64.whl"));
    // It sees the packages of the environment that pg_chameleon was installed into.
    let (environment, pip) = (at("environment"), at("environment/bin/pip"));
    run(Command::new(&python).args(["-m", "venv"]).arg(&environment));
    let libraries =
        run(Command::new(&python).args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]));
    let own = run(Command::new(environment.join("bin/python"))
        .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]));
    // As pip would have installed it there: what its own .pth files say holds, too.
    let shared = format!("import site; site.addsitedir('{}')\n", libraries.trim());
    fs::write(Path::new(own.trim()).join("pg_chameleon.pth"), shared).unwrap();
    run(Command::new(&pip).args(["install", "--no-index", "--no-deps", "--quiet"]).arg(&wheel));
    let installed = environment.join("bin/chameleon-upgrade");
    assert_eq!(run(Command::new(&installed).arg("--version")).trim(), format!("chameleon-upgrade {version}"));
    assert!(environment.join("share/man/man1/chameleon-upgrade.1").is_file());
    let chameleon = run(Command::new(environment.join("bin/python"))
        .arg(chameleon2.join("bin/chameleon"))
        .arg("--version"));
    assert!(chameleon.contains("2.0.21"), "{chameleon}");
    let listed = run(Command::new(&pip).args(["list", "--format", "freeze"]));
    for name in [format!("chameleon-upgrade=={version}"), "pg_chameleon==2.0.21".to_owned()] {
        let alike = |line: &str| line.replace('_', "-").eq_ignore_ascii_case(&name.replace('_', "-"));
        assert!(listed.lines().any(alike), "{name} is not in:\n{listed}");
    }
    run(Command::new(&pip).args(["uninstall", "--yes", "--quiet", "chameleon-upgrade"]));
    assert!(!installed.exists() && !environment.join("share/man/man1/chameleon-upgrade.1").exists());
}
