//! Whatever `--daemon` names: it is run and listened to for so long, or it is told why not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chameleon_upgrade::daemon::asked::{self, Answer, Answers, Unanswered};
use chameleon_upgrade::daemon::installed::{NoProgram, Program};
use chameleon_upgrade::window::{Consequence, Judged};

use crate::oracle;

/// A program in `folder` whose Python does this, in the shell's words.
fn program(folder: &Path, does: &str) -> Program {
    let python = folder.join("python3");
    fs::write(&python, format!("#!/bin/sh\n{does}\n")).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let chameleon = folder.join("chameleon");
    fs::write(&chameleon, format!("#!{}\n", python.display())).unwrap();
    Program::find(Some(&chameleon)).expect("a program").expect("the one that is named")
}

fn asked(program: &Program, patience: Duration) -> Result<Answers, Unanswered> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let texts: Vec<String> = (0..2000).map(|number| format!("DROP TABLE a_{number}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    runtime.block_on(asked::ask(program, None, &texts, patience))
}

#[test]
fn what_does_not_answer_is_told() {
    let version = r#"echo '{"version": "2.0.21"}'"#;
    for (does, expected) in [
        ("exit 0", "it ended before it had answered"),
        ("kill -9 $$", "it ended before it had answered"),
        ("echo hello", "its answer makes no sense"),
        ("echo '[]'", "its answer makes no sense"),
        ("printf '{\"version\": \"2.0'", "its answer makes no sense"),
        (r#"echo '{"version": "1.8.2"}'"#, "it is of pg_chameleon 1.8.2"),
        (r#"echo '{"version": null}'"#, "it is of pg_chameleon of no version"),
        (&*format!("{version}; echo '{{\"ddl\": 1}}'"), "its answer makes no sense"),
        (&*format!("{version}; echo '{{\"unparsable\": \"x\"}}'"), "it ended before it had answered"),
        ("exec sleep 60", "it did not answer within 1 seconds"),
        (&*format!("{version}; exec sleep 60"), "it did not answer within 1 seconds"),
        ("exec head -c 100000000 /dev/zero", "it writes more than it was asked for"),
        (
            &*format!("{version}; while :; do echo '{{\"unparsable\": \"x\"}}' || exit; sleep 0.3; done"),
            "it did not answer within 9 seconds",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let error = asked(&program(folder.path(), does), Duration::from_secs(1)).expect_err(does);
        assert_eq!(error.to_string(), expected, "{does}");
        assert!(began.elapsed() < Duration::from_secs(15), "{does}");
    }
}

#[test]
fn what_is_no_program_of_pythons_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let file = folder.path().join("chameleon");
    for text in [format!("#!/bin/sh\ntouch {}\n", ran.display()), "\u{7f}ELF".to_owned(), String::new()] {
        fs::write(&file, text).unwrap();
        assert!(matches!(Program::find(Some(&file)), Err(NoProgram::NoPython)));
    }
    assert!(!ran.exists());
    for nowhere in [folder.path().join("no_such"), PathBuf::from("no-such-program"), folder.path().to_owned()]
    {
        assert!(matches!(Program::find(Some(&nowhere)), Err(NoProgram::Missing)));
    }
}

#[test]
fn the_real_one_has_the_last_word() {
    let Some(program) = oracle::daemon("the_real_one_has_the_last_word") else { return };
    let answers = oracle::ask(
        &program,
        &["ANALYZE TABLE t", "ALTER TABLE t ADD u uuid", "CREATE INDEX i ON t (a)", "TRUNCATE t"],
    );
    assert_eq!(answers.version, "2.0.21");
    let consequence = |text: &str, ours: Option<Consequence>| {
        let ours = ours.map(|consequence| Judged { consequence, why: "we think so".to_owned() });
        answers.judge(text, ours.as_ref()).map(|it| (it.consequence, it.why))
    };
    assert_eq!(
        consequence("ANALYZE TABLE t", None),
        Some((Consequence::Unparsable, "it can't parse it".to_owned()))
    );
    let why = "it can't translate it (KeyError: 'uuid')";
    assert_eq!(
        consequence("ALTER TABLE t ADD u uuid", None),
        Some((Consequence::Untranslatable, why.to_owned()))
    );
    assert_eq!(consequence("CREATE INDEX i ON t (a)", None).map(|it| it.0), Some(Consequence::Disables));
    // What it takes, it takes, whatever we think; but what becomes of it in PostgreSQL it does not say.
    assert_eq!(consequence("TRUNCATE t", Some(Consequence::Unparsable)), None);
    assert_eq!(consequence("TRUNCATE t", Some(Consequence::Open)).map(|it| it.0), Some(Consequence::Open));
    // Of what it was not asked, we are.
    assert_eq!(
        consequence("DROP TABLE t", Some(Consequence::Disables)).map(|it| it.0),
        Some(Consequence::Disables)
    );
    assert!(matches!(answers.of("TRUNCATE t"), Some(Answer::Taken { .. })));
}

/// A type that the configuration gives another is none that it does not know.
#[test]
fn types_of_the_configuration_count() {
    let Some(program) = oracle::daemon("types_of_the_configuration_count") else { return };
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("default.yml");
    fs::write(&configuration, "type_override:\n  uuid: {override_to: uuid, override_tables: ['*']}\n")
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let texts = ["ALTER TABLE t ADD u uuid"];
    let asking = asked::ask(&program, Some(&configuration), &texts, asked::PATIENCE);
    let answers = runtime.block_on(asking).unwrap();
    assert!(matches!(answers.of(texts[0]), Some(Answer::Taken { .. })), "{:?}", answers.of(texts[0]));
}
