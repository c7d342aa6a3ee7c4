//! The two catalogues: what is read of 1.7, what is installed and written of 2.0, and their names.

pub mod v1;
pub mod v2;
pub mod version;
