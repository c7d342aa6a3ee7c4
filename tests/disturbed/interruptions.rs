//! The client killed, its session ended, the connection cut, the server crashed or gone: the catalogue is the
//! complete 1.7 or the complete 2.0, and the exit code and the last line say which.

use crate::replica::demo_source;
use crate::scene::{
    Ended, Outcome, Running, STEPS, Scene, commit, hold, messages_of_the_transaction, quiet, until, waiting,
};
use chameleon_harness::fault::{Fault, Place};
use chameleon_harness::server::{LocalOptions, LocalServer, Server, local};
use rustix::process::Signal;

/// Stops an upgrade at a place and does something to it there, before the message goes on.
fn at(scene: &Scene, place: Place, more: &[&str], action: impl FnOnce(&mut Running)) -> Ended {
    at_after(scene, vec![], place, more, action)
}

/// The same when something has gone wrong before.
fn at_after(
    scene: &Scene,
    mut faults: Vec<Fault>,
    place: Place,
    more: &[&str],
    action: impl FnOnce(&mut Running),
) -> Ended {
    let (held, holding) = hold(place);
    faults.push(held);
    let mut running = scene.start(faults, &[&["--yes"], more].concat());
    holding.wait(&mut running);
    action(&mut running);
    holding.go_on();
    running.end()
}

