//! Events as MySQL writes them, of which no server can be had from a package: what MariaDB writes is tried on a real one.

use super::*;
use mysql::binlog::BinlogVersion;
use mysql::binlog::events::FormatDescriptionEvent;

const ANONYMOUS_GTID: u8 = 34;
const QUERY: u8 = 2;
const TABLE_MAP: u8 = 19;
const WRITE_ROWS: u8 = 30;
const XID: u8 = 16;
const ROTATE: u8 = 4;
const DESCRIPTION: u8 = 15;
const PAYLOAD: u8 = 40;

/// Length of an event without its data.
const HEADER: usize = 19;

/// The bytes of an event that ends at `log_pos`.
fn bytes(kind: u8, data: &[u8], log_pos: u32, flags: u16) -> Vec<u8> {
    let size = u32::try_from(HEADER + data.len()).unwrap();
    let mut bytes = vec![0; 4];
    bytes.push(kind);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(log_pos.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A stream of events, each beginning where the one before it ends.
struct Log {
    assembler: Assembler<'static>,
    description: FormatDescriptionEvent<'static>,
    position: u64,
    found: Vec<Transaction>,
}

impl Log {
    fn at(position: u64) -> Self {
        let file = BinlogFile::parse("bin.000001").unwrap();
        let mut assembler = Assembler::new(file, position, &[]);
        assembler.described = true;
        let description = FormatDescriptionEvent::new(BinlogVersion::Version4);
        Self { assembler, description, position, found: vec![] }
    }

    fn take(&mut self, bytes: &[u8]) {
        let event = Event::read(&self.description, bytes).unwrap();
        self.found.extend(self.assembler.take(&event).unwrap());
    }

    fn add(&mut self, kind: u8, data: &[u8]) -> u64 {
        self.position += (HEADER + data.len()) as u64;
        #[expect(clippy::cast_possible_truncation, reason = "as servers do")]
        let log_pos = self.position as u32;
        self.take(&bytes(kind, data, log_pos, 0));
        self.position
    }

    fn end(mut self) -> Vec<Transaction> {
        self.found.extend(self.assembler.end().unwrap());
        self.found
    }
}

fn query(schema: &str, text: &str) -> Vec<u8> {
    let mut data = vec![0; 8];
    data.push(u8::try_from(schema.len()).unwrap());
    data.extend([0; 4]);
    data.extend(schema.as_bytes());
    data.push(0);
    data.extend(text.as_bytes());
    data
}

fn table_map(id: u8, schema: &str, table: &str) -> Vec<u8> {
    let mut data = vec![id, 0, 0, 0, 0, 0, 0, 0];
    for name in [schema, table] {
        data.push(u8::try_from(name.len()).unwrap());
        data.extend(name.as_bytes());
        data.push(0);
    }
    // One column, an integer, that is not null.
    data.extend([1, 3, 0, 0]);
    data
}

fn write_rows(id: u8) -> Vec<u8> {
    vec![id, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 0xff, 0, 7, 0, 0, 0]
}

fn rotate(position: u64, file: &str) -> Vec<u8> {
    [&position.to_le_bytes(), file.as_bytes()].concat()
}

fn tables(transaction: &Transaction) -> Vec<String> {
    transaction.rows.iter().map(|(table, end)| format!("{table} {}", end.position())).collect()
}

#[test]
fn a_transaction_begins_with_its_gtid_and_ends_with_its_commit() {
    let mut log = Log::at(4);
    let start = log.add(QUERY, &query("", "FLUSH LOGS"));
    log.add(ANONYMOUS_GTID, &[0; 42]);
    log.add(QUERY, &query("s", "BEGIN"));
    log.add(TABLE_MAP, &table_map(1, "s", "t"));
    let rows = log.add(WRITE_ROWS, &write_rows(1));
    let end = log.add(XID, &[0; 8]);
    let found = log.end();
    assert_eq!(found.len(), 2);
    assert_eq!((found[1].start.position(), found[1].end.position()), (start as i64, end as i64));
    assert_eq!(tables(&found[1]), [format!("s.t {rows}")]);
}

/// MariaDB with `binlog_legacy_event_pos` OFF: only the events around a transaction say where they end.
#[test]
fn events_that_say_no_place_are_in_the_file_all_the_same() {
    let mut log = Log::at(4);
    let start = log.position;
    log.add(ANONYMOUS_GTID, &[0; 42]);
    for (kind, data) in [(TABLE_MAP, table_map(1, "s", "t")), (WRITE_ROWS, write_rows(1))] {
        log.position += (HEADER + data.len()) as u64;
        log.take(&bytes(kind, &data, 0, 0));
    }
    let rows = log.position;
    let end = log.add(XID, &[0; 8]);
    // What the server makes up says none either.
    log.take(&bytes(ROTATE, &rotate(4, "bin.000001"), 0, 0));
    let found = log.end();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].start.position(), found[0].end.position()), (start as i64, end as i64));
    assert_eq!(tables(&found[0]), [format!("s.t {rows}")]);
    let hazards: Vec<_> = found[0].hazards.iter().map(|hazard| hazard.kind).collect();
    assert!(hazards.contains(&HazardKind::Unplaced), "{hazards:?}");
}

