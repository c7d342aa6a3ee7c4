//! Seeds: 1.7 catalogues of any shape and size out of a short description, in SQL of our own.
//!
//! docs/catalogues.md describes the catalogue and what its rows mean; a seed puts one into an empty
//! database, together with the destination tables, so that what waits can be replayed.
//!
//! ```yaml
//! sources:
//!   - name: orders                       # t_source; its MySQL schema is my_orders, PostgreSQL's orders
//!     last_received: 2024-05-01 10:00:00
//!     tables:
//!       - {name: items, rows: 3}         # id integer (the key), data text; three rows
//!       - {name: lines, key: [order_id, line_no], at: "mysql-bin.000007:500"}   # synced on its own
//!       - {name: history, count: 1000, destination: missing}     # history_1 … history_1000
//!     batches:
//!       - {at: "mysql-bin.000006:120", state: replayed}
//!       - at: mysql-bin.000007:400
//!         state: listed
//!         events:
//!           - {insert: items, row: {id: 4, data: four}}
//!           - {update: items, before: {id: 4}, after: {id: 5, data: five}}
//!           - {delete: items, row: {id: 1}}
//!           - {ddl: 'ALTER TABLE orders.items ADD COLUMN note text', table: items}
//!           - {bulk: lines, count: 30, mix: [insert, update, delete]}
//!       - {at: "mysql-bin.000007:1234", state: open}
//! ```
//!
//! A source's `source_schema` can be given, also as null or empty; so can its `dest_schema` and `status`. What
//! stands for a table in the destination schema is a `table`, one `without_key`, or `missing`. Rows are a number
//! (generated from the types of the columns) or a list. `version` changes what `v_version` says; `statements` are
//! run at the end. Everything created depends on the seed alone, to the last timestamp.
//!
//! Batches get the next id of the sequence unless they are given one: source by source, each in its order. An `id` that
//! leaves some out is what `batch_retention` makes, and ids that interleave are what sources make that run at a time.
//! `discarded` rows are in `t_discarded_rows`.
//!
//! A batch is `open`, `started`, `processed` (without a row in `t_batch_events`), `listed` or
//! `replayed`; `started`, `processed`, `listed` and `replayed` can be set one by one for states that
//! 1.8.2 doesn't make.
//!
//! 1.7 stores positions as `integer`. A seed that asks for one past 2 GiB widens the column to
//! `bigint` first, as an administrator has to whose binlog files grow that large.

mod builder;
mod create;
mod description;
mod error;
mod events;
mod generated;
mod ordered;
pub mod original;

pub use create::{Created, CreatedSource};
pub use description::{
    Batch, BatchState, Columns, Coordinate, Counters, Destination, Event, Kind, Row, Rows, Seed, Source,
    SourceSchema, Status, Table,
};
pub use error::SeedError;
pub use ordered::Pairs;

/// The statements that make an empty 1.7 catalogue.
pub const CATALOGUE: [&str; 3] = [
    include_str!("catalogue_1_7.sql"),
    include_str!("fn_refresh_parts.sql"),
    include_str!("fn_process_batch.sql"),
];

impl Seed {
    /// The replica that `make demo` upgrades: two sources at different points with rows waiting, one table synced
    /// on its own, and an open batch that isn't started.
    ///
    /// # Panics
    /// Never: a test reads the same file.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    pub fn demo() -> Self {
        yaml_serde::from_str(include_str!("demo.yaml")).expect("the seed of the demo")
    }
}
