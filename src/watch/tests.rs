use super::*;
use crate::binlog::BinlogFile;
use crate::finding::Severity;

fn at(position: i64) -> BinlogCoordinate {
    BinlogFile::parse("bin.000001").unwrap().at(position.unsigned_abs()).unwrap()
}

fn source() -> Source {
    Source {
        id: 1,
        name: "shop".to_owned(),
        status: "running".to_owned(),
        consistent: true,
        paused: false,
        consistent_point: None,
        reads_on: Some(at(100)),
        waiting: 0,
        applied: None,
        replicated: 3,
        disabled: 0,
    }
}

fn session(application_name: &str, query: &str) -> Session {
    Session {
        pid: 7,
        application_name: application_name.to_owned(),
        query: query.to_owned(),
        active: false,
        seconds: Some(0.5),
        blockers: None,
    }
}

fn reader() -> Session {
    session("[pg_chameleon] - source: shop, action: idle", "")
}

fn replayer(id: i64) -> Session {
    session("", &format!("SELECT b_paused FROM sch_chameleon.t_sources WHERE i_id_source={id} ;"))
}

fn logs(end: i64) -> Result<BinaryLogs, String> {
    Ok(BinaryLogs { files: vec![(at(4).file().clone(), end.unsigned_abs())], current: at(end) })
}

/// What is known beside the catalogue.
struct World {
    logs: Option<Result<BinaryLogs, String>>,
    ahead: Ahead,
    log: Log,
    mappings: Vec<MappingPair>,
}

impl World {
    fn new() -> Self {
        let pair = MappingPair { source_schema: "my_shop".to_owned(), dest_schema: "shop".to_owned() };
        Self { logs: Some(logs(100)), ahead: Ahead::Nothing, log: Log::Read(None), mappings: vec![pair] }
    }

    fn with_more(end: i64) -> Self {
        let ahead = Ahead::Something("rows of my_shop.items".to_owned());
        Self { logs: Some(logs(end)), ahead, ..Self::new() }
    }

    fn known(&self) -> Known<'_> {
        Known {
            logs: self.logs.as_ref(),
            ahead: &self.ahead,
            log: &self.log,
            refused: &|| None,
            mappings: &self.mappings,
            rests: Duration::from_secs(1),
            configuration: "upgraded",
        }
    }

    fn judge(
        &self,
        memory: &mut Memory,
        source: &Source,
        sessions: Vec<Session>,
        at: u64,
    ) -> (SourceSeen, Vec<Finding>) {
        let seen = Seen {
            sources: vec![source.clone()],
            disabled: vec![],
            sessions,
            logged: vec![],
            stored: vec![],
        };
        memory.judge(source, &seen, &self.known(), Duration::from_secs(at))
    }

    /// At once.
    fn judged(&self, source: &Source, sessions: Vec<Session>) -> (Health, Vec<Finding>) {
        let (seen, findings) = self.judge(&mut Memory::default(), source, sessions, 0);
        (seen.health, findings)
    }
}

fn ids(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.check, finding.severity)).collect()
}

const NO_IDS: [(&str, Severity); 0] = [];

#[test]
fn a_replica_that_runs_and_has_all_is_well() {
    let (health, findings) = World::new().judged(&source(), vec![reader(), replayer(1)]);
    assert_eq!((health, ids(&findings)), (Health::CaughtUp, NO_IDS.to_vec()));
    let (health, findings) = World::with_more(5000).judged(&source(), vec![replayer(1)]);
    assert_eq!((health, ids(&findings)), (Health::Behind, NO_IDS.to_vec()));
    let waiting = Source { waiting: 1, applied: Some("4/0".to_owned()), ..source() };
    assert_eq!(World::new().judged(&waiting, vec![reader()]).0, Health::Behind);
}

/// Nothing of its schemas is ahead: the daemon stays where their last row is, however far the log goes on.
#[test]
fn what_is_of_others_is_not_ahead() {
    let world = World { logs: Some(logs(9_000_000)), ..World::new() };
    let mut memory = Memory::default();
    for second in [0, 500, 5000] {
        let (seen, findings) = world.judge(&mut memory, &source(), vec![reader()], second);
        assert_eq!(
            (seen.health, seen.bytes_behind, ids(&findings)),
            (Health::CaughtUp, Some(0), NO_IDS.to_vec())
        );
    }
}

