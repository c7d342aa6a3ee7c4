//! Documents that say what a run has shown: `CHAMELEON_WRITE_DOCS=1` writes them, and without it they must be as the run
//! has them.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Whether documents are written anew.
#[must_use]
pub fn is_written() -> bool {
    env::var_os("CHAMELEON_WRITE_DOCS").is_some()
}

/// The document at `path` is as the run has it, or is written.
///
/// # Errors
/// It says something else, with what is new and the target that writes it (`make`); or it can't be read or written.
pub fn settle(path: &Path, document: &str, make: &str) -> Result<(), Box<dyn Error>> {
    if is_written() {
        return Ok(fs::write(path, document)?);
    }
    let written = fs::read_to_string(path)?;
    let missing: Vec<_> = document.lines().filter(|line| !written.lines().any(|it| it == *line)).collect();
    if written == document {
        return Ok(());
    }
    Err(format!(
        "{} no longer says what happens; `make {make}` writes it anew. This is new:\n{}",
        path.display(),
        missing.join("\n")
    )
    .into())
}
