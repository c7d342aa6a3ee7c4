//! Every kind of fault at every message of a conversation that uses all of the protocol: each happens where it
//! should, nothing hangs, and what is committed is all of a transaction or nothing.

use std::io::{Read, Write};

use postgres::{Client, NoTls};

use chameleon_harness::fault::{Fault, MessageKind, Place, Resume, Transcript};

use super::{Stage, learn};

/// One transaction that writes 1, 2 and 3 into `t`, between statements of their own.
fn conversation(client: &mut Client) -> Result<(), postgres::Error> {
    client.batch_execute("SET lock_timeout = '1min'")?;
    let insert = client.prepare("INSERT INTO t VALUES ($1, $2)")?;
    let mut transaction = client.transaction()?;
    transaction.execute(&insert, &[&1, &"one"])?;
    transaction.batch_execute("SAVEPOINT undone; INSERT INTO t VALUES (9)")?;
    transaction.batch_execute("ROLLBACK TO SAVEPOINT undone")?;
    let mut step = transaction.savepoint("copy")?;
    let mut writer = step.copy_in("COPY t FROM STDIN")?;
    // An error of the connection shows at the end.
    drop(writer.write_all(b"2\ttwo\n"));
    writer.finish()?;
    drop(step.copy_out("COPY t TO STDOUT")?.read_to_end(&mut Vec::new()));
    step.query("SELECT * FROM t WHERE id = ANY ($1::int[])", &[&vec![1, 2]])?;
    step.simple_query("INSERT INTO t VALUES (3); SELECT * FROM t")?;
    step.commit()?;
    transaction.commit()?;
    client.simple_query("SELECT 1").map(drop)
}

/// Runs the conversation with one fault.
fn disturbed(stage: &Stage, fault: Fault) -> Transcript {
    let proxy = stage.proxy(vec![fault]);
    if let Ok(mut client) = stage.config(&proxy).connect(NoTls) {
        drop(conversation(&mut client));
    }
    proxy.finish()
}

/// Every message in turn, with a fault there; `may_miss` says where it can't happen.
fn sweep(
    fault: impl Fn(Place) -> Fault,
    may_miss: impl Fn(MessageKind) -> bool,
    committed: impl Fn(u64, u64) -> Option<bool>,
) {
    let stage = Stage::new();
    let undisturbed = learn(&stage, |client| conversation(client).unwrap());
    let commit = super::number_of(&undisturbed, "COMMIT");
    for seen in &undisturbed.messages {
        let fault = fault(Place::message(seen.number));
        let transcript = disturbed(&stage, fault);
        let context = format!("{} at {seen}", transcript.faults[0].fault);
        let happened = transcript.all_happened();
        assert!(happened.is_ok() || may_miss(seen.kind), "{context}: {happened:?}");
        let upto = usize::try_from(seen.number).unwrap();
        assert_eq!(transcript.messages[..upto], undisturbed.messages[..upto], "{context}");
        let ids = stage.ids();
        assert!(ids.is_empty() || ids == [1, 2, 3], "{context}: {ids:?}");
        if let Some(committed) = committed(seen.number, commit) {
            assert_eq!(!ids.is_empty(), committed, "{context}");
        }
        stage.direct().batch_execute("TRUNCATE t").unwrap();
    }
}

#[test]
fn a_failing_statement_at_every_message() {
    let can_not =
        |kind| matches!(kind, MessageKind::Terminate | MessageKind::CopyData | MessageKind::CopyDone);
    let fault = |place| Fault::statement_fails(place, "53100".parse().unwrap());
    // Before the transaction, a failed SET or a prepared statement ends the conversation too.
    sweep(fault, can_not, |message, commit| Some(message > commit));
}

#[test]
fn a_cut_before_every_message() {
    sweep(Fault::cut_before, |_| false, |message, commit| Some(message > commit));
}

#[test]
fn a_cut_during_every_message() {
    sweep(Fault::cut_during, |_| false, |message, commit| Some(message >= commit));
}

#[test]
fn a_cut_after_every_message() {
    sweep(Fault::cut_after, |_| false, |message, commit| Some(message >= commit));
}

#[test]
fn a_hold_at_every_message() {
    let fault = |place| Fault::hold(place, "nothing", || Ok(Resume::Forward));
    sweep(fault, |_| false, |_, _| Some(true));
}
