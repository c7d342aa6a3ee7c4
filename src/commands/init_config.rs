//! `init-config`: pg_chameleon's folders in the home, and an example configuration in them.

use crate::config::example;
use crate::config::location::{self, FOLDER};
use crate::config::store::{self, Folder, Place, StoreError};
use crate::ending::Ending;
use crate::report::console::Console;
use std::path::Path;

/// Makes what is missing, and leaves alone what is there.
pub fn run(console: &Console) -> Ending {
    let home = location::home();
    match make(&home, console) {
        Ok(ending) => ending,
        Err(error) => not_made(&error, "Nothing that was there was changed."),
    }
}

fn make(home: &Path, console: &Console) -> Result<Ending, StoreError> {
    let example = home.join(FOLDER).join(example::FILE);
    let shown = location::shown(&example, home);
    folders(home, console)?;
    let left = match store::write(&example, example::TEXT, Place::Free) {
        Ok(()) => {
            console.step(&format!("made {}", shown.display()));
            ""
        }
        Err(StoreError::Exists(_)) => {
            console.step(&format!("left alone {}: it is there already", shown.display()));
            " What was there is as it was."
        }
        Err(error) => return Err(error),
    };
    Ok(Ending::Done(format!(
        "The folders and an example are there.{left} Next: chameleon-upgrade convert-config makes the new configuration \
         of the old ones; or copy {} to another name, and change the copy.",
        shown.display()
    )))
}

/// Makes the folders that are missing, and tells of each.
pub(super) fn folders(home: &Path, console: &Console) -> Result<(), StoreError> {
    for folder in store::folders(home)? {
        tell(&folder, home, console);
    }
    Ok(())
}

fn tell(folder: &Folder, home: &Path, console: &Console) {
    let path = location::shown(&folder.path, home);
    let path = path.display();
    if folder.made {
        console.step(&format!("made {path}"));
    } else {
        console.step(&format!("left alone {path}: it is there already"));
    }
    if folder.open_to_others {
        console.step(&format!("Others may look into {path}, where passwords will be. To keep them out:"));
        console.command(&format!("chmod 700 {path}"));
    }
}

/// How it ends when a folder or a file can't be made.
pub(super) fn not_made(error: &StoreError, what_is: &str) -> Ending {
    let message = format!("{error}. {what_is}");
    if error.is_wrong_use() { Ending::WrongUse(message) } else { Ending::Unexpected(message) }
}
