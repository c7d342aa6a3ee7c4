//! One configuration of pg_chameleon 2 out of those of 1.x: those of one MySQL server become one source, which maps all
//! their schemas. What contradicts itself is refused, all of it at once, with files and lines.

use std::collections::BTreeMap;

use super::settings::WITHOUT_SUCCESSOR;
use super::settings::default_of;
use super::taken::{copy_mode, setting};
use super::{Entry, OldConfiguration, PORT_OF_MYSQL, write};
use crate::finding::Finding;
use crate::mapping::MappingPair;
use crate::names::MAX_SOURCE_NAME_BYTES;
use crate::wording::first_of;

/// How many files are named of those of which the same is to be told.
const PLACES: usize = 5;

/// The new configuration.
#[derive(Debug)]
pub struct Conversion {
    /// Its text. It holds passwords.
    pub text: String,
    /// Its sources.
    pub groups: Vec<Group>,
    /// What is to be told of it; no errors.
    pub findings: Vec<Finding>,
}

/// The old configurations that become one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name of the new source.
    pub name: String,
    /// Where its MySQL server is.
    pub host: String,
    /// What it maps, and which file says so.
    pub pairs: Vec<(MappingPair, String)>,
}

/// Makes one configuration of several.
///
/// # Errors
/// What contradicts itself; at least one finding, all of them errors.
pub fn convert(files: &[OldConfiguration]) -> Result<Conversion, Vec<Finding>> {
    let groups = by_server(files);
    let mut errors = contradictions(files);
    for group in &groups {
        errors.extend(contradictions_within(group));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut findings: Vec<_> = files.iter().flat_map(|file| file.findings.clone()).collect();
    findings.extend(without_successor(files));
    findings.extend(ports(files));
    for (key, among) in settings_of(files, &groups) {
        findings.extend(differing(key, &among));
    }
    if groups.len() > 1 {
        let hosts: Vec<_> = groups.iter().map(|group| group[0].mysql.host.value.as_str()).collect();
        findings.push(Finding::warning(
            "servers",
            format!("The files name {} MySQL servers, and each becomes a source: {}.", groups.len(), hosts.join(", ")),
            "If two of them are one server by two names, name it the same in the old files and convert again: one server \
             should be one source.",
        ));
    }
    let names = names(&groups);
    for group in &groups {
        findings.extend(copied_otherwise(group));
    }
    Ok(Conversion { text: write::text(&groups, &names), groups: shown(&groups, names), findings })
}

/// Each key that is left out, with all the files that have it.
fn without_successor(files: &[OldConfiguration]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (key, why) in WITHOUT_SUCCESSOR {
        let of = |file: &OldConfiguration| {
            let entry = file.without_successor.iter().find(|entry| entry.value == key);
            entry.map(|entry| file.at(entry.line))
        };
        let places: Vec<_> = files.iter().filter_map(of).collect();
        if !places.is_empty() {
            let places = first_places(&places);
            found.push(Finding::info("no-successor", format!("{key} was left out: {why} ({places}).")));
        }
    }
    found
}

/// The ports that 1.8.2 never used.
fn ports(files: &[OldConfiguration]) -> Option<Finding> {
    let of = |file: &OldConfiguration| {
        let port = file.mysql.port.as_ref()?;
        Some(format!("{} ({})", port.value, file.at(port.line)))
    };
    let ports: Vec<_> = files.iter().filter_map(of).collect();
    (!ports.is_empty()).then(|| {
        Finding::warning(
            "port",
            format!(
                "The port of mysql_conn {}. pg_chameleon 1.x took no notice of it and read from {PORT_OF_MYSQL}, so that is \
                 the port of the new configuration.",
                first_places(&ports)
            ),
            "Change it only if the very server that 1.x read from now answers at another port.",
        )
    })
}

fn first_places(places: &[String]) -> String {
    first_of(&places[..places.len().min(PLACES)], places.len() as u64)
}

/// In the order in which each server is first named. Names of hosts know no capitals.
fn by_server(files: &[OldConfiguration]) -> Vec<Vec<&OldConfiguration>> {
    let mut groups: Vec<Vec<&OldConfiguration>> = Vec::new();
    for file in files {
        let same = |group: &&mut Vec<&OldConfiguration>| {
            group[0].mysql.host.value.eq_ignore_ascii_case(&file.mysql.host.value)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}

fn shown(groups: &[Vec<&OldConfiguration>], names: Vec<String>) -> Vec<Group> {
    let one = |(group, name): (&Vec<&OldConfiguration>, String)| Group {
        name,
        host: group[0].mysql.host.value.clone(),
        pairs: group.iter().map(|file| (pair(file), file.file.display().to_string())).collect(),
    };
    groups.iter().zip(names).map(one).collect()
}

pub(super) fn pair(file: &OldConfiguration) -> MappingPair {
    MappingPair { source_schema: file.my_database.value.clone(), dest_schema: file.dest_schema.value.clone() }
}

/// That of the old source where there is one alone, else that of the host; short enough, and without what the daemon can't
/// write down.
fn names(groups: &[Vec<&OldConfiguration>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for group in groups {
        let wanted = match group.as_slice() {
            [one] => &one.source_name.value,
            _ => &group[0].mysql.host.value,
        };
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        // Room for a number behind it.
        let stem: String = wanted.chars().map(plain).take(MAX_SOURCE_NAME_BYTES - 4).collect();
        let mut name = stem.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

/// What may be there once only, or must be the same, in all files.
fn contradictions(files: &[OldConfiguration]) -> Vec<Finding> {
    let all: Vec<_> = files.iter().collect();
    let mut found = doubled(
        &all,
        "source_name",
        |file| &file.source_name,
        "The old catalogue has one source of a name: take away the file that is not used, or name those that are.",
    );
    found.extend(doubled(
        &all,
        "dest_schema",
        |file| &file.dest_schema,
        "A schema of PostgreSQL can have one origin: take away the file that is not used, or name those that are.",
    ));
    let one_database = "A configuration has one PostgreSQL database and one role. Convert the files of each separately: name \
                        them, and give --output. If they are the same, write them the same way in all files.";
    type Part = fn(&OldConfiguration) -> &Entry<String>;
    let parts: [(&'static str, Part); 4] = [
        ("the host of pg_conn", |file| &file.postgres.host),
        ("the port of pg_conn", |file| &file.postgres.port),
        ("the user of pg_conn", |file| &file.postgres.user),
        ("pg_database", |file| &file.postgres.database),
    ];
    for (what, part) in parts {
        found.extend(unequal(&all, "pg_conn", what, part, one_database));
    }
    found.extend(other_passwords(&all, "pg_conn", |file| {
        (file.postgres.password.expose(), file.postgres.line)
    }));
    found.extend(other_setting(&all, "pg_charset"));
    found.extend(other_type_override(&all));
    found
}

/// The same within what becomes one source.
fn contradictions_within(group: &[&OldConfiguration]) -> Vec<Finding> {
    let mut found = doubled(
        group,
        "my_database",
        |file| &file.my_database,
        "A schema on MySQL can be mapped once: take away the file that is not used, or name those that are.",
    );
    found.extend(unequal(
        group,
        "mysql_conn",
        "the user of mysql_conn",
        |file| &file.mysql.user,
        "One MySQL server becomes one source, with one account: write that which may read all its schemas into each file.",
    ));
    found
        .extend(other_passwords(group, "mysql_conn", |file| (file.mysql.password.expose(), file.mysql.line)));
    found.extend(other_setting(group, "my_charset"));
    found
}

/// Files that have the same value, where each must have its own.
fn doubled(
    files: &[&OldConfiguration],
    key: &'static str,
    entry: fn(&OldConfiguration) -> &Entry<String>,
    remedy: &str,
) -> Vec<Finding> {
    let mut by_value: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in files {
        let Entry { value, line } = entry(file);
        by_value.entry(value).or_default().push(file.at(*line));
    }
    by_value.retain(|_, places| places.len() > 1);
    let one = |(value, places): (&str, Vec<String>)| {
        let found = format!("{} files have the {key} {value:?}: {}.", places.len(), places.join(", "));
        Finding::error(key, found, remedy)
    };
    by_value.into_iter().map(one).collect()
}

/// A value of a connection is not shown: a password may stand there by mistake.
fn unequal(
    files: &[&OldConfiguration],
    id: &'static str,
    what: &str,
    entry: impl Fn(&OldConfiguration) -> &Entry<String>,
    remedy: &str,
) -> Option<Finding> {
    let first = entry(files.first()?);
    let other = files.iter().find(|file| entry(file).value != first.value)?;
    let places = [files[0].at(first.line), other.at(entry(other).line)];
    Some(Finding::error(
        id,
        format!("{} is not the same in {}.", sentence(what), places.join(" and ")),
        remedy,
    ))
}

fn sentence(what: &str) -> String {
    if what.contains('_') && !what.contains(' ') { what.to_owned() } else { crate::wording::sentence(what) }
}

fn other_passwords<'a>(
    files: &[&'a OldConfiguration],
    id: &'static str,
    password: impl Fn(&'a OldConfiguration) -> (&'a str, usize),
) -> Option<Finding> {
    let (first, line) = password(files.first()?);
    let other = files.iter().find(|file| password(file).0 != first)?;
    let places = [files[0].at(line), other.at(password(other).1)];
    Some(Finding::error(
        id,
        format!("The passwords of {id} are not the same in {}.", places.join(" and ")),
        "One account has one password: write the right one into each file.",
    ))
}

/// A setting that must be the same. One that is left out is the default.
fn other_setting(files: &[&OldConfiguration], key: &'static str) -> Option<Finding> {
    let value = |file: &OldConfiguration| {
        let written = file.settings.get(key).map_or(default_of(key), |entry| entry.value.as_str());
        written.trim_matches(['"', '\'']).to_lowercase()
    };
    let line = |file: &OldConfiguration| file.settings.get(key).map_or(1, |entry| entry.line);
    let first = *files.first()?;
    let other = files.iter().find(|file| value(file) != value(first))?;
    Some(Finding::error(
        key,
        format!("{key} is not the same in {} and {}.", first.at(line(first)), other.at(line(other))),
        "A connection has one character set: write the right one into each file.",
    ))
}

/// Types are overridden for all sources alike. A list of tables is of its file's schema; a rule for all tables is not.
fn other_type_override(files: &[&OldConfiguration]) -> Option<Finding> {
    let plain = |file: &OldConfiguration| -> BTreeMap<String, (String, bool)> {
        let overrides = file.type_override.iter().flat_map(|entry| &entry.value);
        overrides.map(|it| (it.mysql.to_lowercase(), (it.postgres.clone(), it.tables.is_none()))).collect()
    };
    let line = |file: &OldConfiguration| file.type_override.as_ref().map_or(1, |entry| entry.line);
    let first = *files.first()?;
    let of_first = plain(first);
    let other = files.iter().find(|file| {
        let of_other = plain(file);
        let agree = |(mysql, value): (&String, &(String, bool))| match of_other.get(mysql) {
            Some(other) => other == value,
            // Tables of another schema are not concerned.
            None => !value.1,
        };
        let disagrees = |(mysql, value): (&String, &(String, bool))| !of_first.contains_key(mysql) && value.1;
        !of_first.iter().all(agree) || of_other.iter().any(disagrees)
    })?;
    Some(Finding::error(
        "type_override",
        format!("type_override is not the same in {} and {}.", first.at(line(first)), other.at(line(other))),
        "pg_chameleon 2 has one type_override for all sources. Write the same types into each file; where they hold for some \
         tables only, name these tables instead of '*'.",
    ))
}

/// Those that one new mapping takes from several old files, which may differ.
fn settings_of<'a>(
    files: &'a [OldConfiguration],
    groups: &[Vec<&'a OldConfiguration>],
) -> Vec<(&'static str, Vec<&'a OldConfiguration>)> {
    let at_the_top = ["pid_dir", "log_dir", "log_dest", "log_level", "log_days_keep"];
    let of_a_source = [
        "my_server_id",
        "replica_batch_size",
        "batch_retention",
        "copy_max_memory",
        "copy_mode",
        "out_dir",
        "sleep_loop",
    ];
    let mut all: Vec<_> = at_the_top.iter().map(|key| (*key, files.iter().collect())).collect();
    for group in groups {
        all.extend(of_a_source.iter().map(|key| (*key, group.clone())));
    }
    all
}

fn differing(key: &'static str, files: &[&OldConfiguration]) -> Option<Finding> {
    let with: Vec<_> = files.iter().filter_map(|file| Some((file, file.settings.get(key)?))).collect();
    let (_, first) = with.first()?;
    if with.iter().all(|(_, entry)| entry.value == first.value) {
        return None;
    }
    // Each replica of one server has its own, so they always differ where there are several.
    if key == "my_server_id" {
        let found = format!("my_server_id is {}, the first of the old ones: a source has one.", first.value);
        return Some(Finding::info("my_server_id", found));
    }
    let values: Vec<_> =
        with.iter().map(|(file, entry)| format!("{} in {}", entry.value, file.at(entry.line))).collect();
    Some(Finding::warning(
        "differing",
        format!("{key} is not the same in all files: {}. The first was taken.", values.join(", ")),
        "Change it in the new configuration if another should hold.",
    ))
}

fn copied_otherwise(group: &[&OldConfiguration]) -> Option<Finding> {
    let old = setting(group, "copy_mode").unwrap_or("\"file\"");
    let new = copy_mode(group).unwrap_or("\"file\"");
    (new != old).then(|| {
        let charset = setting(group, "my_charset").unwrap_or_default();
        Finding::info(
            "copy_mode",
            format!(
                "{}: copy_mode is made direct: pg_chameleon 2 can't write a file in the character set {charset}.",
                group[0].file.display()
            ),
        )
    })
}
