//! Where a connection's settings come from, and what comes of them: the real `psql` is given the string that pg_chameleon
//! gives libpq, on the same machine, with the same home and environment; its verdict and the upgrader's are compared.
//! (SPEC.md, "The command line": libpq's places; REPORTS.md 18, 37, 38, 39, 66; HUNT.md 22, 24, 25.)
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod arena;
mod certificates;
mod home;
mod messages;
mod proof;
mod tls;
