//! Puts the events of a binary log together to transactions.
//!
//! A transaction begins with its first event (the one with its GTID where servers write one, else `BEGIN`), so that a
//! reader who starts there is told of every table before its rows. It ends with the commit, or, for a statement that
//! commits by itself, with that. MySQL and MariaDB differ in the details; both are read here.

use super::rows;
use super::status;
use super::target;
use crate::binlog::{BinlogError, BinlogFile};
use crate::daemon;
use crate::daemon::statement::{self, Statement};
use crate::facts::mysql::Checksums;
use crate::facts::mysql::TableName;
use crate::window::{Ddl, Hazard, HazardKind, Judged, Met, Transaction};
use mysql::binlog::events::{
    Event, ExecuteLoadQueryEvent, QueryEvent, RotateEvent, TableMapEvent, TransactionPayloadEvent,
};
use mysql::binlog::{BinlogChecksumAlg, EventType};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

/// Events that only MariaDB writes; the driver has no names for them.
mod mariadb {
    pub(super) const ANNOTATE_ROWS: u8 = 160;
    pub(super) const BINLOG_CHECKPOINT: u8 = 161;
    pub(super) const GTID: u8 = 162;
    pub(super) const GTID_LIST: u8 = 163;
    pub(super) const START_ENCRYPTION: u8 = 164;
    pub(super) const QUERY_COMPRESSED: u8 = 165;
    pub(super) const FIRST_COMPRESSED_ROWS: u8 = 166;
    pub(super) const LAST_COMPRESSED_ROWS: u8 = 171;
    /// Of a GTID's flags: the next event is all that there is.
    pub(super) const STANDALONE: u8 = 1;
    /// Where the flags stand in a GTID event: behind its sequence number and domain.
    pub(super) const GTID_FLAGS: usize = 12;
}

/// MySQL's second kind of heartbeat, which the driver has no name for.
const HEARTBEAT_V2: u8 = 41;

/// In the flags of an event: the server made it up for the reader, it is not in the file.
const ARTIFICIAL: u16 = 0x20;

/// The same of an event that whoever doesn't know it may pass over.
const IGNORABLE: u16 = 0x80;

/// An event that can't be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    /// Its bytes are not what its type says.
    #[error("the event at {place} can't be read: {cause}")]
    Unreadable { place: String, cause: io::Error },
    /// The file or position is none.
    #[error(transparent)]
    Coordinate(#[from] BinlogError),
}

/// What an event is, as far as transactions are concerned.
enum Kind {
    Rotate,
    /// It says how the events of its file are written.
    Description,
    /// It stands between transactions.
    Between,
    Gtid,
    MariaDbGtid,
    Query,
    CompressedQuery,
    /// A LOAD DATA that was logged as a statement.
    LoadQuery,
    TableMap,
    Rows(Packing),
    Commit,
    /// The server has lost events here.
    Incident,
    /// A whole transaction of MySQL 8, compressed.
    Payload,
    /// Of a type that nobody here knows.
    Unknown(u8),
    Other,
}

/// How the rows of an event are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain(rows::Layout),
    /// Updates of parts of JSON values.
    Partial,
    /// MariaDB's.
    Compressed,
}

fn kind(raw: u8) -> Kind {
    match raw {
        mariadb::GTID => return Kind::MariaDbGtid,
        mariadb::QUERY_COMPRESSED => return Kind::CompressedQuery,
        mariadb::FIRST_COMPRESSED_ROWS..=mariadb::LAST_COMPRESSED_ROWS => {
            return Kind::Rows(Packing::Compressed);
        }
        mariadb::BINLOG_CHECKPOINT | mariadb::GTID_LIST | mariadb::START_ENCRYPTION | HEARTBEAT_V2 => {
            return Kind::Between;
        }
        mariadb::ANNOTATE_ROWS => return Kind::Other,
        _ => {}
    }
    match EventType::try_from(raw) {
        Ok(EventType::ROTATE_EVENT) => Kind::Rotate,
        Ok(EventType::FORMAT_DESCRIPTION_EVENT) => Kind::Description,
        Ok(EventType::STOP_EVENT | EventType::PREVIOUS_GTIDS_EVENT | EventType::HEARTBEAT_EVENT) => {
            Kind::Between
        }
        Ok(EventType::GTID_EVENT | EventType::ANONYMOUS_GTID_EVENT | EventType::GTID_TAGGED_LOG_EVENT) => {
            Kind::Gtid
        }
        Ok(EventType::QUERY_EVENT) => Kind::Query,
        Ok(EventType::TABLE_MAP_EVENT) => Kind::TableMap,
        Ok(EventType::EXECUTE_LOAD_QUERY_EVENT) => Kind::LoadQuery,
        Ok(EventType::INCIDENT_EVENT) => Kind::Incident,
        Ok(EventType::PARTIAL_UPDATE_ROWS_EVENT) => Kind::Rows(Packing::Partial),
        Ok(EventType::XID_EVENT | EventType::XA_PREPARE_LOG_EVENT) => Kind::Commit,
        Ok(EventType::TRANSACTION_PAYLOAD_EVENT) => Kind::Payload,
        Ok(event) => rows::Layout::of(event).map_or(Kind::Other, |layout| Kind::Rows(Packing::Plain(layout))),
        Err(_) => Kind::Unknown(raw),
    }
}

