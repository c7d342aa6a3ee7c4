//! What is read from either server, as plain data that the rules take.

pub mod mysql;
pub mod postgres;
pub mod snapshot;
pub mod way_back;
