//! `convert-config`: the configurations of pg_chameleon 1.x made into one of pg_chameleon 2.

use super::{init_config, session};
use crate::catalogue::v1::{read, status};
use crate::catalogue::version;
use crate::cli::ConvertConfig;
use crate::config::store::{self, Place};
use crate::config::v1::{self, CatalogueSource, Conversion, Group, OldConfiguration};
use crate::config::{Configuration, ConfigurationError, location};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::Finding;
use crate::postgres;
use crate::report::console::Console;
use crate::shell;
use crate::wording::counted;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads the old files, writes the new one, and compares it with the catalogue.
pub async fn run(arguments: &ConvertConfig, console: &Console) -> Ending {
    match convert(arguments, console).await {
        Ok(ending) | Err(ending) => ending,
    }
}

async fn convert(arguments: &ConvertConfig, console: &Console) -> Result<Ending, Ending> {
    let home = location::home();
    let place = if arguments.force { Place::Taken } else { Place::Free };
    let output = location::place(&arguments.output, &home).map_err(|error| wrong(&error.to_string()))?;
    let files = files(arguments, &home, console)?;
    if files.iter().any(|file| location::same_file(file, &output)) {
        return Err(wrong(&format!(
            "{} is one of the old files: give --output another name",
            output.display()
        )));
    }
    if let Err(error) = store::refuse_what_is_there(&output, place) {
        let remedy = match error {
            store::StoreError::Exists(_) if !arguments.force => {
                ": give --output another name, or replace it with --force"
            }
            _ => "",
        };
        return Err(wrong(&format!("{error}{remedy}")));
    }
    let old: Vec<_> = files.iter().map(|file| parse(file, &home)).collect::<Result<_, _>>()?;
    let conversion = v1::convert(&old).map_err(|errors| {
        console.findings(&errors);
        let errors = counted(errors.len() as u64, "contradiction");
        wrong(&format!("The old configurations can't become one: {errors}"))
    })?;
    let configuration = Configuration::parse(output.clone(), &conversion.text)
        .map_err(|error| of_an_old_file(&error, &old))?;
    if output.starts_with(home.join(location::FOLDER)) {
        store::folders(&home).map_err(|error| init_config::not_made(&error, "Nothing was written."))?;
    }
    let written = store::write(&output, &conversion.text, place);
    written.map_err(|error| init_config::not_made(&error, "Nothing was written."))?;
    tell(&conversion, console);
    let compared = if arguments.offline {
        vec![Finding::info("catalogue", "Not compared with the catalogue: --offline was given.")]
    } else {
        compare(&configuration, &conversion.groups).await
    };
    console.findings(&compared);
    console.step("Look through it; the names of its sources can be changed until the upgrade is done. Next:");
    let config =
        location::name_for_pg_chameleon(&output, &home).unwrap_or_else(|| output.display().to_string());
    console.command(&shell::command("check", &config, ""));
    Ok(Ending::Done(format!(
        "Written: {}, {} of {} of pg_chameleon 1.x.",
        location::shown(&output, &home).display(),
        counted(conversion.groups.len() as u64, "source"),
        counted(old.len() as u64, "configuration"),
    )))
}

fn wrong(why: &str) -> Ending {
    Ending::WrongUse(format!("{why}. Nothing was written."))
}

/// The files that are named, each once; else those of the folder of 1.x, but for the example that it puts there itself.
fn files(arguments: &ConvertConfig, home: &Path, console: &Console) -> Result<Vec<PathBuf>, Ending> {
    let mut files: Vec<PathBuf> = Vec::new();
    if !arguments.files.is_empty() {
        for file in &arguments.files {
            if !files.iter().any(|known| location::same_file(known, file)) {
                files.push(file.clone());
            }
        }
        return Ok(files);
    }
    let folder = home.join(v1::FOLDER);
    let entries = fs::read_dir(&folder).map_err(|error| {
        wrong(&format!(
            "the old configurations in {} can't be read: {error}. Name the files of pg_chameleon 1.x",
            folder.display()
        ))
    })?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let shown = location::shown(&path, home);
        let is_yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
        if path.file_stem() == Some(OsStr::new(v1::EXAMPLE)) && is_yaml {
            console.step(&format!("left out {}: it is the example of pg_chameleon 1.x", shown.display()));
        } else if is_yaml {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(wrong(&format!(
            "{} holds no configuration of pg_chameleon 1.x: name the files",
            folder.display()
        )));
    }
    Ok(files)
}

fn parse(file: &Path, home: &Path) -> Result<OldConfiguration, Ending> {
    let shown = location::shown(file, home);
    let parsed = location::read(file).and_then(|text| OldConfiguration::parse(&shown, &text));
    parsed.map_err(|error| wrong(&error.to_string()))
}

/// What the new configuration can't hold is wrong in an old one: values of connections go over as they are.
fn of_an_old_file(error: &ConfigurationError, old: &[OldConfiguration]) -> Ending {
    let ConfigurationError::Value { key, found, expected, .. } = error else {
        return Ending::Unexpected(format!(
            "The new configuration can't be read: {error}. Nothing was written."
        ));
    };
    let files: Vec<_> = old.iter().map(|old| old.file().display().to_string()).collect();
    wrong(&format!(
        "what would be {key} of the new configuration {found}; expected {expected}. Mend it in {}",
        files.join(", ")
    ))
}

fn tell(conversion: &Conversion, console: &Console) {
    for group in &conversion.groups {
        console.step(&format!("source {:?}, from the MySQL server {}:", group.name, group.host));
        for (pair, file) in &group.pairs {
            console.step(&format!("  {pair} ({file})"));
        }
    }
    console.findings(&conversion.findings);
}

/// Reads the catalogue's sources, and holds the mappings against them. When they can't be read, says so.
async fn compare(configuration: &Configuration, groups: &[Group]) -> Vec<Finding> {
    match sources(configuration).await {
        Ok(sources) => v1::compare(groups, &sources),
        Err(why) => vec![Finding::info("catalogue", format!("Not compared with the catalogue: {why}"))],
    }
}

async fn sources(configuration: &Configuration) -> Result<Vec<CatalogueSource>, String> {
    let session = session::connect(configuration).await.map_err(|finding| finding.found)?;
    let read = read_sources(&session, configuration).await;
    session.close().await;
    read
}

async fn read_sources(
    session: &postgres::Session,
    configuration: &Configuration,
) -> Result<Vec<CatalogueSource>, String> {
    let client = session.client();
    let failed = |error: tokio_postgres::Error| format!("{}.", postgres::describe(&error));
    postgres::at_one_moment(client, configuration.lock_timeout()).await.map_err(failed)?;
    let server = read::server(client).await.map_err(failed)?;
    match version::as_anyone(client, &server).await.map_err(failed)? {
        CatalogueVersion::V1_7 => {}
        CatalogueVersion::Missing => return Err("the database has no schema sch_chameleon.".to_owned()),
        _ => return Err("it is not 1.7.".to_owned()),
    }
    let sources = status::read(client).await.map_err(failed)?;
    let one = |source: status::OldSourceStatus| CatalogueSource {
        name: source.name,
        source_schema: source.source_schema,
        dest_schema: source.dest_schema,
    };
    Ok(sources.into_iter().map(one).collect())
}
