//! The MySQL server of a source of the configuration: what the checks and the plan need to know of it.
//!
//! Nothing is decided here: settings, binary log files and the [`crate::window::Transaction`]s of the window are read
//! and handed on. The driver blocks, so it runs on a thread of its own.

mod ask;
mod connect;
mod dump;
mod gtids;
mod parts;
mod progress;
mod rows;
mod server;
mod status;
mod succession;
mod table_digest;
mod table_rows;
mod tables;
mod target;
mod times;
mod transactions;

pub use ask::{NoLogs, ask, binary_logs, connected, version};
pub use connect::{ConnectError, Session, place};
pub use parts::Parts;
pub use progress::{Observer, Unobserved};
pub use succession::between;
pub use table_digest::{DigestQuery, KeyRange, RangeDigest, key_behind, range_digest};
pub use table_rows::{
    Definition, KeyColumn, KeyKind, KeyValue, MOST_BYTES, MysqlColumn, TableQuery, definition,
    prepare_for_rows, rows_by_key, table_rows,
};
pub use tables::tables;
