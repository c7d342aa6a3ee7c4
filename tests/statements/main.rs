//! Our own judgement of statements against the real parser and translation of pg_chameleon 2.0.21 and a real PostgreSQL
//! (§checks, `window-statements`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod decided;
mod generator;
mod oracle;
mod program;

use std::collections::BTreeMap;
use std::thread;

use chameleon_upgrade::daemon::judge;
use chameleon_upgrade::window::{Consequence, Judged};
use generator::{Generated, Generator, SCHEMA};
use oracle::Replica;

/// How many statements. CHAMELEON_STATEMENTS sets another number.
const STATEMENTS: usize = 20_000;

/// How many are judged at a time.
const AT_A_TIME: usize = 1000;

/// How many statements of each form had which consequence.
type Tally = BTreeMap<&'static str, BTreeMap<String, usize>>;

#[test]
fn our_judgement_is_the_daemons() {
    let Some(program) = oracle::daemon("our_judgement_is_the_daemons") else { return };
    let number = std::env::var("CHAMELEON_STATEMENTS").map_or(STATEMENTS, |it| it.parse().expect("a number"));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    let judged: Vec<(Tally, Vec<String>)> = thread::scope(|scope| {
        let program = &program;
        let run = |first: usize| {
            scope.spawn(move || {
                let mut replica = Replica::new();
                let (mut tally, mut wrong) = (Tally::new(), Vec::new());
                for seed in (first..number.div_ceil(AT_A_TIME)).step_by(threads) {
                    let mut generator = Generator::new(seed as u64);
                    let count = AT_A_TIME.min(number - seed * AT_A_TIME);
                    let statements: Vec<_> = (0..count).map(|_| generator.next()).collect();
                    judge_all(program, &mut replica, &statements, &mut tally, &mut wrong);
                }
                (tally, wrong)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("all are judged")).collect()
    });
    let (mut tally, mut wrong) = (Tally::new(), Vec::new());
    for (some, some_wrong) in judged {
        wrong.extend(some_wrong);
        for (form, consequences) in some {
            for (consequence, count) in consequences {
                *tally.entry(form).or_default().entry(consequence).or_default() += count;
            }
        }
    }
    eprintln!("{number} statements, {} judged otherwise than the daemon: {tally:#?}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
    if number >= STATEMENTS {
        let of = |consequence: &str| tally.values().filter_map(|it| it.get(consequence)).sum::<usize>();
        for consequence in ["well", "Unparsable", "Untranslatable", "Disables", "Open"] {
            assert!(of(consequence) > 300, "{consequence} was hardly met");
        }
    }
}

fn judge_all(
    program: &chameleon_upgrade::daemon::installed::Program,
    replica: &mut Replica,
    statements: &[Generated],
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    let texts: Vec<_> = statements.iter().map(|it| it.text.as_str()).collect();
    let texts: Vec<_> = texts.into_iter().filter(|it| !passed_over(it)).collect();
    let answers = oracle::ask(program, &texts);
    for statement in statements {
        let (real, why) = replica.consequence(statement, &answers);
        let ours = judge(SCHEMA, &statement.text);
        let consequence = ours.as_ref().map_or("well".to_owned(), |it| format!("{:?}", it.consequence));
        *tally.entry(statement.form).or_default().entry(consequence).or_default() += 1;
        if !agree(ours.as_ref(), real) {
            wrong.push(format!("{:?}\n  we: {ours:?}\n  it: {real:?} {why}", statement.text));
        }
    }
}

/// What the daemon does not give to its parser.
fn passed_over(text: &str) -> bool {
    ["BEGIN", "COMMIT"].contains(&text.trim().to_uppercase().as_str())
}

/// The fixture is made so that what the data decides goes well in it; but for the letters of a dropped column, since it has
/// columns of both kinds; and for what PostgreSQL takes from a later version on than some are.
fn agree(ours: Option<&Judged>, real: Option<Consequence>) -> bool {
    match ours {
        Some(Judged { consequence: Consequence::Open, why }) => {
            matches!(real, None | Some(Consequence::Open))
                || real == Some(Consequence::Disables)
                    && ["PostgreSQL looks for", "may not take DEFAULT 0x"].iter().any(|it| why.contains(it))
        }
        ours => ours.map(|it| it.consequence) == real,
    }
}