#[test]
fn only_its_own_sessions_and_those_of_nobody_known_make_it_alive() {
    let others = session("[pg_chameleon] - source: shop2, action: idle", "");
    for (sessions, health) in [
        (vec![], Health::Down),
        (vec![others.clone(), replayer(2)], Health::Down),
        (vec![others, replayer(1)], Health::CaughtUp),
        (vec![session("[pg_chameleon] -  action: idle", "")], Health::CaughtUp),
        (vec![session("", "SELECT 1 FROM sch_chameleon.t_sources WHERE t_source='x'")], Health::CaughtUp),
    ] {
        assert_eq!(World::new().judged(&source(), sessions.clone()).0, health, "{sessions:?}");
    }
    // The name of a source may look like the rest of the application's.
    let odd = Source { name: "a, action: b".to_owned(), ..source() };
    let of_it = session("[pg_chameleon] - source: a, action: b, action: writing batch", "");
    assert_eq!(World::new().judged(&odd, vec![of_it]).0, Health::CaughtUp);
}

#[test]
fn each_status_says_what_to_do() {
    for (status, says, does) in [
        (
            "running",
            "it was killed",
            "`chameleon enable_replica --config upgraded --source shop` `chameleon start_replica",
        ),
        ("error", "Its log does not say why", "enable_replica"),
        ("stopped", "is stopped", "Start it: `chameleon start_replica"),
        ("initialised", "was never started", "Start it: `chameleon start_replica"),
        ("synced", "was never started", "Start it: `chameleon start_replica"),
    ] {
        let (health, findings) =
            World::new().judged(&Source { status: status.to_owned(), ..source() }, vec![]);
        assert_eq!((health, ids(&findings)), (Health::Down, vec![("daemon", Severity::Error)]), "{status}");
        assert!(findings[0].found.contains(says), "{status}: {}", findings[0].found);
        assert!(findings[0].remedy.as_ref().unwrap().contains(does), "{status}: {:?}", findings[0].remedy);
    }
    let (health, findings) =
        World::new().judged(&Source { status: "syncing".to_owned(), ..source() }, vec![]);
    assert_eq!((health, ids(&findings)), (Health::Down, vec![("daemon", Severity::Error)]));
}

/// Its status is that of the last end until MySQL has answered it. Another source's daemon may be whose session it is.
#[test]
fn a_session_of_a_source_that_is_stopped_may_be_its_daemon_s_that_hangs() {
    let stopped = Source { status: "stopped".to_owned(), ..source() };
    let copied = Source { status: "initialised".to_owned(), ..source() };
    let asks = || vec![session("", "SELECT sch_chameleon")];
    for (stopped, others, sessions, says) in [
        (&stopped, vec![], asks(), "is stopped, by its status, and a program"),
        (&copied, vec![], asks(), "was never started, by its status, and a program"),
        (&copied, vec![], vec![], "was never started (status initialised)."),
        (&stopped, vec![], vec![], "is stopped."),
        (&stopped, vec![Source { id: 2, ..source() }], asks(), "is stopped."),
    ] {
        let sources = [vec![stopped.clone()], others].concat();
        let seen = Seen { sources, disabled: vec![], sessions, logged: vec![], stored: vec![] };
        let (shown, findings) =
            Memory::default().judge(stopped, &seen, &World::new().known(), Duration::ZERO);
        assert_eq!((shown.health, ids(&findings)), (Health::Down, vec![("daemon", Severity::Error)]));
        assert!(findings[0].found.contains(says), "{}", findings[0].found);
    }
}

#[test]
fn a_log_that_can_not_be_read_is_told_of_one_that_has_ended_alone() {
    for (log, says) in [
        (Log::Unreadable("/a/b.log: Permission denied".to_owned()), "/a/b.log: Permission denied"),
        (Log::Elsewhere, "--log"),
    ] {
        let world = World { log, ..World::new() };
        let (_, findings) = world.judged(&Source { status: "error".to_owned(), ..source() }, vec![]);
        assert!(findings[0].found.contains(says), "{}", findings[0].found);
        assert_eq!(ids(&world.judged(&source(), vec![reader()]).1), NO_IDS);
    }
}

