//! `verify`: every replicated table compared with MySQL. §after-verify.

use super::session;
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::cli::{Format, Verify};
use crate::config::Configuration;
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::postgres;
use crate::report::console::Console;
use crate::report::documents::{self, Verified};
use crate::shell;
use crate::source::{self, Session};
use crate::verify::replica::Table;
use crate::verify::{self, Compared, OnMysql, Pace, Verdict};
use crate::wording::counted;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Compares the tables.
pub async fn run(arguments: &Verify, console: &Console) -> Ending {
    compare(arguments, console).await.unwrap_or_else(|ending| ending)
}

async fn compare(arguments: &Verify, console: &Console) -> Result<Ending, Ending> {
    let configuration = session::configuration(&arguments.config.name)?;
    let session = session::connect(&configuration).await.map_err(|finding| {
        refused(&format!("{} {}", finding.found, finding.remedy.as_deref().unwrap_or_default()))
    })?;
    let ended = in_session(arguments, console, &configuration, session.client()).await;
    session.close().await;
    ended
}

async fn in_session(
    arguments: &Verify,
    console: &Console,
    configuration: &Configuration,
    client: &Client,
) -> Result<Ending, Ending> {
    let unexpected = |error: tokio_postgres::Error| {
        Ending::Unexpected(format!(
            "The catalogue can't be read: {}. Nothing was changed.",
            postgres::describe(&error)
        ))
    };
    postgres::prepare(client, configuration.lock_timeout()).await.map_err(unexpected)?;
    let server = read::server(client).await.map_err(unexpected)?;
    let (catalogue, statement) = match version::as_anyone(client, &server).await.map_err(unexpected)? {
        CatalogueVersion::V1_7 => ("1.7", include_str!("../verify/tables_v1.sql")),
        CatalogueVersion::V2_0_10 => (v2::VERSION, include_str!("../verify/tables_v2.sql")),
        _ => return Err(refused("sch_chameleon is no complete 1.7 or 2.0.10 catalogue.")),
    };
    let all = verify::replica::tables(client, statement).await.map_err(unexpected)?;
    let chosen: Vec<_> = all.iter().filter(|table| is_chosen(&table.title(), &arguments.tables)).collect();
    if chosen.is_empty() && !arguments.tables.is_empty() {
        let why =
            format!("No replicated table matches {}. Nothing was compared.", arguments.tables.join(", "));
        return Err(Ending::WrongUse(why));
    }
    console.heading("Tables");
    let began = Instant::now();
    let pace = Pace { chunk: arguments.chunk, rows_a_second: arguments.throttle };
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let mut compared = Vec::new();
    for table in chosen {
        let one = one(client, configuration, table, &mut sessions, pace).await;
        console.compared(&one);
        compared.push(one);
    }
    let ending = ending(&compared, began.elapsed());
    if arguments.format == Format::Json {
        documents::write(&Verified::new(catalogue, &compared, &ending));
    } else {
        to_mend(console, arguments, configuration, catalogue, &compared);
    }
    Ok(ending)
}

/// One table. Whatever goes wrong with it is said of it, and the next one begins with a session of its own.
async fn one(
    client: &Client,
    configuration: &Configuration,
    table: &Table,
    sessions: &mut BTreeMap<String, Session>,
    pace: Pace,
) -> Compared {
    let not_compared = |why: String| Compared {
        source: table.source.clone(),
        table: table.title(),
        verdict: Verdict::NotCompared { why },
        rows: 0,
        took: Duration::ZERO,
    };
    let Some(on_mysql) = verify::on_mysql(configuration, table) else {
        return not_compared(format!("no schema mapping of the configuration leads to {}", table.schema));
    };
    let name = &on_mysql.source.name;
    let session = match sessions.remove(name) {
        Some(session) => session,
        None => match connected(&on_mysql).await {
            Ok(session) => session,
            Err(why) => return not_compared(why),
        },
    };
    match verify::table(client, table, &on_mysql, session, pace).await {
        Ok((session, compared)) => {
            sessions.insert(name.clone(), session);
            compared
        }
        Err(error) => not_compared(error.to_string()),
    }
}

async fn connected(on_mysql: &OnMysql<'_>) -> Result<Session, String> {
    let session = source::connected(on_mysql.connection).await.map_err(|error| error.to_string())?;
    source::prepare_for_rows(session).await.map_err(|error| error.to_string())
}

/// Whether a table is among those that are asked for: all, or those that a pattern matches.
fn is_chosen(table: &str, patterns: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(table, pattern))
}

/// `*` stands for any letters.
fn matches(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(&text[at..], rest))
        }),
    }
}

/// The commands that copy the tables anew.
fn to_mend(
    console: &Console,
    arguments: &Verify,
    configuration: &Configuration,
    catalogue: &str,
    compared: &[Compared],
) {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in compared.iter().filter(|one| matches!(one.verdict, Verdict::Unequal { .. })) {
        by_source.entry(&one.source).or_default().push(&one.table);
    }
    if by_source.is_empty() {
        return;
    }
    console.heading("To mend it");
    console.step("Copy the tables that are unequal anew:");
    for (source, tables) in by_source {
        if catalogue == "1.7" {
            let names: Vec<_> = tables.iter().filter_map(|it| Some(it.split_once('.')?.1)).collect();
            console.command(&format!(
                "chameleon.py sync_tables --config {} --table {}",
                shell::word(source),
                shell::word(&names.join(","))
            ));
        } else {
            let config = crate::config::location::name_for_pg_chameleon(
                &configuration.path,
                &crate::config::location::home(),
            );
            console.command(&format!(
                "chameleon sync_tables --config {} --source {} --tables {}",
                shell::word(config.as_deref().unwrap_or(&arguments.config.name)),
                shell::word(source),
                shell::word(&tables.join(","))
            ));
        }
    }
}

fn ending(compared: &[Compared], took: Duration) -> Ending {
    let count = |is: fn(&Verdict) -> bool| compared.iter().filter(|one| is(&one.verdict)).count() as u64;
    let unequal = count(|it| matches!(it, Verdict::Unequal { .. }));
    let undecided = count(|it| matches!(it, Verdict::Undecided { .. }));
    let not_compared = count(|it| matches!(it, Verdict::NotCompared { .. }));
    let equal = count(|it| matches!(it, Verdict::Equal | Verdict::Gone));
    let rows: u64 = compared.iter().map(|one| one.rows).sum();
    let looked = format!(
        "{}, {} in {:.1} s",
        counted(compared.len() as u64, "table"),
        counted(rows, "row"),
        took.as_secs_f64()
    );
    if equal == compared.len() as u64 {
        return Ending::Done(format!("All are equal: {looked}. Nothing was changed."));
    }
    let kinds =
        [(unequal, "unequal"), (undecided, "not decided"), (not_compared, "not compared"), (equal, "equal")];
    let said: Vec<_> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    Ending::NotWell(format!("{}: {looked}. Nothing was changed.", said.join(", ")))
}

fn refused(why: &str) -> Ending {
    Ending::Refused(format!("{why} Nothing was compared or changed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_any_letters_where_it_has_a_star() {
        assert!(matches("shop.orders", "shop.*"));
        assert!(matches("shop.orders", "*.orders"));
        assert!(matches("shop.orders", "*or*s"));
        assert!(matches("shop.orders", "shop.orders"));
        assert!(!matches("shop.orders", "shop.order"));
        assert!(!matches("shop.orders", "stock.*"));
        assert!(matches("é.ü", "é.*ü*"));
    }
}
