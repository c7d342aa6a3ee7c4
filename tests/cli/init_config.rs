//! `init-config` makes pg_chameleon's folders and an example that both programs read, and leaves alone what is there.

use crate::replica::{PROGRAM, shown};
use chameleon_harness::process::tools;
use chameleon_upgrade::config::{Configuration, example};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use yaml_serde::Value;

const EXAMPLE: &str = ".pg_chameleon/configuration/config-example.yml";
const FOLDERS: [&str; 4] =
    [".pg_chameleon", ".pg_chameleon/configuration", ".pg_chameleon/logs", ".pg_chameleon/pid"];

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn run(home: &Path, verb: &str) -> Output {
    Command::new(PROGRAM).arg(verb).env("HOME", home).output().unwrap()
}

/// It ends with this code, and says all of this.
fn ends(output: &Output, code: i32, says: &[&str]) {
    let shown = shown(output);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    for text in says {
        assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file and folder below `folder`.
fn below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(below(&path));
        }
        all.insert(path);
    }
    all
}

#[test]
fn folders_and_example_are_made_for_their_owner_alone() {
    for verb in ["init-config", "set_configuration_files"] {
        let home = home();
        // Whatever the umask takes away or leaves.
        let script = "umask 0; exec \"$0\" \"$1\"";
        let output =
            Command::new("sh").args(["-c", script, PROGRAM, verb]).env("HOME", home.path()).output().unwrap();
        ends(&output, 0, &["made ", EXAMPLE, "The folders and an example are there."]);
        for folder in FOLDERS {
            assert_eq!(mode(&home.path().join(folder)), 0o700, "{folder}");
        }
        assert_eq!(mode(&home.path().join(EXAMPLE)), 0o600);
        assert_eq!(below(home.path()).len(), 5, "nothing else is left");
    }
}

#[test]
fn what_is_there_is_left_alone() {
    let home = home();
    let folder = home.path().join(".pg_chameleon");
    fs::create_dir_all(folder.join("configuration")).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    fs::write(home.path().join(EXAMPLE), "mine").unwrap();
    let output = run(home.path(), "init-config");
    ends(
        &output,
        0,
        &[
            "left alone ~/.pg_chameleon: it is there already",
            "left alone ~/.pg_chameleon/configuration/config-example.yml: it is there already",
            "made ~/.pg_chameleon/logs",
            "chmod 700 ~/.pg_chameleon",
            "What was there is as it was.",
        ],
    );
    assert_eq!(fs::read_to_string(home.path().join(EXAMPLE)).unwrap(), "mine");
    assert_eq!(mode(&folder), 0o755);
    ends(&run(home.path(), "init-config"), 0, &["left alone"]);
}

#[test]
fn the_example_is_a_configuration() {
    let home = home();
    ends(&run(home.path(), "init-config"), 0, &[]);
    let configuration = Configuration::load("config-example", home.path()).unwrap();
    assert_eq!(configuration.daemon_requirements, vec![]);
    for source in &configuration.sources {
        assert_eq!(source.daemon_requirements, vec![], "{}", source.name);
    }
    assert!(example::TEXT.is_ascii(), "it is read in any encoding");
    assert!(example::TEXT.lines().all(|line| line.len() <= 80), "it fits a terminal");
}

/// The keys that lead to a value that is no mapping.
fn paths(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                paths(value, &format!("{path}/{}", key.as_str().unwrap()), all);
            }
        }
        _ => _ = all.insert(path.to_owned()),
    }
}