/// MySQL 5.6 without GTIDs, and every server before.
#[test]
fn without_gtids_a_transaction_begins_with_begin() {
    let mut log = Log::at(100);
    log.add(QUERY, &query("s", "BEGIN"));
    log.add(TABLE_MAP, &table_map(1, "s", "t"));
    log.add(WRITE_ROWS, &write_rows(1));
    let middle = log.add(QUERY, &query("s", "COMMIT"));
    let end = log.add(QUERY, &query("s", "ALTER TABLE t ADD x INT"));
    let found = log.end();
    let places: Vec<_> = found.iter().map(|it| (it.start.position(), it.end.position())).collect();
    assert_eq!(places, [(100, middle as i64), (middle as i64, end as i64)]);
    assert_eq!(found[1].ddl[0].default_schema, "s");
    assert_eq!(found[1].ddl[0].kind, "ALTER TABLE");
}

/// MySQL 8.0.21 writes CREATE TABLE … SELECT as one transaction, with a statement in it that changes definitions.
#[test]
fn a_definition_inside_a_transaction_does_not_end_it() {
    let mut log = Log::at(4);
    log.add(ANONYMOUS_GTID, &[0; 42]);
    log.add(QUERY, &query("s", "BEGIN"));
    log.add(QUERY, &query("s", "CREATE TABLE `t` (id int) START TRANSACTION"));
    log.add(TABLE_MAP, &table_map(1, "s", "t"));
    let rows = log.add(WRITE_ROWS, &write_rows(1));
    log.add(XID, &[0; 8]);
    let found = log.end();
    assert_eq!(found.len(), 1);
    assert_eq!((tables(&found[0]), found[0].ddl.len()), (vec![format!("s.t {rows}")], 1));
}

