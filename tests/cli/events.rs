//! `--events FILE`: what happens, as it happens, for programs that watch. §events.

use crate::on_terminal::Terminal;
use crate::replica::{PROGRAM, Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::{CONFIGURATION, ConfiguredSource};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    lines.iter().for_each(|line| assert_eq!(line["version"], 1, "{line}"));
    lines
}

fn names(lines: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    names.dedup();
    names
}

fn file_of(replica: &Replica) -> PathBuf {
    replica.home.path().join("events")
}

/// The program in a shell, so that descriptors can be given to it.
fn shell(replica: &Replica, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).env("HOME", replica.home.path());
    command
}

#[test]
fn an_upgrade_tells_each_step_and_how_it_ends() {
    let replica = Replica::demo();
    let file = file_of(&replica);
    replica.upgrade(&["--events", file.to_str().unwrap()]).code(0);
    let told = lines(&fs::read_to_string(&file).unwrap());
    let expected = ["begin", "configuration", "finding", "checked", "plan", "step_begun", "step_done"];
    // Two sources are replayed at a time, or the one after the other.
    let mut seen = names(&told);
    assert_eq!(seen[5..7], ["progress", "done"], "{seen:?}");
    seen.retain(|name| !["progress", "done"].contains(name));
    assert_eq!(seen[..expected.len()], expected, "{seen:?}");
    assert_eq!(told[0]["command"], "upgrade");
    assert_eq!(told[0]["dry_run"], false);
    let checked = told.iter().find(|line| line["event"] == "checked").unwrap();
    let findings: Vec<_> = told.iter().filter(|line| line["event"] == "finding").collect();
    assert_eq!(checked["errors"], 0);
    assert_eq!(
        checked["infos"].as_u64().unwrap() + checked["warnings"].as_u64().unwrap(),
        findings.len() as u64
    );
    let steps = |event: &str| {
        let of_it = told.iter().filter(|line| line["event"] == event);
        of_it.map(|line| line["step"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps("step_begun"), steps("step_done"));
    assert_eq!(steps("step_done").last(), Some(&"commit"));
    let last = told.last().unwrap();
    assert_eq!(
        (&last["event"], &last["ending"], &last["exit_code"]),
        (&"end".into(), &"done".into(), &0.into())
    );

    // A second one takes its place; nothing else is replaced.
    replica.command(&["rollback", "--yes", "--events", file.to_str().unwrap()]).assert().code(0);
    let told = lines(&fs::read_to_string(&file).unwrap());
    assert_eq!(names(&told), ["begin", "configuration", "checked", "end"]);
    let configuration = replica.home.configuration();
    let before = fs::read(&configuration).unwrap();
    let refused =
        replica.command(&["cleanup", "--events", configuration.to_str().unwrap()]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", shown(&refused));
    assert!(shown(&refused).contains("is there and holds no events"), "{}", shown(&refused));
    assert_eq!(before, fs::read(&configuration).unwrap());
}

#[test]
fn refusals_and_failures_are_told_too() {
    let mut replica = Replica::demo();
    replica.configure(&[ConfiguredSource::mysql("replica", &[("my_shop", "elsewhere")])]);
    let file = file_of(&replica);
    for (arguments, code) in [(["check", "--format=json"], 3), (["upgrade", "--yes"], 3)] {
        let file = file.to_str().unwrap();
        let output = replica.command(&[&arguments[..], &["--events", file]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
        let told = lines(&fs::read_to_string(file).unwrap());
        let errors = told.iter().filter(|line| line["finding"]["severity"] == "error").count();
        let checked = told.iter().find(|line| line["event"] == "checked").unwrap();
        assert!(errors > 0 && checked["errors"] == errors, "{told:?}");
        assert_eq!(told.last().unwrap()["exit_code"], code);
        assert!(!names(&told).contains(&"plan"), "{told:?}");
        if arguments[0] == "check" {
            serde_json::from_slice::<Value>(&output.stdout).expect("one object alone on standard output");
        }
    }
    // Before anything is known.
    let mut command = Command::new(PROGRAM);
    command.args(["cleanup", "--config", "/nowhere.yml", "--events"]).arg(&file);
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    assert_eq!(names(&lines(&fs::read_to_string(&file).unwrap())), ["begin", "end"]);
}

#[test]
fn the_question_and_its_answer_are_told() {
    let replica = Replica::demo();
    let file = file_of(&replica);
    let arguments = ["upgrade", "--offline", "--config", CONFIGURATION, "--events", file.to_str().unwrap()];
    let mut terminal = Terminal::of_width(100, &replica, &arguments, &[]);
    terminal.until("Answer YES to go on:");
    // As it happens: the question is there while it is asked.
    let asked = Instant::now();
    while !fs::read_to_string(&file).unwrap().contains("\"question\"") {
        assert!(asked.elapsed() < Duration::from_secs(20), "{}", fs::read_to_string(&file).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.type_in("no\n");
    assert_eq!(terminal.end().0, Some(3));
    let told = lines(&fs::read_to_string(&file).unwrap());
    assert!(told.iter().any(|line| line["event"] == "answer" && line["agreed"] == false), "{told:?}");
}

#[test]
fn a_pipe_gets_the_lines_and_standard_output_nothing_else() {
    let replica = Replica::demo();
    let to_a_pipe = "\"$0\" upgrade --dry-run --offline --config upgraded --events /dev/fd/3 3>&1 >/dev/null";
    let output = shell(&replica, &format!("{to_a_pipe} | cat")).output().unwrap();
    assert_eq!(names(&lines(&String::from_utf8(output.stdout).unwrap())).last(), Some(&"end"));

    let output = replica.command(&["upgrade", "--dry-run", "--events", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(names(&lines(&String::from_utf8(output.stdout).unwrap())).last(), Some(&"end"));
    let people = String::from_utf8(output.stderr).unwrap();
    assert!(people.contains("Findings") && people.contains("Dry run: the transaction"), "{people}");

    let output = replica.command(&["check", "--format", "json", "--events", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("both want standard output"), "{}", shown(&output));
}

/// Whoever reads goes away, or never reads, or is never there: the upgrade is the same.
#[test]
fn whoever_reads_harms_nothing() {
    let expected = {
        let replica = Replica::demo();
        replica.upgrade(&[]).code(0);
        replica.value(
            "SELECT string_agg(t::text, ';' ORDER BY i_id_table) FROM sch_chameleon.t_replica_tables t",
        )
    };
    let upgraded = |replica: &Replica| {
        replica.value(
            "SELECT string_agg(t::text, ';' ORDER BY i_id_table) FROM sch_chameleon.t_replica_tables t",
        )
    };
    let upgrade = "\"$0\" upgrade --yes --offline --config upgraded --events";

    // It reads a line and goes.
    let replica = Replica::demo();
    let script = format!("{{ {upgrade} /dev/fd/3 3>&1 >/dev/null; echo \"code $?\" >&2; }} | head -n 1");
    let output = shell(&replica, &script).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("code 0"), "{}", shown(&output));
    assert_eq!(upgraded(&replica), expected);

    // It reads nothing, until the upgrade is over: the pipe of Linux holds less than is told when it is full already.
    let replica = Replica::demo();
    let fifo = file_of(&replica);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child =
        shell(&replica, &format!("{upgrade} \"$1\" 2>&1")).arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
    assert!(text.contains("not all events were written: nobody reads them"), "{text}");
    assert_eq!(upgraded(&replica), expected);

    // It is slow to come, and gets all of it.
    let replica = Replica::demo();
    let fifo = file_of(&replica);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child = shell(&replica, &format!("{upgrade} \"$1\" >/dev/null 2>&1")).arg(&fifo).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut reader = BufReader::new(File::open(&fifo).unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(names(&lines(&(first + &rest))).last(), Some(&"end"));

    // A disk that is full is told, and no more.
    let replica = Replica::demo();
    let output = replica.command(&["upgrade", "--yes", "--events", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(
        shown(&output).contains("not all events were written: No space left on device"),
        "{}",
        shown(&output)
    );
    assert_eq!(upgraded(&replica), expected);
}

#[test]
fn a_check_that_is_watched_changes_nothing() {
    let replica = Replica::demo();
    let before = replica.record();
    let file = file_of(&replica);
    replica.command(&["check", "--events", file.to_str().unwrap()]).assert().code(0);
    assert_eq!(
        names(&lines(&fs::read_to_string(&file).unwrap())),
        ["begin", "configuration", "finding", "checked", "plan", "end"]
    );
    assert_unchanged(&before, &replica.record());
}
