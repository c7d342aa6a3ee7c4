//! The replica catalogues of pg_chameleon: what they are called, and what each version consists of.

pub mod names;
pub mod v2;
