//! What an upgrade has left behind, as far as it tells good from bad: which catalogue stands, which tables it has, and
//! from which points on.

use super::before::Before;
use crate::live::LiveError;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};

const STANDING: &str = "
    SELECT 'sch_chameleon'::regnamespace::oid::bigint, t_version,
           ARRAY(SELECT format('%s.%s', v_schema_name, v_table_name) FROM sch_chameleon.t_replica_tables)
    FROM sch_chameleon.v_version";

/// For each table its coordinate, and where the first batch of its source starts.
const POINTS: &str = "
    SELECT format('%s.%s', v_schema_name, v_table_name),
           coalesce(nullif(split_part(t.t_binlog_name, '.', 2), ''), '0')::bigint, t.i_binlog_position,
           coalesce(nullif(split_part(b.t_binlog_name, '.', 2), ''), '0')::bigint, b.i_binlog_position
    FROM sch_chameleon.t_replica_tables t JOIN sch_chameleon.t_replica_batch b USING (i_id_source)
    WHERE t.i_binlog_position IS NOT NULL";

/// The number of a binary log file, and a position in it.
type Place = (i64, i64);

/// What stands after an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The version of `sch_chameleon`.
    pub version: String,
    /// Whether a 1.7 catalogue stands that is another than the one that was to be upgraded.
    pub stale: bool,
    /// The tables that it lacks.
    pub lost: BTreeSet<String>,
    /// How many tables the 1.7 catalogue had.
    pub of: usize,
    /// By table, its coordinate and where its first batch starts; of a 2.0 catalogue.
    points: BTreeMap<String, (Place, Place)>,
}

impl After {
    pub(super) fn read(client: &mut Client, before: &Before) -> Result<Self, LiveError> {
        let doing = || LiveError::sql("read the catalogue after the upgrade");
        let row = client.query_one(STANDING, &[]).map_err(doing())?;
        let (schema, version): (i64, String) = (row.get(0), row.get(1));
        let tables: BTreeSet<_> = row.get::<_, Vec<String>>(2).into_iter().collect();
        let points = if is_new(&version) { client.query(POINTS, &[]).map_err(doing())? } else { vec![] };
        Ok(Self {
            stale: !is_new(&version) && schema != before.schema,
            lost: before.tables.difference(&tables).cloned().collect(),
            of: before.tables.len(),
            points: points
                .iter()
                .map(|row| (row.get(0), ((row.get(1), row.get(2)), (row.get(3), row.get(4)))))
                .collect(),
            version,
        })
    }

    /// Whether it is a 2.0 catalogue.
    #[must_use]
    pub fn is_new(&self) -> bool {
        is_new(&self.version)
    }

    /// What is wrong with its points by those of `right`, where each is stored one further than it is.
    pub(super) fn wrong_points(&self, right: &Self) -> BTreeMap<WrongPoint, BTreeSet<String>> {
        let mut wrong: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (table, (stored, batch)) in &self.points {
            let Some(((file, behind), _)) = right.points.get(table) else { continue };
            let point = (*file, behind - 1);
            let what = if *stored < point {
                WrongPoint::Before
            } else if *stored > (*file, *behind) {
                WrongPoint::Behind
            } else if *stored == point && *batch < point {
                WrongPoint::LastEventAgain
            } else {
                continue;
            };
            wrong.entry(what).or_default().insert(table.clone());
        }
        wrong
    }
}

fn is_new(version: &str) -> bool {
    version.starts_with("2.")
}

/// How the stored coordinate of a table is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrongPoint {
    /// It lies before the table's point.
    Before,
    /// It is the table's point, and the reading begins before it: the last event is taken once more.
    LastEventAgain,
    /// It lies behind the table's point.
    Behind,
}

impl WrongPoint {
    /// What comes of it.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Before => "coordinate before the point up to which the table is complete",
            Self::LastEventAgain => "coordinate at the last event that has been applied, which is read again",
            Self::Behind => "coordinate behind what has been applied",
        }
    }
}
