//! Where a connection's settings come from, and what comes of them: the real `psql` is given the string that pg_chameleon
//! gives libpq, on the same machine, with the same home and environment; its verdict and the upgrader's are compared.
//! (§libpq-places; §report-18, §report-37, §report-38, §report-39, §report-66; §hunt-22, §hunt-24, §hunt-25.)
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod arena;
mod backups;
mod certificates;
mod home;
mod messages;
mod proof;
mod tls;
