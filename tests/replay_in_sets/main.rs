//! The replay in sets against `fn_process_batch`, the real one of 1.8.2 where it is installed, else ours: streams of
//! events, random ones and such as are written by hand to break it, replayed by both on a database each, must leave the
//! same rows, log, list, counters and times, and fail at the same event with the same message.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod arena;
mod hostile;
mod stream;

use arena::Arena;
use hostile::{CUT, Way};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::{Cell, RefCell};

/// How many sources share a catalogue, each with tables and a stream of its own.
const SOURCES: usize = 8;

/// How many catalogues are tried; `REPLAY_CASES` says otherwise.
const CATALOGUES: u32 = 60;

#[test]
fn random_streams_give_what_the_function_gives() {
    let arena = RefCell::new(Arena::new());
    let catalogues =
        std::env::var("REPLAY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CATALOGUES);
    let config =
        Config { cases: catalogues, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let (streams, in_sets, partly, by_function, failed) =
        (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let differs = Cell::new(false);
    let add = |to: &Cell<u32>, more: u32| to.set(to.get() + more);
    TestRunner::new(config)
        .run(&vec(stream::source(), 1..=SOURCES), |sources| {
            let cuts: Vec<_> = sources.iter().map(stream::RandomSource::cut).collect();
            let tally = arena.borrow_mut().contest(&stream::seed(&sources), &cuts).map_err(|difference| {
                if !differs.replace(true) {
                    eprintln!("before shrinking: {difference}");
                }
                TestCaseError::fail(difference)
            })?;
            if !differs.get() {
                add(&streams, u32::try_from(sources.len()).unwrap_or_default());
                add(&in_sets, tally.in_sets);
                add(&partly, tally.partly);
                add(&by_function, tally.by_function);
                add(&failed, tally.failed);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{} streams in {catalogues} catalogues: {} slices in sets, {} partly, {} by the function; {} streams ended at an event \
         that fails",
        streams.get(),
        in_sets.get(),
        partly.get(),
        by_function.get(),
        failed.get()
    );
    let ways = [&in_sets, &partly, &by_function, &failed];
    assert!(ways.iter().all(|way| way.get() > 0), "a way that was never gone");
}

#[test]
fn streams_that_could_break_it_go_the_way_they_must() {
    let mut arena = Arena::new();
    let mut wrong = Vec::new();
    for case in hostile::cases() {
        match arena.contest(&case.seed, &[CUT]) {
            Err(difference) => wrong.push(format!("{}: {difference}", case.name)),
            Ok(tally) => {
                let way = match (tally.in_sets, tally.partly, tally.by_function, tally.failed) {
                    (.., 1) => Way::Fails,
                    (1, 0, 0, _) => Way::Sets,
                    (_, 1.., ..) => Way::Partly,
                    (1.., 0, 1.., _) => Way::Around,
                    _ => Way::Function,
                };
                if way != case.way {
                    wrong.push(format!("{}: went {way:?} instead of {:?} ({tally:?})", case.name, case.way));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
