//! What is to be made of rows that differ while the replica moves: they are looked at again, until the replica has passed the place
//! in MySQL's log at which they were read. A row that still is another then, and has not been changed on MySQL since, differs.

use super::compare::{self, Cells, Difference, Digest, Key};
use super::{Look, OnMysql, Pace, Sides, Verdict, VerifyError, replica};
use crate::batches::{Between, Gap};
use crate::binlog::BinlogCoordinate;
use crate::catalogue::v1::read;
use crate::source::{self, Session, Unobserved};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How often a row that keeps changing is looked at again.
const ROUNDS: usize = 5;
/// How often in a row MySQL must have one value and PostgreSQL, which had come so far, another: a row may have been changed in
/// between, and back (seen of a counter that begins anew, ten times a second).
const ALIKE: usize = 3;
/// How long the replica may take to pass a place.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked how far it has come.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How many rows are named.
const NAMED: usize = 5;

/// What a row was when it was looked at.
struct Before {
    /// On MySQL.
    here: Option<Cells>,
    /// In PostgreSQL, which had come so far.
    there: Option<Cells>,
    /// How often it has been so, one time after the other.
    alike: usize,
}

/// Whether the replica has passed a place.
enum Passed {
    Yes,
    No(String),
}

/// Looks at the rows that differed again until it is decided. No verdict: those that were kept are equal now, and there were others.
pub(super) async fn rows(
    sides: &Sides<'_>,
    on_mysql: &OnMysql<'_>,
    mut session: Session,
    look: Look,
) -> Result<(Session, Option<Verdict>), VerifyError> {
    let Look { mut found, more, .. } = look;
    let mut before: HashMap<Key, Before> = HashMap::new();
    let mut decided = Vec::new();
    let mut why = "they keep changing on MySQL".to_owned();
    for _ in 0..=ROUNDS {
        let keys = found.iter().map(|it| it.key().clone()).collect();
        let (back, mut here) = source::rows_by_key(session, sides.query.clone(), keys).await?;
        session = back;
        let now = by_key(sides, &here);
        // What MySQL has not changed in between differs.
        let still = |it: &Difference| {
            let old = before.get(it.key());
            old.is_some_and(|old| old.alike >= ALIKE && old.here.as_ref() == now.get(it.key()))
        };
        let (differ, open): (Vec<_>, Vec<_>) = found.into_iter().partition(still);
        decided.extend(differ);
        found = open;
        if found.is_empty() {
            break;
        }
        if let Passed::No(because) = passed(sides, on_mysql).await? {
            why = because;
            break;
        }
        let keys: Vec<Key> = found.iter().map(|it| it.key().clone()).collect();
        let looked_at: HashSet<&Key> = keys.iter().collect();
        here.retain(|row| looked_at.contains(&key(sides, row)));
        let there =
            replica::rows_by_key(sides.client, sides.table, &sides.columns, &sides.places, &keys).await?;
        (found, _) = compare::compare(&sides.columns, &sides.places, &here, &there);
        let in_postgres = by_key(sides, &there);
        before = keys
            .iter()
            .map(|key| (key.clone(), seen(before.get(key), now.get(key), in_postgres.get(key))))
            .collect();
        let mut surplus: Vec<Key> = in_postgres.into_keys().collect();
        surplus.retain(|key| !now.contains_key(key));
        surplus.sort_by_cached_key(in_order);
        found.extend(surplus.into_iter().map(Difference::Surplus));
        if found.is_empty() {
            break;
        }
    }
    if !decided.is_empty() {
        return Ok((session, Some(verdict(&decided, more))));
    }
    let rows_that_differ = found.len() as u64 + more;
    let verdict = match (found.is_empty(), more) {
        (true, 0) => Some(Verdict::Equal),
        (true, _) => None,
        (false, _) => Some(Verdict::Undecided { why, rows_that_differ }),
    };
    Ok((session, verdict))
}

/// What a row is now, after what it was.
fn seen(before: Option<&Before>, here: Option<&Cells>, there: Option<&Cells>) -> Before {
    let is_alike = |old: &&Before| old.here.as_ref() == here && old.there.as_ref() == there;
    let alike = before.filter(is_alike).map_or(0, |old| old.alike) + 1;
    Before { here: here.cloned(), there: there.cloned(), alike }
}

/// By which keys are told in an order that people expect: that of numbers, where they are some.
fn in_order(key: &Key) -> Vec<(usize, Option<String>)> {
    key.iter().map(|value| (value.as_ref().map_or(0, String::len), value.clone())).collect()
}

/// Looks at a whole table until it is decided; with how many rows there are on MySQL.
pub(super) async fn whole(
    sides: &Sides<'_>,
    on_mysql: &OnMysql<'_>,
    mut session: Session,
    pace: Pace,
) -> Result<(Session, Verdict, u64), VerifyError> {
    let mut why = "its rows keep changing on MySQL".to_owned();
    let (mut rows, mut differ) = (0, 0);
    // What MySQL had before PostgreSQL, which had come so far, was seen to have something else.
    let mut before = None;
    for round in 0..=ROUNDS + 1 {
        let (back, here) = sides.digest_of_mysql(session, pace).await?;
        session = back;
        if let Some((old, there)) = before
            && old == here
        {
            return Ok((session, of_the_whole(here, there), here.rows));
        }
        if round > 0
            && let Passed::No(because) = passed(sides, on_mysql).await?
        {
            why = because;
            break;
        }
        let there = sides.digest_of_postgres().await?;
        if here == there {
            return Ok((session, Verdict::Equal, here.rows));
        }
        (rows, differ) = (here.rows, here.rows.abs_diff(there.rows).max(1));
        before = (round > 0).then_some((here, there));
    }
    Ok((session, Verdict::Undecided { why, rows_that_differ: differ }, rows))
}