#[test]
fn a_trace_that_was_lost_is_no_unknown_end() {
    for (trace, says) in [
        ("Stack trace not available", "it has lost why"),
        ("Traceback (most recent call last):\nOdd: x", "in a way that is not known here"),
        ("Traceback (most recent call last):\nparsy.ParseError: x", "(statement)"),
    ] {
        let ended =
            log_file::Ended { when: "now".to_owned(), trace: trace.to_owned(), error: "x".to_owned() };
        let world = World { log: Log::Read(Some(ended)), ..World::new() };
        let (_, findings) = world.judged(&Source { status: "error".to_owned(), ..source() }, vec![]);
        assert!(findings[0].found.contains(says), "{trace}: {}", findings[0].found);
    }
}

#[test]
fn it_hangs_when_nothing_moves_and_nothing_is_asked() {
    let silent = |seconds: f64| vec![Session { seconds: Some(seconds), ..reader() }];
    let stuck = vec![("stuck", Severity::Error)];
    for (sessions, position, second, expected) in [
        (silent(119.0), 100, 200, vec![]),
        (silent(200.0), 100, 119, vec![]),
        (silent(200.0), 100, 120, stuck.clone()),
        // It has read since.
        (silent(200.0), 101, 200, vec![]),
        // The other process asks on: seen where the network had forgotten the connections of this one.
        ([silent(200.0), vec![replayer(1)]].concat(), 100, 200, stuck.clone()),
        (vec![reader(), replayer(1)], 100, 200, vec![]),
    ] {
        let mut memory = Memory::default();
        let world = World::with_more(5000);
        world.judge(&mut memory, &source(), sessions.clone(), 0);
        let now = Source { reads_on: Some(at(position)), ..source() };
        let (seen, findings) = world.judge(&mut memory, &now, sessions.clone(), second);
        assert_eq!(ids(&findings), expected, "{position}, {second}: {sessions:?}");
        assert_eq!(seen.health == Health::Ailing, !expected.is_empty());
        assert!(findings.iter().all(|finding| finding.found.contains("rows of my_shop.items")));
    }
}

/// Until its first batch nothing says which session is that of the reading process. It may be another source's where there is one.
#[test]
fn it_hangs_in_its_first_batch_when_one_of_its_sessions_asks_nothing() {
    let reads = "SELECT v_table_name FROM sch_chameleon.t_replica_tables";
    let of_it = "UPDATE sch_chameleon.t_sources SET enm_status = 'running' WHERE i_id_source=1";
    let other = Source { id: 2, name: "other".to_owned(), ..source() };
    let stopped = Source { status: "stopped".to_owned(), ..other.clone() };
    let stuck = vec![("stuck", Severity::Error)];
    for (query, seconds, others, expected) in [
        (reads, 200.0, vec![], stuck.clone()),
        (reads, 119.0, vec![], vec![]),
        (reads, 200.0, vec![stopped], stuck.clone()),
        (reads, 200.0, vec![other.clone()], vec![]),
        (of_it, 200.0, vec![other], stuck),
    ] {
        let world = World::with_more(5000);
        let quiet = Session { seconds: Some(seconds), ..session("", query) };
        let seen = Seen {
            sources: [vec![source()], others].concat(),
            disabled: vec![],
            sessions: vec![quiet, replayer(1)],
            logged: vec![],
            stored: vec![],
        };
        let mut memory = Memory::default();
        let mut at = |second| memory.judge(&source(), &seen, &world.known(), Duration::from_secs(second)).1;
        at(0);
        assert_eq!(ids(&at(200)), expected, "{query} for {seconds} s: {:?}", seen.sources);
    }
}

