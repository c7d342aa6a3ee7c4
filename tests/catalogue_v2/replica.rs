//! A replica for one test: the destination tables, batches of events, calls of fn_replay_mysql, and all that a call
//! leaves behind as text, so that two replicas can be compared call by call.

use chameleon_upgrade::names::quote_identifier;
use libtest_mimic::Failed;
use postgres::Client;
use serde_json::Value;

use crate::both::{Answer, SOURCE, add_source, check, in_full, same_lines};

/// The schema of the destination tables.
pub const SCHEMA: &str = "Dest, schema";

/// An event of the binary log, as the daemon stores it.
#[derive(Debug, Clone)]
pub struct Event {
    table: String,
    kind: &'static str,
    after: Option<Value>,
    before: Option<Value>,
    query: Option<String>,
}

/// A row was inserted.
pub fn insert(table: &str, row: Value) -> Event {
    Event { table: table.to_owned(), kind: "insert", after: Some(row), before: None, query: None }
}

/// A row was changed.
pub fn update(table: &str, before: Value, after: Value) -> Event {
    Event { table: table.to_owned(), kind: "update", after: Some(after), before: Some(before), query: None }
}

/// A row was deleted.
pub fn delete(table: &str, row: Value) -> Event {
    Event { table: table.to_owned(), kind: "delete", after: Some(row), before: None, query: None }
}

/// The table was changed.
pub fn ddl(table: &str, query: &str) -> Event {
    Event { table: table.to_owned(), kind: "ddl", after: None, before: None, query: Some(query.to_owned()) }
}

/// What one call of fn_replay_mysql returned, or why it failed, and what it left behind.
#[derive(Debug, Clone)]
pub struct Call {
    pub returned: Result<Returned, String>,
    pub state: Vec<String>,
    /// t_replica_batch.i_skipped of all batches, which the real function counts otherwise.
    pub skipped: Vec<Option<i64>>,
}

/// ty_replay_status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub goes_on: bool,
    pub failed: bool,
    pub errors: Vec<String>,
}

impl Call {
    /// A call that reported no error.
    pub fn is_fine(&self, goes_on: bool) -> bool {
        self.returned == Ok(Returned { goes_on, failed: false, errors: Vec::new() })
    }

    /// Whether a line of the state is `line`.
    pub fn has(&self, line: &str) -> bool {
        self.state.iter().any(|known| known == line)
    }

    /// The lines of the state that begin with `start`.
    pub fn lines(&self, start: &str) -> Vec<&str> {
        self.state.iter().filter(|line| line.starts_with(start)).map(String::as_str).collect()
    }
}

/// The calls of two replicas must be the same, one by one.
pub fn same_calls(real: &[Call], ours: &[Call]) -> Result<(), Failed> {
    check(real.len() == ours.len(), || format!("{} real calls, {} of ours", real.len(), ours.len()))?;
    for (number, (real, ours)) in (1..).zip(real.iter().zip(ours)) {
        check(real.returned == ours.returned, || {
            format!("call {number} returned {:?} (real), {:?} (ours)", real.returned, ours.returned)
        })?;
        same_lines(&format!("states after call {number}"), &real.state, &ours.state)?;
    }
    Ok(())
}

/// A catalogue with destination tables, and the calls made so far.
pub struct Replica<'a> {
    client: &'a mut Client,
    pub calls: Vec<Call>,
    batches: i32,
    events: i64,
}

impl<'a> Replica<'a> {
    /// Brings the catalogue and the destination to a known beginning: one source, and the tables of `replica/tables.sql`.
    pub fn begin(client: &'a mut Client) -> Result<Self, Failed> {
        let mut replica = Self { client, calls: Vec::new(), batches: 0, events: 0 };
        replica.sql(include_str!("replica/empty.sql"))?;
        add_source(replica.client, SOURCE)?;
        replica.sql(include_str!("replica/tables.sql"))?;
        Ok(replica)
    }

    /// Prepares something else.
    pub fn sql(&mut self, statements: &str) -> Result<(), Failed> {
        self.client.batch_execute(statements).answer()
    }

    /// Stores a batch of the source [`SOURCE`] as the daemon leaves it for replay. Batches alternate between the log
    /// tables. Returns its id.
    pub fn batch(&mut self, events: &[Event]) -> Result<i64, Failed> {
        let log_table = format!("t_log_replica_{SOURCE}_{}", self.batches % 2 + 1);
        self.batch_in(&log_table, 1, events)
    }

