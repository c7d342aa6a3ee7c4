//! What is to be made of rows that differ while the replica moves: they are looked at again, until the replica has passed the place
//! in MySQL's log at which they were read. A row that still is another then, and has not been changed on MySQL since, differs.

use super::compare::{self, Cells, Difference, Key};
use super::{OnMysql, Sides, Verdict, VerifyError, replica};
use crate::batches::{Between, Gap};
use crate::binlog::BinlogCoordinate;
use crate::catalogue::v1::read;
use crate::facts::mysql::Reading;
use crate::source::{self, Observer, Session};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often a row that keeps changing is looked at again.
const ROUNDS: usize = 5;
/// How long the replica may take to pass a place.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked how far it has come.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How many rows are named.
const NAMED: usize = 5;

/// Nobody watches.
struct Unwatched;

impl Observer for Unwatched {
    fn log_reading(&self, _: &str, _: Reading, _: u64) {}
    fn looked_up(&self, _: &str, _: &str, _: Reading, _: Duration) {}
    fn tables_comparing(&self, _: &str, _: u64, _: u64) {}
    fn tables_compared(&self, _: &str) {}
    fn window_read(&self, _: &str, _: Reading, _: Duration) {}
}

/// Whether the replica has passed a place.
enum Passed {
    Yes,
    No(String),
}

/// Looks at these rows again until it is decided.
pub(super) async fn settle(
    sides: &Sides<'_>,
    on_mysql: &OnMysql<'_>,
    mut session: Session,
    mut found: Vec<Difference>,
    more: u64,
) -> Result<(Session, Verdict), VerifyError> {
    let mut before: HashMap<Key, Option<Cells>> = HashMap::new();
    let mut decided = Vec::new();
    for _ in 0..ROUNDS {
        let keys: Vec<Key> = found.iter().map(|it| it.key().clone()).collect();
        let (back, here) = source::rows_by_key(session, sides.query.clone(), keys.clone()).await?;
        session = back;
        let now = by_key(sides, &here);
        match passed(sides, on_mysql).await? {
            Passed::Yes => {}
            Passed::No(why) => {
                let rows_that_differ = found.len() as u64 + more;
                return Ok((session, Verdict::Undecided { why, rows_that_differ }));
            }
        }
        let there =
            replica::rows_by_key(sides.client, sides.table, &sides.columns, &sides.places, &keys).await?;
        let (mut again, _) = compare::compare(&sides.columns, &sides.places, &here, &there);
        let surplus = by_key(sides, &there).into_keys().filter(|key| !now.contains_key(key));
        again.extend(surplus.map(Difference::Surplus));
        // Not changed on MySQL since the last look: what differs now differs.
        let still =
            |it: &Difference| before.get(it.key()).is_some_and(|old| *old == now.get(it.key()).cloned());
        let (settled, open): (Vec<_>, Vec<_>) = again.into_iter().partition(still);
        decided.extend(settled);
        before = open.iter().map(|it| (it.key().clone(), now.get(it.key()).cloned())).collect();
        found = open;
        if found.is_empty() {
            break;
        }
    }
    if !found.is_empty() && decided.is_empty() {
        let why = "they keep changing on MySQL".to_owned();
        return Ok((session, Verdict::Undecided { why, rows_that_differ: found.len() as u64 }));
    }
    if decided.is_empty() && more == 0 {
        return Ok((session, Verdict::Equal));
    }
    Ok((session, verdict(&decided, more)))
}

fn by_key(sides: &Sides<'_>, rows: &[Cells]) -> HashMap<Key, Cells> {
    rows.iter().map(|row| (compare::key(&sides.columns, &sides.places, row), row.clone())).collect()
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
    let Some(logs) = source::binary_logs(on_mysql.connection).await else {
        return Ok(Passed::No("MySQL does not say where its log ends".to_owned()));
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
    let all = source::between(source, connection, schema, vec![gap], &Unwatched).await;
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
