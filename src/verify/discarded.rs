//! Whether rows that pg_chameleon could not store may be why a table differs: `t_discarded_rows`. §after-verify

use super::{Compared, Verdict};
use crate::catalogue::v1::strays;
use crate::checks::discarded_rows;
use crate::postgres::Text;
use crate::wording::{counted, first_of};
use std::collections::BTreeSet;
use tokio_postgres::{Client, Error, Row};

/// How many tables are named.
const NAMED: usize = 5;

/// The tables of which a 2.0 catalogue has such rows, each with how many.
const OF_2_0: &str = "SELECT v_schema_name::text || '.' || v_table_name::text AS title, count(*) AS rows
                      FROM sch_chameleon.t_discarded_rows GROUP BY 1 ORDER BY 1";

/// Rows that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lost {
    /// How many.
    pub rows: u64,
    /// Of which tables in PostgreSQL.
    pub tables: BTreeSet<String>,
    /// Whether of these alone.
    pub of_them_alone: bool,
}

/// What the catalogue says of them. `is_old`: it is a 1.7 one.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn lost(client: &Client, is_old: bool) -> Result<Lost, Error> {
    if is_old {
        let Some(discarded) = strays::discarded(client).await? else { return Ok(Lost::default()) };
        let (tables, of_them_alone) = discarded_rows::tables(&discarded);
        return Ok(Lost { rows: discarded.rows, tables, of_them_alone });
    }
    let table =
        |row: &Row| Ok((row.try_get::<_, Text>("title")?.0, row.try_get::<_, i64>("rows")?.unsigned_abs()));
    let tables: Vec<(String, u64)> =
        client.query_typed(OF_2_0, &[]).await?.iter().map(table).collect::<Result<_, Error>>()?;
    Ok(Lost {
        rows: tables.iter().map(|(_, rows)| rows).sum(),
        tables: tables.into_iter().map(|(title, _)| title).collect(),
        of_them_alone: true,
    })
}

impl Lost {
    /// What they may explain of what was compared; none when that is nothing.
    #[must_use]
    pub fn may_explain(&self, compared: &[Compared]) -> Option<String> {
        let unequal = compared.iter().filter(|one| matches!(one.verdict, Verdict::Unequal { .. }));
        let unequal: Vec<&String> = unequal.map(|one| &one.table).collect();
        let of_them: Vec<String> =
            self.tables.iter().filter(|title| unequal.contains(title)).cloned().collect();
        if self.rows == 0 || unequal.is_empty() || (of_them.is_empty() && self.of_them_alone) {
            return None;
        }
        let first: Vec<_> = of_them.iter().take(NAMED).cloned().collect();
        let of = match (of_them.len() as u64, self.of_them_alone) {
            (0, _) => "of which tables can't be told".to_owned(),
            (number, true) => format!("some of them of {}", first_of(&first, number)),
            (number, false) => format!("some of them of {}, and maybe of more", first_of(&first, number)),
        };
        Some(format!(
            "pg_chameleon could not store {} (sch_chameleon.t_discarded_rows), {of}: what is missing there may be these.",
            counted(self.rows, "row")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn unequal(table: &str) -> Compared {
        let verdict = Verdict::Unequal { what: vec![], rows_that_differ: 1 };
        Compared {
            source: "s".into(),
            table: table.into(),
            verdict,
            rows: 1,
            rows_by_digest: 0,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn only_what_is_of_an_unequal_table_may_explain_it() {
        let lost = |tables: &[&str], of_them_alone| Lost {
            rows: 2,
            tables: tables.iter().map(|it| (*it).to_owned()).collect(),
            of_them_alone,
        };
        let all = [unequal("a.b"), Compared { verdict: Verdict::Equal, ..unequal("a.c") }];
        let says = |lost: Lost| lost.may_explain(&all);
        assert_eq!(says(Lost::default()), None);
        assert_eq!(says(lost(&["a.c"], true)), None);
        assert!(
            says(lost(&["a.b", "a.c"], true))
                .unwrap()
                .contains("2 rows (sch_chameleon.t_discarded_rows), some of them of a.b: ")
        );
        assert!(says(lost(&["a.c"], false)).unwrap().contains("of which tables can't be told"));
        assert!(says(lost(&["a.b"], false)).unwrap().contains("of a.b, and maybe of more"));
        assert_eq!(lost(&["a.b"], true).may_explain(&all[1..]), None);
    }
}
