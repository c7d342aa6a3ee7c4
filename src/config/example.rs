//! The example configuration: every key that pg_chameleon 2.0.21 knows, with what it is for.

/// The name of its file, in [`super::location::FOLDER`].
pub const FILE: &str = "config-example.yml";

/// Its text. It is ASCII: pg_chameleon reads it in whatever encoding the system has.
pub const TEXT: &str = include_str!("example.yml");