/// Its parent waits for the process that reads, and asks nothing. While it applies, its session is at it for long.
#[test]
fn half_of_it_is_left_when_only_the_process_that_reads_asks() {
    let ended = log_file::Ended {
        when: "2026-11-28 01:01:10".to_owned(),
        trace: "Traceback\npsycopg2.errors.QueryCanceled: canceling statement due to statement timeout"
            .to_owned(),
        error: "canceling statement due to statement timeout".to_owned(),
    };
    let quiet = |seconds| Session { seconds: Some(seconds), ..replayer(1) };
    let at_it = Session { active: true, ..quiet(900.0) };
    let silent_reader = Session { seconds: Some(900.0), ..reader() };
    let half = vec![("half-ended", Severity::Error)];
    for (log, sessions, expected) in [
        (Some(&ended), vec![reader(), quiet(6.0)], half.clone()),
        (Some(&ended), vec![reader(), quiet(4.0)], vec![]),
        // That log is of another time.
        (Some(&ended), vec![reader(), quiet(6.0), replayer(1)], vec![]),
        (Some(&ended), vec![reader(), at_it.clone()], vec![]),
        (None, vec![reader(), quiet(39.0)], vec![]),
        (None, vec![reader(), quiet(41.0)], half),
        (None, vec![reader(), at_it, quiet(41.0)], vec![]),
        (None, vec![reader()], vec![]),
        (None, vec![silent_reader, quiet(900.0)], vec![]),
    ] {
        let world = World { log: Log::Read(log.cloned()), ..World::new() };
        let (health, findings) = world.judged(&source(), sessions.clone());
        assert_eq!(ids(&findings), expected, "{log:?} {sessions:?}");
        let [finding] = &findings[..] else { continue };
        assert_eq!(health, Health::Ailing);
        let remedy = finding.remedy.as_deref().unwrap();
        assert!(
            remedy.starts_with("Stop what is left of it") && remedy.contains("enable_replica"),
            "{remedy}"
        );
        assert_eq!(finding.found.contains("(postgresql-timeout)"), log.is_some(), "{}", finding.found);
    }
}

/// Each look has what was stored since the last one.
#[test]
fn it_goes_in_circles_when_only_what_was_stored_before_is_stored() {
    let stuck = vec![("stuck", Severity::Error)];
    for (reads_on, stored, expected) in [
        // A long transaction.
        ([100; 5], [Some(200), Some(300), Some(400), Some(500), Some(600)], vec![]),
        ([100; 5], [Some(200), Some(200), Some(200), Some(200), Some(200)], stuck.clone()),
        // Started anew.
        ([100; 5], [Some(300), Some(100), Some(150), Some(200), Some(250)], vec![]),
        ([100; 5], [Some(300), Some(200), Some(100), None, Some(100)], stuck),
        ([100; 5], [Some(300), Some(300), Some(300), None, None], vec![]),
        ([100; 5], [Some(200), Some(200), Some(200), Some(201), Some(201)], vec![]),
        // Another batch is read.
        ([100, 100, 200, 200, 200], [Some(200); 5], vec![]),
    ] {
        let (mut memory, world) = (Memory::default(), World::with_more(5000));
        let mut last = vec![];
        for (look, (position, until)) in reads_on.into_iter().zip(stored).enumerate() {
            let stored = until.map(|until| replica::Stored { source: 1, last: 1, until: Some(at(until)) });
            let source = Source { reads_on: Some(at(position)), ..source() };
            let seen = Seen {
                sources: vec![source.clone()],
                disabled: vec![],
                sessions: vec![reader(), replayer(1)],
                logged: vec![],
                stored: stored.into_iter().collect(),
            };
            let known = Known { refused: &|| Some("permission denied".to_owned()), ..world.known() };
            last = memory.judge(&source, &seen, &known, Duration::from_secs(look as u64 * 10)).1;
        }
        assert_eq!(ids(&last), expected, "{reads_on:?} {stored:?}");
        assert!(
            last.iter().all(|it| it.found.contains("in circles") && it.found.contains("permission denied"))
        );
    }
}

#[test]
fn batches_that_are_not_applied_are_told_once_nothing_of_them_is() {
    let waits = |applied: &str| Source { waiting: 2, applied: Some(applied.to_owned()), ..source() };
    let mut memory = Memory::default();
    let world = World::new();
    for (applied, second, expected) in [
        ("4/0", 0, NO_IDS.to_vec()),
        ("4/0", 119, vec![]),
        ("4/9", 120, vec![]),
        ("4/9", 239, vec![]),
        ("4/9", 240, vec![("stuck", Severity::Error)]),
        ("5/0", 241, vec![]),
    ] {
        let (_, findings) = world.judge(&mut memory, &waits(applied), vec![reader()], second);
        assert_eq!(ids(&findings), expected, "{applied} at {second}");
    }
}

