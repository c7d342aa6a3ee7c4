//! What is told of an upgrade: to people on the console, to programs as JSON.

mod bar;
pub mod console;
pub mod documents;
pub mod events;
pub mod file;
pub mod layout;
pub mod output;
pub mod place;
mod progress;
#[cfg(feature = "schema")]
pub mod schemas;
pub mod statements;
pub mod watching;
