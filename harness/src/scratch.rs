//! The folder for small files of this program, such as the home folders of upgraders: it goes with the program, also
//! when that is killed.

use crate::server::supervisor::Supervisor;
use std::env;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Removes the folder once the program has gone.
const CLEAR_UP: &str = "
    trap '' HUP INT TERM
    while read -r _; do :; done
    rm -rf \"$1\"
";

static FOLDER: Mutex<Option<(PathBuf, Supervisor)>> = Mutex::new(None);

/// The folder, which only its owner can look into; made when it is first asked for.
///
/// # Errors
/// What the system answers.
pub fn folder() -> io::Result<PathBuf> {
    let mut made = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, _)) = &*made {
        return Ok(path.clone());
    }
    let path = env::temp_dir().join(format!("chameleon-scratch-{:016x}", rand::random::<u64>()));
    let supervisor = Supervisor::start(CLEAR_UP, [Path::new(&path)]).map_err(io::Error::other)?;
    DirBuilder::new().mode(0o700).create(&path)?;
    *made = Some((path.clone(), supervisor));
    Ok(path)
}