/// A transaction that has begun.
#[derive(Debug, Default)]
struct Open {
    start: u64,
    /// Its end will be said: a statement does not end it.
    explicit: bool,
    /// The tables that were named, by the number that their rows bear.
    named: HashMap<u64, Named>,
    rows: BTreeMap<TableName, u64>,
    unnamed_rows: Option<u64>,
    ddl: Vec<(String, String, String, u64)>,
    statements: Vec<Stated>,
    hazards: BTreeMap<(HazardKind, Option<TableName>), Seen>,
    /// Of the tables that are watched, those that its definitions may be about, each with the end of the last.
    redefined: BTreeMap<TableName, u64>,
}

/// A statement that is none around a transaction.
#[derive(Debug)]
struct Stated {
    default_schema: String,
    text: String,
    end: u64,
    judged: Option<Judged>,
    redefines: Vec<TableName>,
}

/// A table as the events before its rows describe it.
#[derive(Debug)]
struct Named {
    name: TableName,
    /// Whether its columns are named too.
    columns_named: bool,
}

/// What was seen of a hazard.
#[derive(Debug)]
struct Seen {
    first: u64,
    last: u64,
    count: u64,
    /// The default database and the beginning of the first statement.
    statement: Option<(String, String)>,
}

/// Takes events in the order of the binary log.
#[derive(Debug)]
pub(super) struct Assembler<'a> {
    file: BinlogFile,
    /// Where the last event ended.
    position: u64,
    /// The bytes of the files that were passed. MariaDB leaves out of the stream what it annotates the rows with.
    passed: u64,
    /// Whether the server has described the format: what comes before that can't be read safely, since nobody knows
    /// whether it ends with a checksum.
    described: bool,
    /// The first file of each kind.
    checksums: BTreeMap<Checksums, BinlogFile>,
    open: Option<Open>,
    /// Tables of which it matters whether they are redefined.
    watched: &'a [TableName],
}

impl<'a> Assembler<'a> {
    /// For a stream that begins at this place, and tables of which it matters whether they are redefined.
    pub(super) fn new(file: BinlogFile, position: u64, watched: &'a [TableName]) -> Self {
        Self { file, position, passed: 0, described: false, checksums: BTreeMap::new(), open: None, watched }
    }

    /// The file and the position behind the last event.
    pub(super) fn place(&self) -> (&BinlogFile, u64) {
        (&self.file, self.position)
    }

    /// How many bytes of the binary log the events take that were handed in, and those between them.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Which files end their events with checksums, and which don't: the first of each kind.
    pub(super) fn into_checksums(self) -> BTreeMap<Checksums, BinlogFile> {
        self.checksums
    }

