//! Reads which GTIDs lie before a place of the binary log, and from where the server sends the log to a replica that has
//! them.

use super::connect::connect;
use super::dump::{self, Begin};
use super::progress::{Clock, Progress};
use super::transactions::Assembler;
use crate::binlog::BinaryLogs;
use crate::binlog::{BinlogCoordinate, BinlogFile, FIRST_EVENT};
use crate::config::MysqlConnection;
use crate::examination::mysql::Gtids;
use crate::facts::mysql::NameCase;
use crate::facts::mysql::{Question, Reading};
use crate::gtid::{GtidSet, is_read_before, uuid};
use crate::window::Transaction;
use mysql::Conn;
use mysql::binlog::EventType;
use mysql::binlog::events::{Event, GtidEvent};
use std::ops::ControlFlow;
use tokio::sync::watch;

const DOING: &str = "reading which GTIDs lie before the batch start";

pub(super) struct Log<'a> {
    pub(super) connection: &'a MysqlConnection,
    pub(super) logs: &'a BinaryLogs,
    pub(super) name_case: NameCase,
    /// The schemas that the new source maps.
    pub(super) schemas: &'a [String],
    pub(super) tell: &'a watch::Sender<Progress>,
}

/// A GTID with a number, or one with a tag as well.
enum Gtid {
    Plain(String, u64),
    Tagged,
}

impl Log<'_> {
    /// The set for a batch that starts at `start`, on a server that says that it has executed `executed`.
    pub(super) fn gtids(&self, start: &BinlogCoordinate, executed: &str) -> Result<Gtids, Question> {
        let executed = GtidSet::parse(executed).map_err(not_read)?;
        let mut reading = Reading::default();
        let set = self.before(start, &mut reading)?;
        let mut begin = start.clone();
        let later = self.logs.files.iter().filter(|(file, _)| file.number() > start.file().number());
        for (file, _) in later {
            // The server sends the last file before which the replica has everything.
            if !self.previous(file)?.is_within(&set) {
                break;
            }
            begin = file.at(FIRST_EVENT).map_err(not_read)?;
        }
        Ok(Gtids { set: set.for_the_daemon(&executed), start: begin, reading })
    }

    /// Those before the file, and those of its transactions that are read before `start`.
    fn before(&self, start: &BinlogCoordinate, reading: &mut Reading) -> Result<GtidSet, Question> {
        let mut clock = Clock::new();
        let of = start.position().unsigned_abs();
        let mut assembler = Assembler::new(start.file().clone(), FIRST_EVENT, &[]);
        let (mut set, mut pending, mut wrong) = (None, None, None);
        let read = self.events(start.file(), |end, bytes, event| {
            reading.bytes = bytes;
            let step = (|| {
                let transaction = assembler.take(event).map_err(not_read)?;
                self.note(transaction, &mut pending, start, &mut set);
                if let Some(gtid) = gtid(event)? {
                    pending = Some(gtid);
                }
                if let Some(previous) = previous(event)? {
                    set = Some(previous);
                }
                Ok(())
            })();
            wrong = step.err();
            let done = set.is_some() && !assembler.inside() && end >= of;
            if wrong.is_some() || done || clock.tell(self.tell, *reading, of).is_break() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        read?;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        let last = assembler.end().map_err(not_read)?;
        self.note(last, &mut pending, start, &mut set);
        set.ok_or_else(|| not_read(format!("{} says nothing of those before it", start.file().name())))
    }

    /// A transaction is complete: its GTID is in the set when it is read before the start.
    fn note(
        &self,
        transaction: Option<Transaction>,
        pending: &mut Option<Gtid>,
        start: &BinlogCoordinate,
        set: &mut Option<GtidSet>,
    ) {
        let Some(transaction) = transaction else { return };
        let (Some(gtid), Some(set)) = (pending.take(), set) else { return };
        if is_read_before(&transaction, start, self.schemas, self.name_case) {
            match gtid {
                Gtid::Plain(uuid, number) => set.add(&uuid, number, number),
                Gtid::Tagged => set.add_tagged(),
            }
        }
    }

    /// The GTIDs before a file.
    fn previous(&self, file: &BinlogFile) -> Result<GtidSet, Question> {
        let mut found = Ok(None);
        self.events(file, |_, _, event| {
            found = previous(event);
            if matches!(found, Ok(None)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        found?.ok_or_else(|| not_read(format!("{} says nothing of those before it", file.name())))
    }

    fn events(
        &self,
        file: &BinlogFile,
        each: impl FnMut(u64, u64, &Event) -> ControlFlow<()>,
    ) -> Result<(), Question> {
        let from = file.at(FIRST_EVENT).map_err(not_read)?;
        dump::events(self.session()?, &from, each).map_err(|error| match error {
            Begin::NotHere(question) | Begin::Failed(question) => question,
        })
    }

    fn session(&self) -> Result<Conn, Question> {
        connect(self.connection).map_err(not_read)
    }
}

fn gtid(event: &Event) -> Result<Option<Gtid>, Question> {
    Ok(match event.header().event_type() {
        Ok(EventType::GTID_EVENT) => {
            let gtid: GtidEvent = event.read_event().map_err(not_read)?;
            Some(Gtid::Plain(uuid(&gtid.sid()), gtid.gno()))
        }
        Ok(EventType::GTID_TAGGED_LOG_EVENT) => Some(Gtid::Tagged),
        _ => None,
    })
}

fn previous(event: &Event) -> Result<Option<GtidSet>, Question> {
    match event.header().event_type() {
        Ok(EventType::PREVIOUS_GTIDS_EVENT) => GtidSet::of_previous(event.data()).map(Some).map_err(not_read),
        _ => Ok(None),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_read(cause: impl ToString) -> Question {
    Question { doing: DOING, cause: cause.to_string(), denied: false }
}