    /// The same, for any source and log table.
    pub fn batch_in(&mut self, log_table: &str, source: i64, events: &[Event]) -> Result<i64, Failed> {
        self.batches += 1;
        let id: i64 = self
            .client
            .query_one(
                "INSERT INTO sch_chameleon.t_replica_batch
                    (i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed, v_log_table, ts_created)
                VALUES ($1, 'mysql-bin.000007', $2::int, true, true, $3,
                    '2024-01-01'::timestamp + $2::int * interval '1 minute')
                RETURNING i_id_batch",
                &[&source, &self.batches, &log_table],
            ).answer()?
            .get(0);
        let store = self.client.prepare(&format!(
            "INSERT INTO sch_chameleon.{}
                (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name, i_binlog_position,
                jsb_event_after, jsb_event_before, t_query, i_my_event_time)
            VALUES ($1, $2, $3, $4::text::sch_chameleon.en_binlog_event, 'mysql-bin.000007', $5, $6, $7, $8, $9)",
            quote_identifier(log_table)
        )).answer()?;
        for event in events {
            self.events += 1;
            self.client
                .execute(
                    &store,
                    &[
                        &id,
                        &event.table,
                        &SCHEMA,
                        &event.kind,
                        &(1_000 + self.events),
                        &event.after,
                        &event.before,
                        &event.query,
                        &(1_700_000_000 + self.events),
                    ],
                )
                .answer()?;
        }
        self.client
            .execute(
                "INSERT INTO sch_chameleon.t_batch_events
            SELECT $1, array_agg(i_id_event ORDER BY i_id_event) FROM sch_chameleon.t_log_replica
            WHERE i_id_batch = $1 HAVING count(*) > 0",
                &[&id],
            )
            .answer()?;
        Ok(id)
    }

    /// Calls fn_replay_mysql once for the source [`SOURCE`].
    pub fn replay(&mut self, max_events: i32, exit_on_error: bool) -> Result<&Call, Failed> {
        self.call(&max_events.to_string(), exit_on_error)
    }

    /// The same, with the number of events as an expression.
    pub fn call(&mut self, max_events: &str, exit_on_error: bool) -> Result<&Call, Failed> {
        let query = format!(
            "SELECT b_continue, b_error, coalesce(v_table_error::text[], '{{}}')
            FROM sch_chameleon.fn_replay_mysql({max_events}, 1, {exit_on_error})"
        );
        let returned = match self.client.query_one(&query, &[]) {
            Ok(row) => Ok(Returned { goes_on: row.get(0), failed: row.get(1), errors: row.get(2) }),
            Err(error) => Err(in_full(&error)),
        };
        let call = Call { returned, state: self.state()?, skipped: self.skipped()? };
        self.calls.push(call);
        self.calls.last().ok_or_else(|| "no call".into())
    }

    /// Calls it as the daemon does, until there is nothing more to do; not for ever.
    pub fn replay_all(&mut self, max_events: i32) -> Result<(), Failed> {
        for _ in 0..1_000 {
            let call = self.replay(max_events, false)?;
            if !call.returned.as_ref().is_ok_and(|returned| returned.goes_on) {
                return Ok(());
            }
        }
        Err("fn_replay_mysql wants to go on after 1,000 calls".into())
    }

    /// The rows of a destination table as text.
    pub fn rows(&mut self, table: &str) -> Result<Vec<String>, Failed> {
        let table = format!("{}.{}", quote_identifier(SCHEMA), quote_identifier(table));
        let query = format!("SELECT t::text FROM {table} t ORDER BY t::text COLLATE \"C\"");
        Ok(self.client.query(&query, &[]).answer()?.iter().map(|row| row.get(0)).collect())
    }

    /// Every event of a replayed batch must be in one of its three counters.
    pub fn every_event_is_counted(&mut self) -> Result<(), Failed> {
        let row = self.client.query_one(
            "SELECT coalesce(sum(coalesce(i_replayed, 0) + coalesce(i_ddl, 0) + i_skipped), 0)::bigint, bool_and(b_replayed)
            FROM sch_chameleon.t_replica_batch",
            &[],
        ).answer()?;
        let counted: i64 = row.get(0);
        check(row.get::<_, Option<bool>>(1) == Some(true), || "not every batch is replayed".to_owned())?;
        check(counted == self.events, || format!("{counted} events counted of {}", self.events))
    }

    fn state(&mut self) -> Result<Vec<String>, Failed> {
        let mut state: Vec<String> = self
            .client
            .query(include_str!("replica/state.sql"), &[])
            .answer()?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let tables = self.client.query(
            "SELECT relname::text FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'
            ORDER BY relname",
            &[&format!("\"{SCHEMA}\"")],
        ).answer()?;
        for table in tables.iter().map(|row| row.get::<_, String>(0)) {
            state.extend(self.rows(&table)?.iter().map(|row| format!("{table} {row}")));
        }
        Ok(state)
    }

    fn skipped(&mut self) -> Result<Vec<Option<i64>>, Failed> {
        let query = "SELECT i_skipped FROM sch_chameleon.t_replica_batch ORDER BY i_id_batch";
        Ok(self.client.query(query, &[]).answer()?.iter().map(|row| row.get(0)).collect())
    }
}
