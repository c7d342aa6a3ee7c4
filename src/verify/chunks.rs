//! Reads a table chunk by chunk, and looks for what is in PostgreSQL alone: §after-verify.
//!
//! Where digests will do, the rows of a chunk are read only when those of the two sides differ; or else all rows are read. Where the
//! key is one whole number, the rows of PostgreSQL are those of the same range of keys, and elsewhere those of the same keys.

use super::compare::{self, Cells, Column, Difference, Key};
use super::reading::{Reading, Traversal, number_key};
use super::{KEPT, Look, Observer, Pace, Part, Sides, VerifyError, digest, replica};
use crate::source::{self, Session, TableQuery};
use std::collections::HashSet;
use std::time::Instant;

impl Sides<'_> {
    /// All rows of MySQL, chunk by chunk, and then those that are in PostgreSQL alone.
    pub(super) async fn chunks(
        &self,
        mut session: Session,
        pace: Pace,
        from: Option<Part>,
        observer: &dyn Observer,
    ) -> Result<(Session, Look), VerifyError> {
        let mut reading = self.reading(from);
        let traversal = Traversal { pace, observer, began: Instant::now(), before: reading.look.rows };
        let mut equal_to_the_end = false;
        if let Some(key) = self.number.as_ref().filter(|_| !pace.exact)
            && replica::prepare_for_digests(self.client).await?
        {
            (session, equal_to_the_end) =
                digest::chunks(self, key, session, &mut reading, &traversal).await?;
        }
        if !equal_to_the_end {
            session = self.read(session, &mut reading, None, &traversal).await?;
        }
        self.end(session, reading, pace, equal_to_the_end).await
    }

    /// What is known of the table from before, where it can go on from there.
    fn reading(&self, from: Option<Part>) -> Reading {
        match from.filter(|part| self.key_values(&part.behind).is_some()) {
            Some(Part { behind, rows, by_digest, matched, found, more, alone }) => Reading {
                look: Look { rows, by_digest, found, more },
                matched,
                alone,
                last: Some(behind),
                surplus_more: 0,
            },
            None => Reading {
                look: Look { rows: 0, by_digest: 0, found: vec![], more: 0 },
                matched: 0,
                alone: false,
                last: None,
                surplus_more: 0,
            },
        }
    }

    /// The rows behind the last key that was read, up to this one or to the end, compared by value.
    pub(super) async fn read(
        &self,
        session: Session,
        reading: &mut Reading,
        until: Option<i128>,
        traversal: &Traversal<'_>,
    ) -> Result<Session, VerifyError> {
        let mut query = self.query.clone();
        query.behind = reading.last.as_ref().and_then(|last| self.key_values(last));
        query.until = until.map(source::KeyValue::Number);
        let mut rows = source::table_rows(query, session);
        while let Some(part) = rows.received.recv().await {
            let part = part?;
            let keys = self.keys(&part);
            self.take(reading, &part, &keys).await?;
            traversal.has_read(reading).await;
        }
        if let Some(until) = until {
            // What PostgreSQL has behind the last row of MySQL.
            self.take(reading, &[], &[number_key(until)]).await?;
        }
        rows.session().await.ok_or(VerifyError::Lost)
    }

    /// Rows of MySQL, with PostgreSQL's up to the last of these keys.
    async fn take(&self, reading: &mut Reading, part: &[Cells], keys: &[Key]) -> Result<(), VerifyError> {
        let Some(last) = keys.last() else { return Ok(()) };
        let between = self.between(reading.last.as_ref(), last, part.len()).await?;
        let of_a_range = between.is_some();
        // Too many are there: those of these keys, and the others in the end.
        reading.alone |= !of_a_range && self.number.is_some();
        let there = match between {
            Some(there) => there,
            None => replica::rows_by_key(self.client, self.table, &self.columns, &self.places, keys).await?,
        };
        let (found, of_them) = compare::compare(&self.columns, &self.places, part, &there);
        let look = &mut reading.look;
        if of_a_range && of_them < there.len() as u64 {
            let before = look.more;
            look.take(compare::surplus(&self.columns, &self.places, part, &there));
            reading.surplus_more += look.more - before;
        }
        reading.matched += of_them;
        look.rows += part.len() as u64;
        look.take(found);
        reading.last = Some(last.clone());
        Ok(())
    }

    /// What is in PostgreSQL alone and was not seen on the way. `equal`: all behind the last key is equal.
    async fn end(
        &self,
        mut session: Session,
        reading: Reading,
        pace: Pace,
        equal: bool,
    ) -> Result<(Session, Look), VerifyError> {
        let Reading { mut look, matched, alone, last, surplus_more } = reading;
        // Up to the last key all that is in PostgreSQL was seen, where its order is MySQL's.
        let behind = last.filter(|_| self.number.is_some() && !alone);
        if alone {
            // They are found again.
            look.found.retain(|difference| !matches!(difference, Difference::Surplus(_)));
            look.more -= surplus_more;
        }
        let seen = equal && !alone;
        if !seen && (behind.is_some() || alone || replica::count(self.client, self.table).await? != matched) {
            session = self.surplus(session, &mut look, pace, behind).await?;
        }
        Ok((session, look))
    }

    /// The rows in PostgreSQL behind the last key that was seen, up to this one, where MySQL has so many; none where its order may
    /// be another than MySQL's, or where there are too many more.
    async fn between(
        &self,
        last: Option<&Key>,
        until: &Key,
        rows: usize,
    ) -> Result<Option<Vec<Cells>>, VerifyError> {
        let value = |key: &Key| key.first()?.as_deref()?.parse().ok().map(replica::number);
        let (Some(number), Some(until)) = (&self.number, value(until)) else {
            return Ok(None);
        };
        let most = (rows + KEPT) as u64;
        let between = (last.and_then(value), until);
        let there =
            replica::rows_between(self.client, self.table, &self.columns, number, between, most).await?;
        Ok(Some(there).filter(|there| (there.len() as u64) < most))
    }

    /// A key as MySQL is to compare it with, where chunks can begin behind it.
    fn key_values(&self, key: &Key) -> Option<Vec<source::KeyValue>> {
        self.query.chunk?;
        let forms = self.places.iter().map(|&place| self.columns.get(place).map(|column| column.form));
        let values = forms.zip(key).map(|(form, value)| form?.key_value(value.as_deref()?));
        values.collect::<Option<Vec<_>>>().filter(|values| values.len() == self.places.len())
    }

    /// The keys of rows, as they were read.
    fn keys(&self, rows: &[Cells]) -> Vec<Key> {
        let key = |row: &Cells| self.places.iter().map(|&place| row.get(place).cloned().flatten()).collect();
        rows.iter().map(key).collect()
    }

    /// Looks on MySQL for each key of PostgreSQL, from its first on or behind one.
    async fn surplus(
        &self,
        mut session: Session,
        look: &mut Look,
        pace: Pace,
        behind: Option<Key>,
    ) -> Result<Session, VerifyError> {
        let key: Vec<Column> =
            self.places.iter().filter_map(|&place| self.columns.get(place)).cloned().collect();
        let all: Vec<usize> = (0..key.len()).collect();
        let query = self.query_of_keys();
        let mut last: Option<Cells> = behind;
        loop {
            let there =
                replica::keys_behind(self.client, self.table, &key, last.as_ref(), pace.chunk).await?;
            let Some(end) = there.last().cloned() else { return Ok(session) };
            let (back, here) = source::rows_by_key(session, query.clone(), there.clone()).await?;
            session = back;
            let here: HashSet<Key> = here.iter().map(|row| compare::key(&key, &all, row)).collect();
            let of = |row: &Cells| compare::key(&key, &all, row);
            let alone: Vec<_> =
                there.iter().map(of).filter(|it| !here.contains(it)).map(Difference::Surplus).collect();
            look.take(alone);
            last = Some(end);
        }
    }

    /// The same table by the columns of its key alone.
    fn query_of_keys(&self) -> TableQuery {
        let expression = |&place: &usize| self.query.expressions.get(place).cloned();
        TableQuery { expressions: self.places.iter().filter_map(expression).collect(), ..self.query.clone() }
    }
}
