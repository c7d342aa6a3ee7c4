//! Reads the binary log as a replica does, and takes no replica's place.
//!
//! The server is asked for the log from a place on and sends its events until there are no more. With the server id 0
//! it neither waits for new events nor ends the session of a replica that bears the same id.

use super::server::unanswered;
use super::transactions::{Assembler, EventError, end_of};
use crate::binlog::{BinlogCoordinate, BinlogFile, FIRST_EVENT};
use crate::facts::mysql::TableName;
use crate::facts::mysql::{Checksums, Question, Reading};
use crate::window::Transaction;
use mysql::binlog::EventType;
use mysql::binlog::events::Event;
use mysql::prelude::Queryable;
use mysql::{BinlogDumpFlags, BinlogRequest, BinlogStream, Conn, Error};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const DOING: &str = "reading the binary log";

/// MariaDB shows its GTIDs to those that say that they know them, and something else in their place to others. MySQL
/// wants to hear that checksums are understood; the driver says it by the older of the two names.
const INTRODUCTION: [&str; 2] = ["SET @mariadb_slave_capability = 4", "SET @source_binlog_checksum = 'ALL'"];

/// Hands on every transaction from `from` to the end of the one that `to` lies in, with those of the `doubtful` tables
/// that it may redefine. Returns how much was read, and which files have checksums.
///
/// `progress` is told of every event how much has been read, and may stop the reading.
pub(super) fn read(
    conn: Conn,
    from: &BinlogCoordinate,
    to: &BinlogCoordinate,
    doubtful: &[TableName],
    mut each: impl FnMut(&Transaction),
    mut progress: impl FnMut(Reading) -> ControlFlow<()>,
) -> Result<(Reading, BTreeMap<Checksums, BinlogFile>), Question> {
    let start = first_position(from);
    let stream = stream(conn, from.file(), start).map_err(unanswered(DOING))?;
    let mut assembler = Assembler::new(from.file().clone(), start, doubtful);
    let mut reading = Reading::default();
    let mut hand_on = |transaction: Option<Transaction>, reading: &mut Reading| {
        if let Some(transaction) = transaction {
            reading.transactions += 1;
            each(&transaction);
        }
    };
    for event in stream {
        let event = event.map_err(unanswered(DOING))?;
        hand_on(assembler.take(&event).map_err(not_understood)?, &mut reading);
        reading.bytes = assembler.passed();
        // The first event of the file itself shows that `from` is where one begins.
        if !Assembler::is_artificial(&event) && is_behind(&assembler, to) || progress(reading).is_break() {
            break;
        }
    }
    hand_on(assembler.end().map_err(not_understood)?, &mut reading);
    Ok((reading, assembler.into_checksums()))
}

/// The events of the log from a place on.
fn stream(mut conn: Conn, file: &BinlogFile, start: u64) -> Result<BinlogStream, Error> {
    for statement in INTRODUCTION {
        conn.query_drop(statement)?;
    }
    let request = BinlogRequest::new(0)
        .with_filename(file.name().as_bytes())
        .with_pos(start)
        .with_flags(BinlogDumpFlags::BINLOG_DUMP_NON_BLOCK);
    conn.get_binlog_stream(request)
}

/// Why a file could not be read to where it was to be.
pub(super) enum Begin {
    /// The server can't read it from there: no event begins there.
    NotHere(Question),
    /// It did not come to that.
    Failed(Question),
}

/// Hands on every event of the file from `from` on, with where it ends and how many bytes were read, until `each` has
/// enough or the file is at its end. What the events hold is not read.
pub(super) fn events(
    conn: Conn,
    from: &BinlogCoordinate,
    mut each: impl FnMut(u64, u64, &Event) -> ControlFlow<()>,
) -> Result<(), Begin> {
    let failed = |error: Error| {
        let by_the_server = matches!(&error, Error::MySqlError(_));
        let question = unanswered(DOING)(error);
        if by_the_server && !question.denied { Begin::NotHere(question) } else { Begin::Failed(question) }
    };
    let start = first_position(from);
    let mut end = start;
    for event in stream(conn, from.file(), start).map_err(failed)? {
        let event = event.map_err(failed)?;
        if Assembler::is_artificial(&event) {
            // The first one names the file that was asked for; one behind events, the next.
            if end > start && matches!(event.header().event_type(), Ok(EventType::ROTATE_EVENT)) {
                return Ok(());
            }
            continue;
        }
        end = end_of(end, &event);
        if each(end, end - start, &event).is_break() {
            return Ok(());
        }
        if matches!(event.header().event_type(), Ok(EventType::ROTATE_EVENT)) {
            return Ok(());
        }
    }
    Ok(())
}

/// A replica asks with 32 bits for the position. What lies behind them is reached from the beginning of the file:
/// files are that long only for one large transaction, and the transactions before `from` concern nobody.
fn first_position(from: &BinlogCoordinate) -> u64 {
    let position = from.position().unsigned_abs();
    if u32::try_from(position).is_ok() { position.max(FIRST_EVENT) } else { FIRST_EVENT }
}

fn is_behind(assembler: &Assembler, to: &BinlogCoordinate) -> bool {
    let (file, position) = assembler.place();
    let place = (file.number(), position);
    !assembler.inside() && place >= (to.file().number(), to.position().unsigned_abs())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_understood(error: EventError) -> Question {
    Question { doing: DOING, cause: error.to_string(), denied: false }
}
