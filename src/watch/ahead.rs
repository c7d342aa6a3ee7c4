//! Whether anything of a source's schemas is ahead of it in MySQL's log: where nothing is, its daemon has read all that there is for
//! it, however far behind the end of the log it stands. It stays where the last row of its schemas is. §after-watch

use crate::batches::{Between, Gap};
use crate::binlog::{BinaryLogs, BinlogCoordinate};
use crate::config::NewSource;
use crate::source::{self, Unobserved};
use std::time::Duration;

/// How long a look may read: a look is to say something.
const LONGEST: Duration = Duration::from_secs(30);

/// What is ahead of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing of its schemas.
    Nothing,
    /// This first.
    Something(String),
    /// It is not known, for this reason.
    NotKnown(String),
}

/// What has been read of the log ahead of a source. Each byte of it is read once, as long as the source stays where it is.
#[derive(Debug, Default)]
pub struct Reading {
    from: Option<BinlogCoordinate>,
    /// Up to here there is nothing.
    until: Option<BinlogCoordinate>,
    found: Option<String>,
}

impl Reading {
    /// What is ahead of where `source` reads on.
    pub async fn ahead(
        &mut self,
        source: &NewSource,
        reads_on: &BinlogCoordinate,
        logs: &BinaryLogs,
    ) -> Ahead {
        if self.from.as_ref() != Some(reads_on) {
            *self = Self { from: Some(reads_on.clone()), until: Some(reads_on.clone()), found: None };
        }
        if let Some(found) = &self.found {
            return Ahead::Something(found.clone());
        }
        let Some(connection) = &source.mysql else { return Ahead::NotKnown("it has no db_conn".to_owned()) };
        let from = self.until.clone().unwrap_or_else(|| reads_on.clone());
        if from >= logs.current {
            return Ahead::Nothing;
        }
        for pair in &source.schema_mappings {
            let gap = Gap { batch: 0, from: from.clone(), until: logs.current.clone() };
            let reading = source::between(source, connection, &pair.source_schema, vec![gap], &Unobserved);
            let Ok(all) = tokio::time::timeout(LONGEST, reading).await else {
                return Ahead::NotKnown(format!("it was not read within {} s", LONGEST.as_secs()));
            };
            match all.into_iter().next().map(|(_, between)| between) {
                Some(Between::Nothing) => {}
                Some(Between::Holds { what, at }) => {
                    let found = format!("{what} of {} (at {at})", pair.source_schema);
                    self.found = Some(found.clone());
                    return Ahead::Something(found);
                }
                Some(Between::Unread(why)) => return Ahead::NotKnown(why),
                None => return Ahead::NotKnown("MySQL does not say".to_owned()),
            }
        }
        self.until = Some(logs.current.clone());
        Ahead::Nothing
    }
}
