//! Upgrades the catalogue of a pg_chameleon replica from 1.7 to 2.0, in one transaction.
//!
//! The parts that decide ([`binlog`] and what is built on it) are pure; the parts that talk to a
//! server decide nothing.

pub mod binlog;
pub mod catalogue;
