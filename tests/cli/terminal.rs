//! What is asked and shown on a real terminal, and what elsewhere; and that whoever stops reading stops nothing.

use crate::on_terminal::{ESCAPE, Terminal, assert_fits, lines_on_screen};
use crate::replica::{PROGRAM, Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, BatchState, Event, Seed, Source, Table};
use std::process::Stdio;

const QUESTION: &str = "Answer YES to go on:";

/// A replica with enough waiting for a progress bar.
fn with_rows_waiting() -> Replica {
    let waiting = Batch::new(BatchState::Listed, "b.000001:4").event(Event::bulk_of(
        "items",
        300,
        &[chameleon_harness::seed::Kind::Insert],
    ));
    let source =
        Source::new("shop").table(Table::new("items")).batch(waiting).batch(Batch::open("b.000001:1000"));
    Replica::of(
        &Seed::of([source]),
        &[ConfiguredSource::mysql("replica", &[("my_shop", "shop")]).with("replay_max_rows", 10)],
    )
}

#[test]
fn yes_upgrades() {
    let replica = with_rows_waiting();
    let mut terminal = Terminal::run(&replica, &["upgrade"], &[]);
    terminal.until(QUESTION);
    assert!(terminal.shown.contains("batch start"), "the plan comes first:\n{}", terminal.shown);
    terminal.type_in("YES\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Upgraded: sch_chameleon is the 2.0.10 catalogue"), "{shown}");
    assert!(shown.contains("/300 events"), "a progress bar: {shown}");
    assert!(
        shown.contains(&format!("{ESCAPE}1m")) && shown.contains(&format!("{ESCAPE}32m")),
        "colours: {shown:?}"
    );
}

#[test]
fn any_other_answer_refuses() {
    let replica = with_rows_waiting();
    let before = replica.record();
    for (answer, why) in [
        ("yes\n", "the answer was not YES"),
        ("\n", "the answer was not YES"),
        ("YES please\n", "the answer was not YES"),
        (" YES\n", "the answer was not YES"),
        ("no\n", "the answer was not YES"),
        ("\u{4}", "the answer was not YES"),
        ("YE\u{3}", "interrupted"),
        ("\u{3}", "interrupted"),
    ] {
        let mut terminal = Terminal::run(&replica, &["upgrade"], &[]);
        terminal.until(QUESTION);
        terminal.type_in(answer);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(3), "{answer:?}: {shown}");
        let last = shown.trim_end().lines().last().unwrap();
        assert!(last.starts_with(&format!("Refused: {why}. Nothing was changed")), "{answer:?}: {shown:?}");
    }
    assert_unchanged(&before, &replica.record());
}

#[test]
fn a_terminal_that_goes_away_at_the_question() {
    let replica = with_rows_waiting();
    let before = replica.record();
    let mut terminal = Terminal::run(&replica, &["upgrade"], &[]);
    terminal.until(QUESTION);
    let Terminal { pty, mut child, .. } = terminal;
    drop(pty);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_unchanged(&before, &replica.record());
}

#[test]
fn a_question_may_be_thought_over() {
    let replica = with_rows_waiting();
    replica.sql(&format!(
        "ALTER DATABASE {0} SET idle_session_timeout = '1s';
         ALTER DATABASE {0} SET statement_timeout = '1s';
         ALTER DATABASE {0} SET idle_in_transaction_session_timeout = '1s'",
        replica.database.name()
    ));
    let mut terminal = Terminal::run(&replica, &["upgrade"], &[]);
    terminal.until(QUESTION);
    std::thread::sleep(std::time::Duration::from_secs(2));
    terminal.type_in("YES\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let replica = with_rows_waiting();
    let (code, coloured) = Terminal::run(&replica, &["check", "-v"], &[]).end();
    assert!(code == Some(0) && coloured.contains(ESCAPE), "{coloured:?}");
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (code, plain) = Terminal::run(&replica, &["check", "-v"], &[(variable, value)]).end();
        assert_eq!(code, Some(0), "{variable}: {plain}");
        assert!(plain.contains("waiting-rows") && !plain.contains(ESCAPE), "{variable}: {plain:?}");
    }
    let output = replica.command(&["check", "-vvv"]).output().unwrap();
    assert!(
        shown(&output).contains("waiting-rows") && !shown(&output).contains(ESCAPE),
        "{}",
        shown(&output)
    );
    // In sets, so few are replayed at once.
    let output = replica.upgrade(&["-vvv", "--replay", "function"]).code(0);
    let told = shown(output.get_output());
    assert!(!told.contains(ESCAPE), "{told:?}");
    assert!(told.contains("replayed 150 of 300 events of shop"), "plain lines instead of a bar: {told}");
}

