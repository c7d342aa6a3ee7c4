//! The rule of batches and the points of tables against a model of 1.8.2's own life (§batches,
//! §live-batches, §start, §point; §hunt-1; §report-14): whatever 1.8.2 has gone through, nothing that it has
//! applied is read again, and nothing that it has lost is lost unnamed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod judge;
mod planted;
#[path = "../replica/mod.rs"]
mod replica;
mod world;

use std::thread;

use judge::{Tally, judge};
use world::World;

/// How many lives. CHAMELEON_LIVES sets another number.
const LIVES: u64 = 100_000;

#[test]
fn nothing_is_applied_twice_and_nothing_is_lost_unnamed() {
    let lives = std::env::var("CHAMELEON_LIVES").map_or(LIVES, |lives| lives.parse().expect("a number"));
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let run = |first| scope.spawn(move || (first..lives).step_by(threads as usize).map(life).sum());
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("every life is judged well")).collect()
    });
    let tally: Tally = tallies.into_iter().sum();
    eprintln!("{tally:?}");
    if lives >= LIVES {
        for (met, what) in [
            (tally.crashed, "crashes"),
            (tally.two_live, "live batches beside the newest"),
            (tally.orphans, "orphans"),
            (tally.unproven, "batches that are not proven"),
            (tally.moved, "points that a row has moved"),
            (tally.without_batch, "sources without a batch"),
        ] {
            assert!(met > 100, "{what} were hardly met: {tally:?}");
        }
    }
}

/// Lives a life and judges how it ended.
fn life(seed: u64) -> Tally {
    let mut tally = Tally { lives: 1, ..Tally::default() };
    let (mut world, replayed) = lived(seed, false);
    if !replayed {
        // 1.8.2 can't go on by itself, and the upgrade is refused: stored-twice, or the replay.
        tally.broken = 1;
        return tally;
    }
    for source in 0..world.tables.len() {
        let ask_mysql = world.chance(0.3);
        if let Err(wrong) = judge(&world, source, ask_mysql, &mut tally) {
            let (world, _) = lived(seed, true);
            let story = world.story.unwrap_or_default().join("\n");
            panic!(
                "life {seed}, source {source}: {wrong}\n{story}\n{:#?}\n{:?}",
                world.batches, world.stored
            );
        }
    }
    tally
}

/// Up to the upgrade, which first replays what is listed; and whether that can be done.
fn lived(seed: u64, told: bool) -> (World, bool) {
    let mut world = World::new(seed);
    world.story = told.then(Vec::new);
    let steps = 5 + u32::try_from(seed % 40).expect("below 40");
    let lived = world.live(steps);
    let replayed = lived.and_then(|()| (0..world.tables.len()).try_for_each(|source| world.replay(source)));
    (world, replayed.is_ok())
}