    /// Whether a transaction has begun and not ended.
    pub(super) fn inside(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the server has made up the event: it takes no room in the file. Such an event says no place, or that it is one; the
    /// events of a transaction say none on a MariaDB whose `binlog_legacy_event_pos` is OFF.
    pub(super) fn is_artificial(event: &Event) -> bool {
        let stands_alone = || {
            let kind = kind(event.header().event_type_raw());
            matches!(kind, Kind::Rotate | Kind::Description | Kind::Between)
        };
        event.header().flags_raw() & ARTIFICIAL != 0 || event.header().log_pos() == 0 && stands_alone()
    }

    /// Takes the next event; returns the transaction that it completes.
    pub(super) fn take(&mut self, event: &Event) -> Result<Option<Transaction>, EventError> {
        let kind = kind(event.header().event_type_raw());
        if matches!(kind, Kind::Description) {
            self.described = true;
            self.note_checksums(event);
        }
        if Self::is_artificial(event) {
            return match kind {
                // The first one only repeats what was asked for.
                Kind::Rotate if self.described => self.rotate(event),
                _ => Ok(None),
            };
        }
        let start = self.position;
        self.position = end_of(start, event);
        self.passed += self.position - start;
        match kind {
            Kind::Rotate => self.rotate(event),
            // No transaction goes on in another file: a server that crashed has cut it off.
            Kind::Description | Kind::Between => self.close(start),
            Kind::Gtid | Kind::MariaDbGtid => {
                let before = self.close(start);
                let explicit = matches!(kind, Kind::MariaDbGtid) && !is_standalone(event);
                self.open = Some(Open { start, explicit, ..Open::default() });
                before
            }
            kind => {
                let end = self.position;
                let open = self.open.get_or_insert_with(|| Open { start, ..Open::default() });
                // Of the file's own events: what stands in a compressed one never says a place.
                let unplaced = matches!(kind, Kind::Rows(_)) && event.header().log_pos() == 0;
                let noted = open.note(kind, event, end, self.watched).and_then(|ends| {
                    if unplaced {
                        open.note_unplaced(event.data(), end)?;
                    }
                    Ok(ends)
                });
                let ends = noted.map_err(|cause| self.unreadable(start, cause))?;
                if ends { self.close(end) } else { Ok(None) }
            }
        }
    }

    /// What is asked for says first which file it is from, in an event that nobody can read safely yet; servers before 5.6
    /// write no checksums and say nothing of them.
    fn note_checksums(&mut self, event: &Event) {
        let checksums = match event.footer().get_checksum_alg() {
            Ok(Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32)) => Checksums::Crc32,
            Ok(Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_OFF)) => Checksums::None,
            _ => return,
        };
        self.checksums.entry(checksums).or_insert_with(|| self.file.clone());
    }

    /// The stream has ended.
    pub(super) fn end(&mut self) -> Result<Option<Transaction>, EventError> {
        self.close(self.position)
    }

    fn rotate(&mut self, event: &Event) -> Result<Option<Transaction>, EventError> {
        let unfinished = self.close(self.position)?;
        let rotate: RotateEvent<'_> =
            event.read_event().map_err(|cause| self.unreadable(self.position, cause))?;
        self.file = BinlogFile::parse(&rotate.name())?;
        self.position = rotate.position();
        Ok(unfinished)
    }

    fn close(&mut self, end: u64) -> Result<Option<Transaction>, EventError> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let file = &self.file;
        let ddl =
            |(default_schema, kind, text, end)| Ok(Ddl { default_schema, kind, text, end: file.at(end)? });
        let met = |it: Stated| {
            Ok(Met {
                shown: statement::beginning(&it.text),
                default_schema: it.default_schema,
                table: daemon::table(&it.text),
                text: it.text.into(),
                end: file.at(it.end)?,
                judged: it.judged,
                redefines: it.redefines,
            })
        };
        Ok(Some(Transaction {
            start: file.at(open.start)?,
            end: file.at(end)?,
            rows: open
                .rows
                .into_iter()
                .map(|(table, end)| Ok((table, file.at(end)?)))
                .collect::<Result<_, BinlogError>>()?,
            unnamed_rows: open.unnamed_rows.map(|end| file.at(end)).transpose()?,
            ddl: open.ddl.into_iter().map(ddl).collect::<Result<_, BinlogError>>()?,
            statements: open.statements.into_iter().map(met).collect::<Result<_, BinlogError>>()?,
            hazards: open
                .hazards
                .into_iter()
                .map(|((kind, table), seen)| {
                    let (default_schema, statement) = seen.statement.unzip();
                    let (first, last) = (file.at(seen.first)?, file.at(seen.last)?);
                    Ok(Hazard { kind, table, default_schema, statement, first, last, count: seen.count })
                })
                .collect::<Result<_, BinlogError>>()?,
            redefined: open
                .redefined
                .into_iter()
                .map(|(table, end)| Ok((table, file.at(end)?)))
                .collect::<Result<_, BinlogError>>()?,
        }))
    }

    fn unreadable(&self, position: u64, cause: io::Error) -> EventError {
        EventError::Unreadable { place: format!("{}:{position}", self.file.name()), cause }
    }
}

/// Where an event ends that begins at `start`. Its header has 32 bits for that; files may be longer than 4 GiB. Where it says
/// nothing, its length does.
pub(super) fn end_of(start: u64, event: &Event) -> u64 {
    match event.header().log_pos() {
        0 => start + u64::from(event.header().event_size()),
        low => end_above(start, low),
    }
}