#[test]
fn xa_transactions_end_when_they_are_prepared() {
    let mut log = Log::at(4);
    log.add(ANONYMOUS_GTID, &[0; 42]);
    log.add(QUERY, &query("", "XA START X'78',X'',1"));
    log.add(TABLE_MAP, &table_map(1, "s", "t"));
    log.add(WRITE_ROWS, &write_rows(1));
    log.add(QUERY, &query("", "XA END X'78',X'',1"));
    log.add(38, &[0; 14]);
    log.add(ANONYMOUS_GTID, &[0; 42]);
    log.add(QUERY, &query("", "XA COMMIT X'78',X'',1"));
    let found = log.end();
    assert_eq!(found.iter().map(|it| it.rows.len()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn rows_of_a_table_that_was_named_before_are_unnamed() {
    let mut log = Log::at(500);
    let rows = log.add(WRITE_ROWS, &write_rows(1));
    log.add(XID, &[0; 8]);
    let found = log.end();
    assert_eq!(found[0].unnamed_rows.as_ref().unwrap().position(), rows as i64);
    assert!(found[0].rows.is_empty());
}

#[test]
fn the_numbers_of_tables_hold_for_one_transaction() {
    let mut log = Log::at(4);
    for (schema, number) in [("a", 7), ("b", 7)] {
        log.add(QUERY, &query("", "BEGIN"));
        log.add(TABLE_MAP, &table_map(number, schema, "t"));
        log.add(WRITE_ROWS, &write_rows(number));
        log.add(WRITE_ROWS, &write_rows(number));
        log.add(XID, &[0; 8]);
    }
    let found = log.end();
    let schemas: Vec<_> = found.iter().flat_map(|it| it.rows.keys().map(|table| &*table.schema)).collect();
    assert_eq!(schemas, ["a", "b"]);
}

/// What MySQL 8 writes with binlog_transaction_compression, here without the compression.
#[test]
fn a_payload_is_looked_into() {
    let inside: Vec<_> = [
        bytes(QUERY, &query("s", "BEGIN"), 0, 0),
        bytes(TABLE_MAP, &table_map(1, "s", "t"), 0, 0),
        bytes(WRITE_ROWS, &write_rows(1), 0, 0),
        bytes(XID, &[0; 8], 0, 0),
    ]
    .concat();
    let length = u8::try_from(inside.len()).unwrap();
    assert!(length < 251, "one byte holds the length");
    // Fields as type, length, value: 255 is no compression; the last one ends them.
    let mut data = vec![2, 3, 252, 255, 0, 1, 1, length, 3, 1, length, 0];
    data.extend(&inside);
    let mut log = Log::at(4);
    log.add(ANONYMOUS_GTID, &[0; 42]);
    let end = log.add(PAYLOAD, &data);
    let found = log.end();
    assert_eq!(tables(&found[0]), [format!("s.t {end}")]);
}

/// Such as MariaDB's rows in pieces, of a version that isn't out yet.
#[test]
fn events_of_types_that_nobody_knows_are_noted() {
    let mut log = Log::at(4);
    log.add(QUERY, &query("s", "BEGIN"));
    log.add(160, b"INSERT INTO t VALUES (1)");
    let first = log.add(172, &[0; 9]);
    log.add(173, &[0; 9]);
    log.position += HEADER as u64;
    log.take(&bytes(174, &[], log.position as u32, IGNORABLE));
    let last = log.add(XID, &[0; 8]);
    let found = log.end();
    let [hazard] = found[0].hazards.as_slice() else { panic!("{:?}", found[0].hazards) };
    assert_eq!((hazard.kind, hazard.count), (HazardKind::UnknownEvent, 2));
    assert_eq!(hazard.statement.as_deref(), Some("type 172"));
    assert_eq!(hazard.first.position(), first as i64);
    assert!(hazard.last.position() < last as i64);
}

#[test]
fn positions_go_on_past_4_gib() {
    let large = 3 << 30;
    let mut log = Log::at(4);
    let mut last = 4;
    for _ in 0..3 {
        log.add(QUERY, &query("", "BEGIN"));
        log.add(TABLE_MAP, &table_map(1, "s", "t"));
        // A row event that says that it is large.
        log.position += large;
        log.add(WRITE_ROWS, &write_rows(1));
        last = log.add(XID, &[0; 8]);
    }
    assert!(last > 2 << 32);
    let found = log.end();
    assert_eq!(found[2].end.position(), last as i64);
    assert_eq!(found[2].start, found[1].end);
}

#[test]
fn what_the_server_makes_up_takes_no_room() {
    let mut log = Log::at(700);
    log.take(&bytes(ROTATE, &rotate(700, "bin.000001"), 0, ARTIFICIAL));
    log.take(&bytes(DESCRIPTION, &[0; 100], 0, 0));
    log.add(QUERY, &query("s", "BEGIN"));
    log.take(&bytes(27, b"bin.000001", 0, 0));
    let end = log.add(XID, &[0; 8]);
    let found = log.end();
    assert_eq!((found[0].start.position(), found[0].end.position()), (700, end as i64));
}

/// The first event of a stream may end with a checksum that nobody has announced.
#[test]
fn the_first_rotation_only_repeats_what_was_asked_for() {
    let mut log = Log::at(700);
    log.assembler.described = false;
    log.take(&bytes(ROTATE, &rotate(700, "bin.000001\u{1}\u{2}\u{3}\u{4}"), 0, ARTIFICIAL));
    assert_eq!(log.assembler.place().0.name(), "bin.000001");
}

#[test]
fn the_log_goes_on_in_the_next_file() {
    let mut log = Log::at(700);
    log.add(ROTATE, &rotate(4, "bin.000002"));
    log.take(&bytes(ROTATE, &rotate(4, "bin.000002"), 0, ARTIFICIAL));
    log.position = 4;
    let start = log.add(DESCRIPTION, &[0; 100]);
    log.add(QUERY, &query("s", "DROP TABLE t"));
    let found = log.end();
    assert_eq!(found[0].start.to_string(), format!("bin.000002:{start}"));
}

/// A server that crashed has left half a transaction at the end of a file.
#[test]
fn a_file_that_ends_within_a_transaction() {
    let mut log = Log::at(700);
    log.add(QUERY, &query("s", "BEGIN"));
    log.add(TABLE_MAP, &table_map(1, "s", "t"));
    let end = log.add(WRITE_ROWS, &write_rows(1));
    log.take(&bytes(ROTATE, &rotate(4, "bin.000002"), 0, ARTIFICIAL));
    assert_eq!(log.found[0].end.to_string(), format!("bin.000001:{end}"));
}

#[test]
fn mariadb_compresses_statements() {
    let text = "ALTER TABLE t ADD x INT".repeat(20);
    let mut stream = vec![0x82, 1, 204];
    let mut encoder = flate2::write::ZlibEncoder::new(&mut stream, flate2::Compression::default());
    io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    assert_eq!(decompressed(&stream).unwrap(), text);
    assert!(decompressed(&[]).is_err());
    assert!(decompressed(&[0x82, 1]).is_err());
}
