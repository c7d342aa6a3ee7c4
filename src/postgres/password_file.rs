//! libpq's password file (PostgreSQL's documentation, "The Password File"): lines of
//! `host:port:database:role:password`, in which `*` matches anything and a backslash takes a colon or a backslash as it
//! is. One that its group or others can read is passed over.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a file has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Its lines.
    Lines(Vec<u8>),
    /// There is none.
    Missing,
    /// It is passed over.
    PassedOver(&'static str),
}

/// Reads the file, when libpq would.
pub(super) fn read(path: &Path) -> Contents {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Contents::PassedOver("it can't be reached");
        }
        Err(_) => return Contents::Missing,
    };
    if !metadata.is_file() {
        return Contents::PassedOver("it is no ordinary file");
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Contents::PassedOver("its group or others have access to it (chmod 600 it)");
    }
    match fs::read(path) {
        Ok(lines) => Contents::Lines(lines),
        Err(_) => Contents::PassedOver("it can't be read"),
    }
}

/// Whom a password is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub host: &'a str,
    pub port: &'a str,
    pub database: &'a str,
    pub user: &'a str,
}

/// The password of the first line that fits; none where that isn't UTF-8.
pub(super) fn find(lines: &[u8], wanted: Wanted<'_>) -> Option<String> {
    let Wanted { host, port, database, user } = wanted;
    let found = lines.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let rest =
            [host, port, database, user].into_iter().try_fold(line, |rest, token| after(rest, token))?;
        Some(unescaped(rest))
    })?;
    String::from_utf8(found).ok()
}

/// What follows a field that is `*` or, its escapes taken out, `token`.
fn after<'l>(line: &'l [u8], token: &str) -> Option<&'l [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut rest = line;
    for byte in token.bytes() {
        if let [b'\\', _, ..] = rest {
            rest = &rest[1..];
        }
        rest = rest.strip_prefix(&[byte])?;
    }
    rest.strip_prefix(b":")
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = field.iter();
    let mut password = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => password.push(*bytes.next().unwrap_or(&b'\\')),
            b':' => break,
            byte => password.push(*byte),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password_of(lines: &str) -> Option<String> {
        let wanted = Wanted { host: "db.example", port: "5433", database: "a:b", user: "rep\\l" };
        find(lines.as_bytes(), wanted)
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        for (lines, password) in [
            ("*:*:*:*:any", Some("any")),
            ("db.example:5433:a\\:b:rep\\\\l:exact", Some("exact")),
            // A colon needs no backslash where one is expected.
            ("db.example:5433:a:b:rep\\\\l:as it is", Some("as it is")),
            ("# db.example:5433:*:*:x\n\n*:5433:*:*:p\\:w\\\\d\\x\r\n*:*:*:*:later", Some("p:w\\dx")),
            ("db.example:5432:*:*:x\nother:*:*:*:y\n", None),
            ("db.example:*:*:*:\n*:*:*:*:not asked", Some("")),
            ("db.example:*:*", None),
            ("*:*:*:*: a b ", Some(" a b ")),
            ("*:*:*:*:end\\", Some("end\\")),
            ("*:*:*:*:up to:here", Some("up to")),
        ] {
            assert_eq!(password_of(lines).as_deref(), password, "{lines:?}");
        }
    }
}