fn of_the_whole(here: Digest, there: Digest) -> Verdict {
    let what = format!(
        "{} rows on MySQL, {} in PostgreSQL, and they are not the same; which ones can't be told without a key that both servers \
         find rows by",
        here.rows, there.rows
    );
    Verdict::Unequal { what: vec![what], rows_that_differ: here.rows.abs_diff(there.rows).max(1) }
}

fn key(sides: &Sides<'_>, row: &Cells) -> Key {
    compare::key(&sides.columns, &sides.places, row)
}

fn by_key(sides: &Sides<'_>, rows: &[Cells]) -> HashMap<Key, Cells> {
    rows.iter().map(|row| (key(sides, row), row.clone())).collect()
}

fn verdict(decided: &[Difference], more: u64) -> Verdict {
    let shown = |key: &Key| {
        let values: Vec<_> = key.iter().map(|it| it.as_deref().unwrap_or("NULL")).collect();
        format!("({})", values.join(", "))
    };
    let mut missing = Vec::new();
    let mut surplus = Vec::new();
    let mut doubled = Vec::new();
    let mut unequal = Vec::new();
    for difference in decided {
        match difference {
            Difference::Missing(key) => missing.push(shown(key)),
            Difference::Surplus(key) => surplus.push(shown(key)),
            Difference::Doubled(key, times) => doubled.push(format!("{} {times} times", shown(key))),
            Difference::Unequal(key, columns) => {
                unequal.push(format!("{} in {}", shown(key), columns.join(", ")))
            }
        }
    }
    let kinds = [
        (missing, "missing in PostgreSQL"),
        (surplus, "in PostgreSQL alone"),
        (doubled, "more than once in PostgreSQL"),
        (unequal, "unequal"),
    ];
    let line = |(keys, what): &(Vec<String>, &str)| {
        let named = keys.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let rest = keys.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let rows = crate::wording::counted(keys.len() as u64, "row");
        (!keys.is_empty()).then(|| format!("{rows} {what}: {named}{rest}"))
    };
    let mut what: Vec<_> = kinds.iter().filter_map(line).collect();
    if more > 0 {
        what.push(format!("and {more} more rows that were not looked at again"));
    }
    Verdict::Unequal { what, rows_that_differ: decided.len() as u64 + more }
}

/// Whether the replica passes where MySQL's log ends now.
async fn passed(sides: &Sides<'_>, on_mysql: &OnMysql<'_>) -> Result<Passed, VerifyError> {
    let logs = match source::binary_logs(on_mysql.connection).await {
        Ok(logs) => logs,
        Err(why) => return Ok(Passed::No(format!("MySQL does not say where its log ends: {why}"))),
    };
    let until = logs.current;
    let began = Instant::now();
    loop {
        let position = replica::position(sides.client, sides.table.source_id).await?;
        let why = match &position.reads_on {
            None => "the catalogue does not say how far the replica has come".to_owned(),
            Some(_) if position.waiting => "rows wait to be applied".to_owned(),
            Some(at) => match lies_between(on_mysql, at, &until).await {
                None => return Ok(Passed::Yes),
                Some(why) => why,
            },
        };
        let stopped = read::sessions(sides.client).await?.is_empty();
        if stopped {
            return Ok(Passed::No(format!("the replica is stopped, and {why}")));
        }
        if began.elapsed() > PATIENCE {
            return Ok(Passed::No(format!(
                "after {} s the replica has not come so far: {why}",
                PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// What of the schema lies between the two places; none when nothing does.
async fn lies_between(
    on_mysql: &OnMysql<'_>,
    from: &BinlogCoordinate,
    until: &BinlogCoordinate,
) -> Option<String> {
    if from >= until {
        return None;
    }
    let gap = Gap { batch: 0, from: from.clone(), until: until.clone() };
    let OnMysql { source, connection, schema } = on_mysql;
    let all = source::between(source, connection, schema, vec![gap], &Unobserved).await;
    match all.into_iter().next().map(|(_, between)| between) {
        Some(Between::Nothing) => None,
        Some(Between::Holds { what, at }) => {
            Some(format!("it reads on at {from}, and {what} (at {at}) are ahead of it"))
        }
        Some(Between::Unread(why)) => {
            Some(format!("it reads on at {from}; what lies ahead could not be read: {why}"))
        }
        None => Some(format!("it reads on at {from}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_alike_when_neither_side_has_changed() {
        let cells = |value: &str| vec![Some(value.to_owned())];
        let (a, b) = (cells("a"), cells("b"));
        let first = seen(None, Some(&a), Some(&b));
        assert_eq!(first.alike, 1);
        let second = seen(Some(&first), Some(&a), Some(&b));
        assert_eq!(second.alike, 2);
        assert_eq!(seen(Some(&second), Some(&a), None).alike, 1);
        assert_eq!(seen(Some(&second), Some(&b), Some(&b)).alike, 1);
    }
}