#[test]
fn no_colour_on_a_terminal_while_upgrading() {
    let replica = with_rows_waiting();
    let (code, shown) = Terminal::run(&replica, &["upgrade", "--yes"], &[("NO_COLOR", "1")]).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(&format!("{ESCAPE}1m")) && !shown.contains(&format!("{ESCAPE}32m")), "{shown:?}");
}

#[test]
fn quiet_shows_errors_and_the_outcome() {
    let replica = with_rows_waiting();
    let done = "Upgraded: sch_chameleon is the 2.0.10 catalogue, with 1 table in 1 source. The 1.7 catalogue is kept as _sch_chameleon_version1.\n";
    replica
        .command(&["check", "--quiet"])
        .assert()
        .code(0)
        .stdout("The upgrade can be done. Nothing was changed.\n");
    replica.command(&["status", "-q"]).assert().code(0).stdout("The catalogue is 1.7.\n");
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let refused = replica.upgrade(&["--quiet"]).code(3);
    let told = shown(refused.get_output());
    assert!(
        told.contains("leftovers") && told.contains("--drop") && !told.contains("waiting-rows"),
        "{told}"
    );
    assert!(!told.contains("Findings") && !told.contains("┌"), "{told}");
    replica.sql("DROP SCHEMA _sch_chameleon_version2");
    let (code, told) = Terminal::run(&replica, &["upgrade", "--quiet", "--yes"], &[]).end();
    assert_eq!((code, told.replace("\r\n", "\n").as_str()), (Some(0), done));
    replica
        .upgrade(&["-q"])
        .code(0)
        .stdout("The catalogue is 2.0.10 already: there is nothing to do.\n")
        .stderr("");
}

#[test]
fn who_is_asked_quietly_sees_what_is_asked() {
    let replica = with_rows_waiting();
    let mut terminal = Terminal::run(&replica, &["upgrade", "--quiet"], &[]);
    terminal.until(QUESTION);
    assert!(
        terminal.shown.contains(&format!("sch_chameleon in {}", replica.database.name())),
        "{}",
        terminal.shown
    );
    terminal.type_in("no\n");
    assert_eq!(terminal.end().0, Some(3));
}

#[test]
fn an_upgrade_goes_on_when_nobody_reads_any_more() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let sinks: [(&str, &dyn Fn() -> Stdio); 2] =
        [("a closed pipe", &|| Stdio::from(closed())), ("a full disk", &|| Stdio::from(full()))];
    for (case, sink) in sinks {
        let replica = with_rows_waiting();
        let status = std::process::Command::new(PROGRAM)
            .args(["upgrade", "--yes", "--offline", "-vvv", "--config", "upgraded"])
            .env("HOME", replica.home.path())
            .stdin(Stdio::null())
            .stdout(sink())
            .stderr(sink())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{case}");
        assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "2.0.10", "{case}");
    }
}

/// Names as long as they may be, wide letters, and most of what can be found.
fn with_long_names() -> Replica {
    let (schema, table) = ("d".repeat(63), "t".repeat(64));
    let long = Source::new("a source with a long name of its own, and blanks")
        .source_schema(Some(&"m".repeat(64)))
        .dest_schema(&schema)
        .table(Table::new(&table).destination(chameleon_harness::seed::Destination::Missing))
        .table(Table::new("keyless").destination(chameleon_harness::seed::Destination::WithoutKey))
        .batch(Batch::started("mysql-bin-of-a-server-with-a-long-name.000001:4"))
        .batch(Batch::replayed("mysql-bin-of-a-server-with-a-long-name.000001:9"))
        .batch(Batch::open("mysql-bin-of-a-server-with-a-long-name.000001:4000000000"))
        .last("2024-05-01 10:00:07", "2024-05-01 10:00:05");
    let wide = Source::new("店舗の在庫管理データベース")
        .source_schema(Some("店舗"))
        .dest_schema("在庫")
        .table(Table::new("商品"))
        .batch(Batch::open("mysql-bin-of-a-server-with-a-long-name.000001:400"));
    let idle = Source::new("idle").status(chameleon_harness::seed::Status::Ready);
    let seed = Seed::of([long, wide, idle])
        .statement("DROP SCHEMA idle")
        .statement("CREATE VIEW public.a_view_that_depends_on_the_catalogue AS SELECT * FROM sch_chameleon.t_sources")
        .statement("CREATE TABLE sch_chameleon.\"a table that somebody has made here\" (a int)")
        .statement("INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) VALUES (1, 'x')");
    let name = "n".repeat(47);
    let (long_schema, mappings) = ("m".repeat(64), [("店舗", "在庫"), ("my_idle", "idle")]);
    let pairs = [&[(long_schema.as_str(), schema.as_str())][..], &mappings].concat();
    Replica::of(&seed, &[ConfiguredSource::mysql(&name, &pairs)])
}

