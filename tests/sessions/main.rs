//! Every session sets what its statements depend on, whatever the role, the database or a statement that was replayed
//! says; only what 1.8.2 itself would have run runs under the role's own settings. §sessions-settings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

#[path = "../replica/mod.rs"]
mod replica;

mod commits;
mod encodings;
mod left_behind;
mod poolers;
mod prepared_transactions;
mod settings;
mod shadows;
