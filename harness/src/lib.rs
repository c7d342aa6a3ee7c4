//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.
//!
//! Where to begin: [`seed`] makes a catalogue on a [`server`], [`replica`] runs a program that upgrades on copies of it,
//! [`fault`] has something go wrong at an exact message, and [`record`] says whether the six properties hold. [`scenario`]
//! writes all that down as files, [`sweep`] does it at every message, [`live`] with the real pg_chameleon and MySQL.

pub mod benchmark;
pub mod chameleon;
pub mod commands;
pub mod comparison;
pub mod fault;
pub mod guide;
pub mod live;
pub mod process;
pub mod record;
pub mod rehearsal;
pub mod replica;
pub mod scenario;
pub mod seed;
pub mod server;
pub mod sweep;
