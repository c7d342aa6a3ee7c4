//! What of the old settings is taken over into the new configuration.

use super::super::daemon::PYTHON_HAS_NO_CODEC;
use super::OldConfiguration;

/// The value is that of the first file that has one.
pub(super) fn setting<'a>(files: &[&'a OldConfiguration], key: &str) -> Option<&'a str> {
    files.iter().find_map(|file| file.settings.get(key)).map(|entry| entry.value.as_str())
}

/// The way in which tables are copied: by a file, 2.0.21 ends at some character sets.
pub(super) fn copy_mode<'a>(group: &[&'a OldConfiguration]) -> Option<&'a str> {
    let charset = setting(group, "my_charset").unwrap_or_default().trim_matches('"');
    let no_file = PYTHON_HAS_NO_CODEC.iter().any(|it| it.eq_ignore_ascii_case(charset));
    if no_file { Some("\"direct\"") } else { setting(group, "copy_mode") }
}
