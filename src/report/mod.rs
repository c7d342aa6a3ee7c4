//! What is told of an upgrade: to people on the console, to programs as JSON.

pub mod console;
pub mod file;
pub mod layout;
pub mod output;
