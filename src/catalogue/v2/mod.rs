//! The 2.0.10 catalogue, as pg_chameleon 2.0.21 has it: the statements that install it.
//!
//! Structure and behaviour are those of the real one, with its defects left out; `tests/catalogue_v2` compares the
//! two and names every difference. The statements need PostgreSQL 10 or later and a session that may create objects
//! in the schema [`SCHEMA`](crate::names::SCHEMA), which must exist and be empty. They don't depend on
//! the search_path.

pub mod put_aside;
pub mod read;
pub mod status;

/// What `v_version` says.
pub const VERSION: &str = "2.0.10";

/// What installs the catalogue into an empty schema `sch_chameleon`, in this order: the name of a part, and the
/// statements that make it.
pub const INSTALL: &[(&str, &str)] = &[
    ("types", include_str!("types.sql")),
    ("tables", include_str!("tables.sql")),
    ("views", include_str!("views.sql")),
    ("fn_refresh_parts", include_str!("refresh_parts.sql")),
    ("fn_replay_mysql", include_str!("replay_mysql.sql")),
    ("binlog_min and binlog_max", include_str!("binlog_order.sql")),
];
