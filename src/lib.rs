//! Upgrades the catalogue of a pg_chameleon replica from 1.7 to 2.0, in one transaction.
//!
//! The parts that decide ([`plan`], [`checks`] and what they are built on) are pure; the parts that talk
//! to a server decide nothing. Data flows one way: configuration and snapshot → findings and plan →
//! steps → outcome → report.
//!
//! Where to begin: [`commands`] reads like the procedure; [`plan`] holds the rules of where a new source starts and from
//! where a table is read, with [`batches`] before it and [`window`] behind it; [`checks`] is the list of what is looked
//! at, over what [`survey`] has examined; [`upgrade`] is the one transaction, [`outcome`] what becomes of it.
//! `ARCHITECTURE.md` has the picture, `docs/specification.md` the rules by the ids that the code cites (`§point`).

pub mod backup;
pub mod batches;
pub mod beside;
pub mod binlog;
pub mod catalogue;
pub mod cause;
pub mod checks;
pub mod cleanup;
pub mod cli;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod ending;
pub mod examination;
pub mod facts;
pub mod finding;
pub mod gtid;
pub mod help;
pub mod identity;
pub mod maintenance;
pub mod manual;
pub mod mapping;
pub mod names;
pub mod outcome;
pub mod plan;
pub mod postgres;
pub mod replay;
pub mod report;
pub mod rollback;
pub mod shell;
pub mod source;
pub mod structure;
pub mod survey;
pub mod upgrade;
pub mod verify;
pub mod watch;
pub mod way_back;
pub mod window;
pub mod wording;