fn end_above(start: u64, low: u32) -> u64 {
    let end = (start & !u64::from(u32::MAX)) | u64::from(low);
    if end < start { end + (1 << 32) } else { end }
}

fn is_standalone(event: &Event) -> bool {
    event.data().get(mariadb::GTID_FLAGS).is_some_and(|flags| flags & mariadb::STANDALONE != 0)
}

impl Open {
    /// Notes what an event of the transaction says; whether the event ends it.
    fn note(&mut self, kind: Kind, event: &Event, end: u64, watched: &[TableName]) -> io::Result<bool> {
        match kind {
            Kind::TableMap => {
                let map: TableMapEvent<'_> = event.read_event()?;
                let (schema, table) = (map.database_name().into_owned(), map.table_name().into_owned());
                let columns_named = rows::names_columns(&map)?;
                self.named.insert(map.table_id(), Named { name: TableName { schema, table }, columns_named });
                Ok(false)
            }
            Kind::Rows(packing) => {
                self.note_rows(packing, event.data(), end)?;
                Ok(false)
            }
            Kind::Query => {
                let query: QueryEvent<'_> = event.read_event()?;
                let (schema, text) = (query.schema(), query.query());
                self.note_redefined(watched, &text, end);
                if status::unknown(query.status_vars_raw()).is_some() {
                    let statement = || Some((String::new(), statement::beginning(&text)));
                    self.note_hazard(HazardKind::UnknownVariable, None, end, statement);
                    return Ok(self.note_course(&schema, &text, end));
                }
                Ok(self.note_statement(&schema, &text, end))
            }
            Kind::CompressedQuery => {
                let query: QueryEvent<'_> = event.read_event()?;
                let text = decompressed(query.query_raw())?;
                self.note_redefined(watched, &text, end);
                self.note_compressed(&query.schema(), &text, end);
                Ok(self.note_statement(&query.schema(), &text, end))
            }
            Kind::LoadQuery => {
                let query: ExecuteLoadQueryEvent<'_> = event.read_event()?;
                self.note_targets(&query.schema(), &query.query(), end, true);
                Ok(!self.explicit)
            }
            Kind::Incident => {
                self.note_hazard(HazardKind::EventsLost, None, end, || None);
                Ok(false)
            }
            Kind::Payload => {
                self.note_payload(event, end, watched)?;
                Ok(true)
            }
            Kind::Commit => Ok(true),
            Kind::Unknown(number) => {
                if event.header().flags_raw() & IGNORABLE == 0 {
                    let which = || Some((String::new(), format!("type {number}")));
                    self.note_hazard(HazardKind::UnknownEvent, None, end, which);
                }
                Ok(false)
            }
            Kind::Rotate
            | Kind::Description
            | Kind::Between
            | Kind::Gtid
            | Kind::MariaDbGtid
            | Kind::Other => Ok(false),
        }
    }

    fn note_rows(&mut self, packing: Packing, data: &[u8], end: u64) -> io::Result<()> {
        let Some(Named { name, columns_named }) = self.named.get(&rows::table_id(data)?) else {
            self.unnamed_rows = Some(end);
            return Ok(());
        };
        match self.rows.get_mut(name) {
            Some(last) => *last = end,
            None => drop(self.rows.insert(name.clone(), end)),
        }
        let hazards = [
            (!columns_named).then_some(HazardKind::UnnamedColumns),
            match packing {
                Packing::Plain(layout) => {
                    (!rows::are_whole(layout, data)?).then_some(HazardKind::AbsentColumns)
                }
                Packing::Partial => Some(HazardKind::PartialJson),
                Packing::Compressed => Some(HazardKind::CompressedRows),
            },
        ];
        let name = hazards.iter().any(Option::is_some).then(|| name.clone());
        for kind in hazards.into_iter().flatten() {
            self.note_hazard(kind, name.clone(), end, || None);
        }
        Ok(())
    }

    fn note_unplaced(&mut self, data: &[u8], end: u64) -> io::Result<()> {
        if let Some(table) = self.named.get(&rows::table_id(data)?) {
            let table = Some(table.name.clone());
            self.note_hazard(HazardKind::Unplaced, table, end, || None);
        }
        Ok(())
    }

    fn note_hazard(
        &mut self,
        kind: HazardKind,
        table: Option<TableName>,
        end: u64,
        statement: impl FnOnce() -> Option<(String, String)>,
    ) {
        let seen = self.hazards.entry((kind, table));
        let seen = seen.or_insert_with(|| Seen { first: end, last: end, count: 0, statement: statement() });
        seen.last = end;
        seen.count += 1;
    }

