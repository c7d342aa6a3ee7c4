//! The replay in sets against `fn_process_batch`, the real one of 1.8.2 where it is installed, else ours: random
//! streams of events on random tables, replayed by both on a database each, must leave the same rows, log, list,
//! counters and times, and fail at the same event with the same message.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod cases;
mod stream;

use cases::{Contest, Template};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;

/// How many sources share a catalogue, each with tables and a stream of its own.
const SOURCES: usize = 10;

/// How many catalogues are tried; `REPLAY_CASES` says otherwise.
const CATALOGUES: u32 = 30;

#[test]
fn random_streams_give_what_the_function_gives() {
    let template = Template::new();
    let catalogues =
        std::env::var("REPLAY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CATALOGUES);
    let config =
        Config { cases: catalogues, max_shrink_iters: 80, failure_persistence: None, ..Config::default() };
    let (sets, partly, functions) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let failed = Cell::new(false);
    TestRunner::new(config)
        .run(&vec(stream::source(), 1..=SOURCES), |sources| {
            let mut contest = Contest::new(&template, &sources);
            let tally = contest.decide().map_err(|difference| {
                if !failed.replace(true) {
                    eprintln!("before shrinking: {difference}");
                }
                TestCaseError::fail(difference)
            })?;
            if !failed.get() {
                sets.set(sets.get() + tally.in_sets);
                partly.set(partly.get() + tally.partly);
                functions.set(functions.get() + tally.by_function);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{catalogues} catalogues: {} slices in sets, {} partly, {} by the function",
        sets.get(),
        partly.get(),
        functions.get()
    );
    assert!(sets.get() > 0 && partly.get() > 0 && functions.get() > 0, "a way that was never gone");
}
