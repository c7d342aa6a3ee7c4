//! The 1.7 catalogue: what is read of it.

pub mod facts;
pub mod read;
pub mod snapshot;
pub mod status;
pub mod strays;
