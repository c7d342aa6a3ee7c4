//! The two catalogues: what is read of 1.7, what is installed and written of 2.0.

pub mod v1;