/// The other way round too: no key that 2.0.21 doesn't have.
#[test]
fn every_key_of_the_originals_example_is_in_ours() {
    let Some(chameleon) = tools::or_skip("the keys of the example", tools::chameleon2()) else { return };
    let original = below(&chameleon.join("lib"))
        .into_iter()
        .find(|path| path.ends_with("pg_chameleon/configuration/config-example.yml"));
    let keys = |text: &str| {
        let mut value: Value = yaml_serde::from_str(text).unwrap();
        let sources = value["sources"].as_mapping_mut().unwrap();
        sources.remove("pgsql");
        // Whatever schemas are mapped.
        sources["mysql"]["schema_mappings"] = Value::Null;
        value.as_mapping_mut().unwrap().remove("fillfactor");
        let mut all = BTreeSet::new();
        paths(&value, "", &mut all);
        all
    };
    let original = fs::read_to_string(original.unwrap()).unwrap();
    assert_eq!(keys(example::TEXT), keys(&original));
    assert!(example::TEXT.contains("# fillfactor:"));
}

/// 2.0.21 refuses to run as root, and root has no other account that could read everyone's checkout.
const AS_NOBODY: &str = "import os, runpy, sys; os.geteuid = lambda: 65534; sys.argv = sys.argv[1:]; \
                         runpy.run_path(sys.argv[0], run_name='__main__')";

/// It reads all of it, and goes on to ask PostgreSQL, which is not there.
#[test]
fn the_real_program_reads_the_example() {
    let Some(chameleon) = tools::or_skip("the example and 2.0.21", tools::chameleon2()) else { return };
    let home = home();
    ends(&run(home.path(), "init-config"), 0, &[]);
    let text = example::TEXT.replace("host: 'localhost'\n  port: '5432'", "host: '127.0.0.1'\n  port: '1'");
    assert_ne!(text, example::TEXT);
    fs::write(home.path().join(".pg_chameleon/configuration/copied.yml"), text).unwrap();
    let ask = |arguments: &[&str]| {
        let output = Command::new(chameleon.join("bin/python"))
            .args(["-W", "ignore", "-c", AS_NOBODY])
            .arg(chameleon.join("bin/chameleon"))
            .args(arguments)
            .args(["--config", "copied", "--source", "mysql"])
            .env("HOME", home.path())
            .output();
        shown(&output.unwrap())
    };
    let status = ask(&["show_status"]);
    assert!(status.contains("127.0.0.1") && status.contains("port 1 failed"), "{status}");
}

#[test]
fn a_file_where_a_folder_should_be() {
    for there in [".pg_chameleon", ".pg_chameleon/configuration", ".pg_chameleon/pid"] {
        let home = home();
        let path = home.path().join(there);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let says = format!("{} is there and is no folder: move it elsewhere", path.display());
        ends(&run(home.path(), "init-config"), 2, &[&says, "Nothing that was there was changed."]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert!(!home.path().join(EXAMPLE).exists());
    }
    let home = home();
    fs::create_dir_all(home.path().join(EXAMPLE)).unwrap();
    ends(&run(home.path(), "init-config"), 2, &["config-example.yml is a folder: name a file"]);
    ends(&run(&home.path().join("none"), "init-config"), 2, &["there is no folder", "none"]);
}

/// Root may write anywhere: then it is run as nobody.
#[test]
fn a_folder_without_the_right_to_write() {
    let home = home();
    let is_root = rustix::process::geteuid().is_root();
    let program = home.path().join("program");
    fs::copy(PROGRAM, &program).unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o555)).unwrap();
    let mut command = Command::new(&program);
    if is_root {
        command.uid(65534).gid(65534);
    }
    let output = command.arg("init-config").env("HOME", home.path()).current_dir("/").output().unwrap();
    ends(
        &output,
        2,
        &[".pg_chameleon can't be made: Permission denied", "Run this as the user whose home it is"],
    );
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(below(home.path()).len(), 1);
}

/// A limit on the size of files ends a write in the middle, as a full disk does.
#[test]
fn a_disk_that_is_full() {
    let home = home();
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" init-config";
    let output = Command::new("sh").args(["-c", script, PROGRAM]).env("HOME", home.path()).output().unwrap();
    ends(&output, 1, &["config-example.yml can't be made: File too large", "Make room there"]);
    let left: Vec<_> = below(home.path()).into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing half-written is left");
    ends(&run(home.path(), "init-config"), 0, &["made "]);
}