/// §terminal-width: tables and findings fit the terminal, at 80 columns as at 200.
#[test]
fn everything_fits_the_terminal() {
    for columns in [80, 110, 200] {
        let replica = with_long_names();
        let run = |arguments: &[&str], code: i32| {
            let terminal = Terminal::of_width(columns, &replica, arguments, &[]);
            let (ended, shown) = terminal.end();
            assert_eq!(ended, Some(code), "{arguments:?}: {shown}");
            assert_fits(usize::from(columns), &arguments.join(" "), &shown);
            lines_on_screen(&shown).join("\n")
        };
        let config = ["--config", "upgraded"];
        let with_config = |arguments: &[&'static str]| [arguments, &config].concat();
        for command in ["upgrade", "check", "status", "rollback"] {
            run(&[command, "--help"], 0);
        }
        run(&["--help"], 0);
        run(&["upgrade", "--no-such-option"], 2);
        run(
            &["check", "--config", "no-such-configuration-anywhere-on-this-machine-whatever-it-is-called"],
            2,
        );
        let checked = run(&with_config(&["check", "--offline"]), 0);
        // Nothing is lost by it.
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let piped = shown(&replica.command(&["check"]).output().unwrap());
        let all = words(&checked);
        let is_drawn = |word: &String| "┌│╞└┆═".chars().any(|line| word.contains(line));
        let lost: Vec<_> =
            words(&piped).into_iter().filter(|word| !all.contains(word) && !is_drawn(word)).collect();
        assert!(lost.is_empty(), "{lost:?} are not in:\n{checked}");
        run(&with_config(&["status"]), 0);
        run(&with_config(&["upgrade", "--offline", "--dry-run"]), 0);
        replica.sql("CREATE SCHEMA _sch_chameleon_version1");
        run(&with_config(&["check", "--offline"]), 3);
        run(&with_config(&["upgrade", "--offline", "--yes"]), 3);
        replica.sql("DROP SCHEMA _sch_chameleon_version1");
        let mut asked = Terminal::of_width(columns, &replica, &with_config(&["upgrade", "--offline"]), &[]);
        asked.until("to go on:");
        asked.type_in("no\n");
        let (code, shown) = asked.end();
        assert_eq!(code, Some(3));
        assert_fits(usize::from(columns), "a question", &shown);
        let upgraded = run(&with_config(&["upgrade", "--offline", "--yes"]), 0);
        assert!(upgraded.contains("What to do next"), "{upgraded}");
        run(&with_config(&["status"]), 0);
        run(&with_config(&["check", "--offline"]), 0);
        run(&with_config(&["watch"]), 6);
        for status in ["error", "running"] {
            replica.sql(&format!("UPDATE sch_chameleon.t_sources SET enm_status = '{status}'"));
            let down = run(&with_config(&["watch", "--for", "1s", "--every", "1s"]), 6);
            assert!(down.contains("start_replica"), "{down}");
        }
        replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'stopped'");
        replica.sql("UPDATE sch_chameleon.t_replica_batch SET i_replayed = 1");
        run(&with_config(&["rollback", "--yes"]), 3);
        run(&with_config(&["rollback", "--yes", "--force"]), 0);
    }
}

/// A replay with a bar, and one that fails.
#[test]
fn bars_and_failures_fit_too() {
    for columns in [80, 110, 200] {
        let replica = with_rows_waiting();
        replica.sql("ALTER TABLE shop.items ADD CONSTRAINT \"no more than two hundred and fifty rows are ever wanted here\" CHECK (id < 250)");
        let arguments = ["upgrade", "--yes", "--offline", "--config", "upgraded", "--replay", "function"];
        let (code, shown) = Terminal::of_width(columns, &replica, &arguments, &[]).end();
        assert_eq!(code, Some(3), "{shown}");
        assert_fits(usize::from(columns), "a replay", &shown);
    }
}