    /// What a statement of a session writes to or redefines beside what a reader of its default database sees.
    fn note_targets(&mut self, default_schema: &str, text: &str, end: u64, loads: bool) {
        for target::Target { schema, table, kind } in target::targets(text) {
            let schema = schema.unwrap_or_else(|| default_schema.to_owned());
            // What the daemon passes over for its default database too, is told whatever that is.
            let default = if loads { String::new() } else { default_schema.to_owned() };
            let statement = || Some((default, statement::beginning(text)));
            self.note_hazard(kind, Some(TableName { schema, table }), end, statement);
        }
    }

    /// A definition that the daemon does not even see.
    fn note_compressed(&mut self, default_schema: &str, text: &str, end: u64) {
        for target::Target { schema, table, kind } in target::targets(text) {
            if matches!(kind, HazardKind::UnseenDefinition | HazardKind::UnseenTable) {
                let schema = schema.unwrap_or_else(|| default_schema.to_owned());
                let statement = || Some((String::new(), statement::beginning(text)));
                let table = Some(TableName { schema, table });
                self.note_hazard(HazardKind::CompressedStatement, table, end, statement);
            }
        }
    }

    /// What names a table in a definition may redefine it.
    fn note_redefined(&mut self, watched: &[TableName], text: &str, end: u64) {
        if watched.is_empty() || !matches!(statement::read(text), Statement::Defines(_)) {
            return;
        }
        let text = text.to_lowercase();
        for table in watched.iter().filter(|table| text.contains(&table.table.to_lowercase())) {
            self.redefined.insert(table.clone(), end);
        }
    }

    fn note_statement(&mut self, default_schema: &str, text: &str, end: u64) -> bool {
        if !daemon::passes_over(text) {
            let redefines =
                target::targets(text).into_iter().filter(|it| it.kind == HazardKind::UnseenDefinition);
            let table = |it: target::Target| TableName {
                schema: it.schema.unwrap_or_else(|| default_schema.to_owned()),
                table: it.table,
            };
            self.statements.push(Stated {
                default_schema: default_schema.to_owned(),
                text: text.to_owned(),
                end,
                judged: daemon::judge(default_schema, text),
                redefines: redefines.map(table).collect(),
            });
        }
        self.note_targets(default_schema, text, end, false);
        self.note_course(default_schema, text, end)
    }

    /// How a statement moves the transaction on; whether it ends it.
    fn note_course(&mut self, default_schema: &str, text: &str, end: u64) -> bool {
        match statement::read(text) {
            Statement::Begins => {
                self.explicit = true;
                false
            }
            Statement::Ends => true,
            Statement::Defines(kind) => {
                self.ddl.push((default_schema.to_owned(), kind, statement::beginning(text), end));
                !self.explicit
            }
            Statement::Other => !self.explicit,
        }
    }

    /// The events inside have no place of their own: they end where the payload ends.
    fn note_payload(&mut self, event: &Event, end: u64, watched: &[TableName]) -> io::Result<()> {
        let payload: TransactionPayloadEvent<'_> = event.read_event()?;
        let mut inside = payload.decompressed()?;
        let mut footer = event.footer();
        footer.set_checksum_enabled(false);
        let description = event.fde().clone().with_footer(footer);
        while inside.has_data_left()? {
            let event = Event::read(&description, &mut inside)?;
            let kind = kind(event.header().event_type_raw());
            if let Kind::Rows(_) = kind
                && let Some(table) = self.named.get(&rows::table_id(event.data())?)
            {
                let table = Some(table.name.clone());
                self.note_hazard(HazardKind::CompressedTransaction, table, end, || None);
            }
            if !matches!(kind, Kind::Payload) {
                self.note(kind, &event, end, watched)?;
            }
        }
        Ok(())
    }
}

/// The longest statement that is decompressed: its first words are enough.
const LONGEST_STATEMENT: u64 = 64 * 1024;

/// MariaDB's compressed statement: a byte that says how many bytes its length takes, the length, a zlib stream.
fn decompressed(bytes: &[u8]) -> io::Result<String> {
    let (&head, rest) = bytes.split_first().ok_or(io::ErrorKind::UnexpectedEof)?;
    let stream = rest.get(usize::from(head & 7)..).ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut text = Vec::new();
    flate2::read::ZlibDecoder::new(stream).take(LONGEST_STATEMENT).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests;