/// A second run succeeds, and what it makes is what an undisturbed one makes.
fn assert_goes_on(scene: &Scene) {
    scene.until_no_upgrader();
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

/// 1.7 is there as it was, and the program has said so and nothing else.
fn assert_rolled_back(scene: &Scene, ended: &Ended) {
    ended.assert_code(4).assert_last_says(&["1.7 is in place"]);
    scene.until_no_upgrader();
    scene.assert_unchanged();
}

#[test]
fn the_client_is_killed_at_each_step() {
    for step in STEPS {
        let scene = Scene::of(&quiet());
        let killed = at(&scene, Place::in_step(step, 2), &[], Running::kill);
        assert_eq!(killed.code, None);
        scene.until_no_upgrader();
        scene.assert_unchanged();
        assert_goes_on(&scene);
    }
}

#[test]
fn the_client_is_killed_at_each_message() {
    let scene = Scene::of(&quiet());
    let (messages, commit) = messages_of_the_transaction();
    for number in messages.chain([commit]) {
        let killed = at(&scene, Place::message(number), &[], Running::kill);
        assert_eq!(killed.code, None);
        scene.until_no_upgrader();
        scene.assert_unchanged();
    }
    assert_goes_on(&scene);
}

#[test]
fn a_killed_client_does_not_keep_its_place_in_the_queue_for_a_lock() {
    let scene = Scene::of(&quiet());
    let mut other = scene.replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE sch_chameleon.t_replica_batch IN SHARE MODE").unwrap();
    let mut running = scene.start(vec![], &["--yes"]);
    until_it_waits_for_a_lock(&scene, &mut running);
    running.kill();
    drop(running.end());
    scene.until_no_upgrader();
    transaction.commit().unwrap();
    scene.assert_unchanged();
    assert_goes_on(&scene);
}

fn until_it_waits_for_a_lock(scene: &Scene, running: &mut Running) {
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE NOT granted AND application_name = 'chameleon-upgrade' AND datname = current_database()";
    until(|| {
        assert!(!running.has_ended(), "it did not wait");
        scene.replica.value(waits) == "1"
    });
}

#[test]
fn the_session_is_terminated_at_each_step() {
    for step in STEPS {
        let scene = Scene::of(&quiet());
        let ended = at(&scene, Place::in_step(step, 2), &[], |_| scene.terminate_upgrader());
        assert_rolled_back(&scene, &ended);
        ended.assert_last_says(&["Nothing is left to clean up"]);
        assert_goes_on(&scene);
    }
}

#[test]
fn the_session_is_terminated_at_each_message() {
    let scene = Scene::of(&quiet());
    let (messages, commit) = messages_of_the_transaction();
    for number in messages.chain([commit]) {
        let ended = at(&scene, Place::message(number), &[], |_| scene.terminate_upgrader());
        assert_rolled_back(&scene, &ended);
        ended.assert_last_says(&["Nothing is left to clean up"]);
    }
    assert_goes_on(&scene);
}

#[test]
fn a_signal_comes_at_each_step() {
    let scene = Scene::of(&quiet());
    let places = STEPS.map(|step| Place::in_step(step, 2)).into_iter().chain([commit()]);
    for (place, signal) in places.zip([Signal::INT, Signal::TERM, Signal::HUP].into_iter().cycle()) {
        let (held, holding) = hold(place);
        let mut running = scene.start(vec![held], &["--yes"]);
        holding.wait(&mut running);
        running.signal(signal);
        // It has let go of its session when it asks in another one what became of the transaction.
        until(|| running.has_ended() || running.transcript().connections > 1);
        holding.cut();
        let ended = running.end();
        assert_rolled_back(&scene, &ended);
        ended.assert_says(&["interrupted"]).assert_last_says(&["Nothing is left to clean up"]);
    }
    assert_goes_on(&scene);
}

#[test]
fn a_signal_ends_the_wait_for_a_lock() {
    let scene = Scene::of(&quiet());
    let mut other = scene.replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE sch_chameleon.t_replica_batch IN SHARE MODE").unwrap();
    let mut running = scene.start(vec![], &["--yes", "--patience", "5"]);
    until_it_waits_for_a_lock(&scene, &mut running);
    running.signal(Signal::INT);
    let ended = running.end();
    ended.assert_says(&["interrupted"]).assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
    ended.assert_code(4);
    scene.until_no_upgrader();
    transaction.commit().unwrap();
    scene.assert_unchanged();
}

#[test]
fn a_signal_before_the_transaction_refuses() {
    let scene = Scene::of(&quiet());
    let (held, holding) = hold(Place::message(12));
    let mut running = scene.start(vec![held], &["--yes"]);
    holding.wait(&mut running);
    running.signal(Signal::INT);
    until(|| running.has_ended());
    holding.cut();
    running.end().assert_code(3).assert_last_says(&["interrupted", "Nothing was changed"]);
    scene.assert_unchanged();
}

#[test]
fn the_connection_is_cut_at_each_step() {
    let scene = Scene::of(&quiet());
    for step in STEPS {
        for cut in [Fault::cut_before, Fault::cut_during, Fault::cut_after] {
            let ended = scene.upgrade(vec![cut(Place::in_step(step, 2))]);
            assert_rolled_back(&scene, &ended);
            ended.assert_last_says(&["Nothing is left to clean up"]);
        }
    }
    assert_goes_on(&scene);
}

#[test]
fn the_connection_is_cut_before_the_commit() {
    let scene = Scene::of(&quiet());
    let ended = scene.upgrade(vec![Fault::cut_before(commit())]);
    assert_rolled_back(&scene, &ended);
    ended.assert_says(&["the step \"commit\" failed"]);
    assert_goes_on(&scene);
}

#[test]
fn the_answer_to_the_commit_is_lost() {
    for cut in [Fault::cut_during, Fault::cut_after] {
        let scene = Scene::of(&quiet());
        let ended = scene.upgrade(vec![cut(commit())]);
        ended
            .assert_code(0)
            .assert_says(&["The connection was lost at the commit", "the server says that it was done"]);
        ended.assert_last_says(&["Upgraded: sch_chameleon is the 2.0.10 catalogue"]);
        scene.assert_upgraded_as(Outcome::undisturbed());
        scene.upgrade(vec![]).assert_code(0).assert_last_says(&["there is nothing to do"]);
    }
}

/// The messages that ask what became of the transaction.
fn questions(ended: &Ended) -> Vec<u64> {
    let asks = |sql: &String| sql.starts_with("SELECT txid_status");
    let messages = ended.transcript.messages.iter();
    messages.filter(|message| message.sql.as_ref().is_some_and(asks)).map(|message| message.number).collect()
}

/// Loses the upgrade at its commit and has the first question about it fail.
fn the_question_fails(cut: Fault, sqlstate: &str) -> (Scene, Ended) {
    let first = Scene::of(&quiet());
    let [question] = questions(&first.upgrade(vec![Fault::cut_after(commit())]))[..] else {
        panic!("not one")
    };
    let scene = Scene::of(&quiet());
    let fails = Fault::statement_fails(Place::message(question), sqlstate.parse().unwrap());
    let ended = scene.upgrade(vec![cut, fails]);
    (scene, ended)
}

#[test]
fn a_question_that_fails_is_asked_again() {
    // Had its failure been taken for an answer, a transaction that is still open would be said to be undone.
    let (scene, ended) = the_question_fails(Fault::cut_after(commit()), "out_of_memory");
    ended.assert_code(0).assert_says(&["the server says that it was done"]);
    assert_eq!(questions(&ended).len(), 2);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn a_server_that_has_never_heard_of_the_transaction_has_answered() {
    // As one says that crashed before anything of the transaction came to the disk: its number lies in the future.
    let (scene, ended) = the_question_fails(Fault::cut_before(commit()), "22023");
    assert_eq!(questions(&ended).len(), 1);
    ended.assert_last_says(&["Nothing is left to clean up"]);
    assert_rolled_back(&scene, &ended);
    assert_goes_on(&scene);
}

/// The first work of the step install, which fails; then follow going back and the undo's COMMIT.
fn fails_in_install() -> Fault {
    Fault::statement_fails(Place::in_step("install", 3), "disk_full".parse().unwrap())
}

fn going_back() -> Place {
    Place::in_step("install", 4)
}

fn commit_of_the_undo() -> Place {
    Place::in_step("commit", 1)
}

#[test]
fn the_connection_is_cut_while_going_back() {
    let scene = Scene::of(&quiet());
    for cut in [
        Fault::cut_before(going_back()),
        Fault::cut_after(going_back()),
        Fault::cut_before(commit_of_the_undo()),
    ] {
        let ended = scene.upgrade(vec![fails_in_install(), cut]);
        ended.assert_says(&["the step \"install the 2.0.10 catalogue\" failed", "[SQLSTATE 53100]"]);
        ended.assert_last_says(&["Nothing is left to clean up"]);
        assert_rolled_back(&scene, &ended);
    }
    assert_goes_on(&scene);
}

#[test]
fn the_connection_is_cut_while_all_is_undone() {
    let scene = Scene::of(&quiet());
    let fails_in_rename =
        || Fault::statement_fails(Place::in_step("rename", 2), "disk_full".parse().unwrap());
    let rolls_back = |ended: &Ended| {
        ended.transcript.messages.iter().any(|message| message.sql.as_deref() == Some("ROLLBACK"))
    };
    let undisturbed = scene.upgrade(vec![fails_in_rename()]);
    assert!(rolls_back(&undisturbed) && questions(&undisturbed).is_empty());
    assert_rolled_back(&scene, &undisturbed);
    let rollback = || Place::in_step("rename", 3);
    for cut in [Fault::cut_before(rollback()), Fault::cut_after(rollback())] {
        let ended = scene.upgrade(vec![fails_in_rename(), cut]);
        // Nobody has said that it was undone: the server is asked.
        assert!(rolls_back(&ended) && !questions(&ended).is_empty());
        ended.assert_last_says(&["Nothing is left to clean up"]);
        assert_rolled_back(&scene, &ended);
    }
    assert_goes_on(&scene);
}

#[test]
fn the_answer_to_the_commit_of_the_undo_is_lost() {
    let scene = Scene::of(&quiet());
    let lost = Fault::cut_after(commit_of_the_undo());
    let ended = scene.upgrade(vec![fails_in_install(), lost]);
    ended.assert_code(4).assert_last_says(&["1.7 is in place", "_sch_chameleon_version2"]);
    scene.assert_intact();
    scene.clean_up(&["--drop"]);
    scene.assert_unchanged();
    assert_goes_on(&scene);
}

#[test]
fn a_step_fails_and_keeping_it_fails_too() {
    let scene = Scene::of(&quiet());
    let keeping = commit_of_the_undo();
    let ended = scene
        .upgrade(vec![fails_in_install(), Fault::statement_fails(keeping, "out_of_memory".parse().unwrap())]);
    ended.assert_says(&["[SQLSTATE 53100]", "failed too", "[SQLSTATE 53200]"]);
    ended.assert_last_says(&["Nothing of the upgrade is left"]);
    assert_rolled_back(&scene, &ended);
}

/// A server that a test may crash.
fn server() -> LocalServer {
    local(&LocalOptions::default()).unwrap()
}

fn scene_on(server: &LocalServer) -> Scene {
    let scene = Scene::on(server, &quiet(), vec![demo_source()]);
    // Else the sequences, which are logged ahead of their values, jump at the first crash.
    scene.replica.sql("CHECKPOINT");
    scene
}

#[test]
fn the_server_crashes_at_each_step() {
    let mut server = server();
    let scene = scene_on(&server);
    for place in ["lock", "rename", "install", "tables", "verify"]
        .map(|step| Place::in_step(step, 2))
        .into_iter()
        .chain([commit()])
    {
        let ended = at(&scene, place, &[], |_| {
            server.kill().unwrap();
            server.restart().unwrap();
        });
        assert_rolled_back(&scene, &ended);
        ended.assert_last_says(&["Nothing is left to clean up"]);
    }
    assert_goes_on(&scene);
}

/// The first message of the session that asks what became of a commit whose answer was lost.
fn after_the_commit() -> Place {
    Place::message(messages_of_the_transaction().1 + 1)
}

#[test]
fn the_server_crashes_after_the_commit() {
    let mut server = server();
    let scene = scene_on(&server);
    let ended = at_after(&scene, vec![Fault::cut_after(commit())], after_the_commit(), &[], |_| {
        server.kill().unwrap();
        server.restart().unwrap();
    });
    ended.assert_code(0).assert_says(&["the server says that it was done"]);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

/// The server goes at a place and does not come back while the upgrader waits for it.
fn gone_for_good(server: &mut LocalServer, scene: &Scene, faults: Vec<Fault>, place: Place) -> Ended {
    at_after(scene, faults, place, &["--patience", "1"], |_| server.kill().unwrap())
}

/// What the program says must be asked, asked.
fn ask(scene: &Scene, ended: &Ended) -> (Option<String>, String) {
    let mut client = scene.replica.client();
    let status = client.query_one(ended.statement("SELECT txid_status(").trim_end_matches(';'), &[]);
    let version = client.query_one(ended.statement("SELECT t_version").trim_end_matches(';'), &[]).unwrap();
    (status.ok().and_then(|row| row.get(0)), version.get(0))
}

#[test]
fn the_server_is_gone_for_good_at_the_commit() {
    let mut server = server();
    let scene = scene_on(&server);
    let ended = gone_for_good(&mut server, &scene, vec![], commit());
    ended.assert_code(5).assert_last_says(&["The outcome is not known", "1.7: ", "2.0.10: "]);
    server.restart().unwrap();
    let (status, version) = ask(&scene, &ended);
    assert!(status.is_none_or(|status| status == "aborted"));
    assert_eq!(version, "1.7");
    scene.assert_unchanged();
    assert_goes_on(&scene);
}

#[test]
fn the_server_is_gone_for_good_after_the_commit() {
    let mut server = server();
    let scene = scene_on(&server);
    let lost = Fault::cut_after(commit());
    let ended = gone_for_good(&mut server, &scene, vec![lost], after_the_commit());
    ended.assert_code(5).assert_last_says(&["The outcome is not known"]);
    server.restart().unwrap();
    assert_eq!(ask(&scene, &ended), (Some("committed".to_owned()), "2.0.10".to_owned()));
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn the_server_is_gone_for_good_at_an_earlier_step() {
    let mut server = server();
    let scene = scene_on(&server);
    for step in ["lock", "tables"] {
        let ended = gone_for_good(&mut server, &scene, vec![], Place::in_step(step, 2));
        ended.assert_code(4).assert_last_says(&["the commit was never sent", "1.7 is in place"]);
        server.restart().unwrap();
        scene.assert_unchanged();
    }
    assert_goes_on(&scene);
}

#[test]
fn the_server_is_gone_for_good_while_going_back() {
    let mut server = server();
    let scene = scene_on(&server);
    let ended = gone_for_good(&mut server, &scene, vec![fails_in_install()], going_back());
    // Nothing can have been kept: its commit was never sent.
    ended.assert_code(4).assert_last_says(&["the commit was never sent", "1.7 is in place"]);
    assert!(!ended.shown.contains("_sch_chameleon_version2"), "{}", ended.shown);
    server.restart().unwrap();
    scene.assert_unchanged();
    assert_goes_on(&scene);
}

#[test]
fn the_server_is_gone_for_good_at_the_commit_of_the_undo() {
    let mut server = server();
    let scene = scene_on(&server);
    let ended = gone_for_good(&mut server, &scene, vec![fails_in_install()], commit_of_the_undo());
    // Whether the schema was kept can't be known.
    ended.assert_code(4).assert_last_says(&[
        "1.7 is in place",
        "may be left",
        "chameleon-upgrade cleanup shows whether it is there",
    ]);
    assert!(!ended.shown.contains("never sent"), "{}", ended.shown);
    server.restart().unwrap();
    scene.assert_unchanged();
    scene.clean_up(&["--drop"]);
    assert_goes_on(&scene);
}

#[test]
fn a_frozen_server_is_waited_for_no_longer_than_asked() {
    let mut server = server();
    let scene = scene_on(&server);
    let (held, holding) = hold(commit());
    let mut running = scene.start(vec![held], &["--yes", "--patience", "1"]);
    holding.wait(&mut running);
    server.freeze().unwrap();
    holding.cut();
    running.end().assert_code(5).assert_last_says(&["The outcome is not known"]);
    server.thaw().unwrap();
    scene.until_no_upgrader();
    scene.assert_unchanged();
    assert_goes_on(&scene);
}

#[test]
fn a_frozen_server_goes_on_after_the_thaw() {
    let mut server = server();
    let scene = scene_on(&server);
    let ended = at(&scene, Place::in_step("tables", 2), &[], |_| {
        server.freeze().unwrap();
        server.thaw().unwrap();
    });
    ended.assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn a_signal_ends_the_replay() {
    let sources = vec![demo_source().with("replay_max_rows", 20)];
    let scene = Scene::with(&waiting(), sources);
    let mut other = scene.replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE shop.order_lines").unwrap();
    let mut running = scene.start(vec![], &["--yes"]);
    until_it_waits_for_a_lock(&scene, &mut running);
    running.signal(Signal::TERM);
    let ended = running.end();
    ended.assert_code(4).assert_last_says(&[
        "Interrupted during the replay",
        "1.7 is in place",
        "1.8.2 can go on",
    ]);
    // Nothing of it waits on.
    scene.until_no_upgrader();
    transaction.commit().unwrap();
    assert_eq!(scene.replica.value("SELECT t_version FROM sch_chameleon.v_version"), "1.7");

    let undisturbed = Scene::of(&waiting());
    undisturbed.upgrade(vec![]).assert_code(0);
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(&Outcome::of(&undisturbed.replica));
}
