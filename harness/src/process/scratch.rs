//! The folder for small files of this program, such as the home folders of upgraders: it goes with the program, also
//! when that is killed.

use super::supervisor::Supervisor;
use std::env;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What the names of files begin with that hold the process group of a program which the harness runs.
pub(crate) const RUNNING: &str = "running-";

/// Ends what the program has been running, and removes the folder, once it has gone. The folder gets another name first:
/// what has not yet noted its process in it does not begin. Twice, for what was writing its note.
const CLEAR_UP: &str = "
    trap '' HUP INT TERM
    while read -r _; do :; done
    mv \"$1\" \"$1.left\"
    for pause in 0.1 0; do
        for note in \"$1.left\"/running-*; do
            read -r process <\"$note\" && kill -KILL \"-$process\"
        done
        sleep $pause
    done
    rm -rf \"$1.left\"
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
    let parent = env::temp_dir();
    let path = parent.join(format!("chameleon-scratch-{:016x}", rand::random::<u64>()));
    let supervisor = Supervisor::start(CLEAR_UP, [Path::new(&path)]).map_err(io::Error::other)?;
    DirBuilder::new().mode(0o700).create(&path).map_err(|error| unusable(&parent, &error))?;
    *made = Some((path.clone(), supervisor));
    Ok(path)
}

/// A folder for temporary files that can't be used, with what to do.
pub(crate) fn unusable(folder: &Path, error: &io::Error) -> io::Error {
    let remedy = "set TMPDIR to a folder that is there and that you may write to";
    io::Error::new(error.kind(), format!("no files can be made in {}: {error}: {remedy}", folder.display()))
}
