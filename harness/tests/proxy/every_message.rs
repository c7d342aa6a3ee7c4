//! Every kind of fault at every message of a conversation that uses all of the protocol: each happens where it
//! should, nothing hangs, and what is committed is all of a transaction or nothing.

use std::io::{Read, Write};

use postgres::{Client, NoTls};

use chameleon_harness::fault::{Fault, MessageKind, Place, Resume, Transcript};

use super::{Fixture, learn};

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

/// Where a message stands to the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Before,
    Within,
    Commit,
    After,
}

/// Runs the conversation with one fault.
fn disturbed(fixture: &Fixture, fault: Fault) -> Transcript {
    let proxy = fixture.proxy(vec![fault]);
    if let Ok(mut client) = fixture.config(&proxy).connect(NoTls) {
        drop(conversation(&mut client));
    }
    proxy.finish()
}

/// Every message in turn, with a fault there; `may_miss` says where it can't happen (by the message
/// and the next one), `expected` whether the
/// transaction must (or must not) be committed then.
fn sweep(
    fault: impl Fn(Place) -> Fault,
    may_miss: impl Fn(MessageKind, MessageKind) -> bool,
    expected: impl Fn(When) -> Option<bool>,
) {
    let fixture = Fixture::new();
    let undisturbed = learn(&fixture, |client| conversation(client).unwrap());
    let [begin, commit] = ["START TRANSACTION", "COMMIT"].map(|sql| super::number_of(&undisturbed, sql));
    let kinds: Vec<_> = undisturbed.messages.iter().map(|seen| seen.kind).collect();
    let next = kinds.iter().skip(1).chain([&MessageKind::Terminate]);
    for (seen, next) in undisturbed.messages.iter().zip(next) {
        let fault = fault(Place::message(seen.number));
        let transcript = disturbed(&fixture, fault);
        let context = format!("{} at {seen}", transcript.faults[0].fault);
        let happened = transcript.all_happened();
        assert!(happened.is_ok() || may_miss(seen.kind, *next), "{context}: {happened:?}");
        let upto = usize::try_from(seen.number).unwrap();
        assert_eq!(transcript.messages[..upto], undisturbed.messages[..upto], "{context}");
        let ids = fixture.ids();
        assert!(ids.is_empty() || ids == [1, 2, 3], "{context}: {ids:?}");
        let when = match seen.number {
            number if number < begin => When::Before,
            number if number < commit => When::Within,
            number if number == commit => When::Commit,
            _ => When::After,
        };
        assert!(expected(when).is_none_or(|expected| expected != ids.is_empty()), "{context}: {ids:?}");
        fixture.aside("TRUNCATE t");
    }
}

#[test]
fn a_failing_statement_at_every_message() {
    use MessageKind::{CopyData, CopyDone, Terminate};
    let can_not = |kind, next| matches!(kind, Terminate | CopyData | CopyDone) || next == CopyData;
    let fault = |place| Fault::statement_fails(place, "53100".parse().unwrap());
    let expected = |when| match when {
        // The library doesn't look at the answer to the Sync after it has prepared a statement.
        When::Before => None,
        When::Within | When::Commit => Some(false),
        When::After => Some(true),
    };
    sweep(fault, can_not, expected);
}

#[test]
fn a_cut_before_every_message() {
    sweep(Fault::cut_before, |_, _| false, |when| Some(when == When::After));
}

#[test]
fn a_cut_during_every_message() {
    sweep(Fault::cut_during, |_, _| false, |when| Some(when >= When::Commit));
}

#[test]
fn a_cut_after_every_message() {
    sweep(Fault::cut_after, |_, _| false, |when| Some(when >= When::Commit));
}

#[test]
fn a_hold_at_every_message() {
    let fault = |place| Fault::hold(place, "nothing", || Ok(Resume::Forward));
    sweep(fault, |_, _| false, |_| Some(true));
}