#[test]
fn who_holds_a_lock_is_named() {
    let waits = |seconds: f64| {
        vec![Session {
            blockers: Some("server process 9 of the role app".to_owned()),
            seconds: Some(seconds),
            active: true,
            ..reader()
        }]
    };
    assert_eq!(ids(&World::new().judged(&source(), waits(9.0)).1), NO_IDS);
    let (health, findings) = World::new().judged(&source(), waits(11.0));
    assert_eq!((health, ids(&findings)), (Health::Ailing, vec![("blocked", Severity::Error)]));
    assert!(findings[0].found.contains("server process 9 of the role app"), "{}", findings[0].found);
}

#[test]
fn mysql_is_held_against_where_the_source_reads_on() {
    let of = |logs| ids(&World { logs, ..World::new() }.judged(&source(), vec![reader()]).1);
    assert_eq!(of(None), [("mysql", Severity::Warning)]);
    assert_eq!(of(Some(Err("gone".to_owned()))), [("mysql", Severity::Error)]);
    assert_eq!(of(Some(logs(99))), [("binlog", Severity::Error)]);
    let later = BinlogFile::parse("bin.000002").unwrap();
    let purged = BinaryLogs { files: vec![(later.clone(), 50)], current: later.at(50).unwrap() };
    assert_eq!(of(Some(Ok(purged))), [("binlog", Severity::Error)]);
    let foreign = BinlogFile::parse("other.000001").unwrap();
    let foreign = BinaryLogs { files: vec![(foreign.clone(), 500)], current: foreign.at(500).unwrap() };
    assert_eq!(of(Some(Ok(foreign))), [("binlog", Severity::Error)]);
}

#[test]
fn what_was_lost_is_told_of_its_source_alone() {
    let disabled = |name: &str| Disabled {
        source: 1,
        schema: "shop".to_owned(),
        name: name.to_owned(),
        message: Some("value too\nlong".to_owned()),
    };
    let logged =
        |errors, source| Logged { errors, source, number: 2, message: Some("shop.items: x".to_owned()) };
    let seen = Seen {
        sources: vec![],
        disabled: vec![disabled("items"), Disabled { source: 2, ..disabled("others") }],
        sessions: vec![reader()],
        logged: vec![
            logged(true, Some(1)),
            logged(false, Some(1)),
            logged(true, Some(2)),
            logged(false, None),
        ],
        stored: vec![],
    };
    let source = Source { disabled: 1, ..source() };
    let (shown, findings) = Memory::default().judge(&source, &seen, &World::new().known(), Duration::ZERO);
    let error = Severity::Error;
    assert_eq!(
        ids(&findings),
        [("disabled-tables", error), ("replay-errors", error), ("discarded-rows", error)]
    );
    assert_eq!((shown.health, shown.disabled), (Health::Ailing, 1));
    assert!(
        findings[0].found.contains("shop.items. The last error: value too long"),
        "{}",
        findings[0].found
    );
    // pg_chameleon names a table by its schema on MySQL.
    assert!(
        findings[0].remedy.as_ref().unwrap().contains("--tables my_shop.items`"),
        "{:?}",
        findings[0].remedy
    );
    assert_eq!(ids(&of_no_source(&seen)), [("discarded-rows", error)]);
}

#[test]
fn what_is_not_consistent_is_told_with_what_is_left() {
    let not_yet = |point: i64| Source { consistent: false, consistent_point: Some(at(point)), ..source() };
    let (health, findings) = World::with_more(5000).judged(&not_yet(1124), vec![reader()]);
    assert_eq!((health, ids(&findings)), (Health::Behind, vec![("not-consistent", Severity::Info)]));
    assert!(findings[0].found.contains("1.0 KiB of MySQL's log before it"), "{}", findings[0].found);
    let (health, findings) = World::new().judged(&not_yet(100), vec![reader()]);
    assert_eq!(health, Health::CaughtUp);
    assert!(findings[0].found.contains("when something is changed"), "{}", findings[0].found);
}

#[test]
fn a_pause_is_told() {
    let (health, findings) = World::new().judged(&Source { paused: true, ..source() }, vec![reader()]);
    assert_eq!((health, ids(&findings)), (Health::CaughtUp, vec![("paused", Severity::Warning)]));
}
