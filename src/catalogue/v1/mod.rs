//! The 1.7 catalogue: what is read of it.

pub mod read;
pub mod status;
pub mod strays;
