//! libpq's service file (PostgreSQL's documentation, "The Connection Service File"): sections of `keyword=value`, one of
//! which the service names. The user's is asked first, then the system's.

use super::environment::Environment;
use super::origin::PlaceError;
use crate::config::Keyword;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a service says, and the file that says it.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub settings: BTreeMap<&'static str, String>,
    pub file: PathBuf,
}

/// Finds a service.
///
/// # Errors
/// A file can't be read or understood, or none knows the service.
pub(super) fn find(name: &str, environment: &Environment) -> Result<Service, PlaceError> {
    let own = match environment.variable("PGSERVICEFILE") {
        Some(named) => Some((PathBuf::from(named), true)),
        None => environment.at_home(".pg_service.conf").map(|file| (file, false)),
    };
    let of_the_system =
        environment.system_folders().into_iter().map(|it| (it.join("pg_service.conf"), false));
    let mut asked = Vec::new();
    for (file, must_be_there) in own.into_iter().chain(of_the_system) {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be_there => {
                asked.push(file);
                continue;
            }
            Err(error) => return Err(PlaceError::ServiceFile { file, cause: error.to_string() }),
        };
        if let Some(settings) = section(&text, name, &file)? {
            return Ok(Service { settings, file });
        }
        asked.push(file);
    }
    Err(PlaceError::NoSuchService { name: name.to_owned(), asked })
}

/// The settings of the section, when the file has it; the first of two that say the same counts.
fn section(
    text: &str,
    name: &str,
    file: &Path,
) -> Result<Option<BTreeMap<&'static str, String>>, PlaceError> {
    let wrong = |number: usize, cause: String| PlaceError::ServiceFile {
        file: file.to_owned(),
        cause: format!("line {}: {cause}", number + 1),
    };
    let mut found: Option<BTreeMap<&'static str, String>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_matches(|it: char| it.is_ascii_whitespace() || it == '\x0b');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if heading.strip_prefix(name).is_some_and(|rest| rest.starts_with(']')) {
                found = Some(BTreeMap::new());
            }
            continue;
        }
        let Some(settings) = &mut found else { continue };
        if line.starts_with("ldap") {
            return Err(wrong(number, "a service kept in LDAP can't be looked up".to_owned()));
        }
        let Some((keyword, value)) = line.split_once('=') else {
            return Err(wrong(number, "it is no keyword=value".to_owned()));
        };
        match Keyword::of(keyword) {
            Keyword::Counts("service") => {
                return Err(wrong(number, "a service can't name another".to_owned()));
            }
            Keyword::Counts(keyword) => {
                settings.entry(keyword).or_insert_with(|| value.to_owned());
            }
            Keyword::WithoutEffect => {}
            Keyword::Unknown => {
                return Err(wrong(number, format!("{keyword} is no setting that can be met here")));
            }
        }
    }
    Ok(found)
}
