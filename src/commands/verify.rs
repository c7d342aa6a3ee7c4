//! `verify`: every replicated table compared with MySQL. §after-verify.

use super::interruption::any_signal;
use super::kept::Kept;
use super::session;
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::checks::pooler;
use crate::cli::{Format, Verify};
use crate::config::{Configuration, location};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::postgres;
use crate::report::console::Console;
use crate::report::documents::{self, Verified};
use crate::shell;
use crate::source::{self, Session};
use crate::verify::discarded::{self, Lost};
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
    let session =
        session::connect(&configuration).await.map_err(|finding| session::as_the_last_line(&finding))?;
    // What is set in a session decides how values are written.
    let ended =
        match postgres::pooling(&session, &configuration.pg).await.map(|pooling| pooler::finding(&pooling)) {
            Ok(None) => in_session(arguments, console, &configuration, &session).await,
            Ok(Some(finding)) => Err(session::as_the_last_line(&finding)),
            Err(error) => Err(session::not_read(error)),
        };
    postgres::leave(session).await;
    ended
}

async fn in_session(
    arguments: &Verify,
    console: &Console,
    configuration: &Configuration,
    session: &postgres::Session,
) -> Result<Ending, Ending> {
    let client = session.client();
    postgres::prepare(client, configuration.lock_timeout()).await.map_err(session::not_read)?;
    let server = read::server(client).await.map_err(session::not_read)?;
    let (catalogue, statement) = match version::as_anyone(client, &server).await.map_err(session::not_read)? {
        CatalogueVersion::V1_7 => ("1.7", include_str!("../verify/tables_v1.sql")),
        CatalogueVersion::V2_0_10 => (v2::VERSION, include_str!("../verify/tables_v2.sql")),
        other => return Err(session::not_known(&other, "verify")),
    };
    let all = verify::replica::tables(client, statement).await.map_err(session::not_read)?;
    let chosen: Vec<&Table> =
        all.iter().filter(|table| is_chosen(&table.title(), &arguments.tables)).collect();
    if chosen.is_empty() && !arguments.tables.is_empty() {
        let why =
            format!("No replicated table matches {}. Nothing was compared.", arguments.tables.join(", "));
        return Err(Ending::WrongUse(why));
    }
    console.heading("Tables");
    let began = Instant::now();
    let pace = Pace { chunk: arguments.chunk, rows_a_second: arguments.throttle, exact: arguments.exact };
    let place = session.handover();
    let of =
        format!("the {catalogue} catalogue in {} on {} port {}", server.database, place.host, place.port);
    let kept = Kept::new(arguments.resume.as_deref(), of, console)?;
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let mut compared = Vec::new();
    let mut signal = std::pin::pin!(any_signal());
    let mut interrupted = false;
    for &table in &chosen {
        let known = kept.decided(table);
        let one = match known {
            Some(known) => known,
            None => tokio::select! {
                one = one(client, configuration, table, &mut sessions, pace, &kept) => one,
                _ = &mut signal => {
                    interrupted = true;
                    break;
                }
            },
        };
        console.compared(&one);
        kept.table(&one);
        compared.push(one);
    }
    let looked = (chosen.len(), interrupted);
    let ending = kept.end(ending(&compared, looked, began.elapsed()), arguments, &compared, interrupted);
    if arguments.format == Format::Json {
        documents::write(&Verified::new(catalogue, &compared, &ending));
    } else {
        // Another hint; what was compared stands without it.
        let lost = discarded::lost(client, catalogue == "1.7").await.unwrap_or_default();
        to_mend(console, configuration, catalogue, &lost, (&chosen, &compared));
    }
    Ok(ending)
}

/// One table. Whatever goes wrong with it is said of it, and the next one begins with a session of its own.
async fn one<'a>(
    client: &Client,
    configuration: &Configuration,
    table: &'a Table,
    sessions: &mut BTreeMap<String, Session>,
    pace: Pace,
    kept: &Kept<'a>,
) -> Compared {
    let not_compared = |why: String| Compared {
        source: table.source.clone(),
        table: table.title(),
        verdict: Verdict::NotCompared { why },
        rows: 0,
        rows_by_digest: 0,
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
    let from = kept.part(table);
    let before = from.as_ref().map(|part| part.rows).unwrap_or_default();
    // Only for the estimate: what is wrong is found by reading.
    kept.begins(table, verify::replica::about(client, table).await.unwrap_or_default(), before);
    match verify::table(client, table, &on_mysql, session, pace, from, kept).await {
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
    configuration: &Configuration,
    catalogue: &str,
    lost: &Lost,
    (tables, compared): (&[&Table], &[Compared]),
) {
    let mut by_source: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
    for (table, _) in tables
        .iter()
        .zip(compared)
        .filter(|(_, compared)| matches!(compared.verdict, Verdict::Unequal { .. }))
    {
        by_source.entry(&table.source).or_default().push(table);
    }
    if by_source.is_empty() {
        return;
    }
    console.heading("To mend it");
    if let Some(hint) = lost.may_explain(compared) {
        console.step(&hint);
    }
    console.step("Copy the tables that are unequal anew:");
    for (source, tables) in by_source {
        let source = shell::word(source);
        console.command(&if catalogue == "1.7" {
            let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
            format!("chameleon.py sync_tables --config {source} --table {}", shell::word(&names.join(",")))
        } else {
            let config = shell::word(&location::name_or_stem(&configuration.path, &location::home()));
            // It names them by their schemas on MySQL.
            let title = |table: &&Table| match verify::on_mysql(configuration, table) {
                Some(on_mysql) => format!("{}.{}", on_mysql.schema, table.name),
                None => table.title(),
            };
            let titles: Vec<_> = tables.iter().map(title).collect();
            let titles = shell::word(&titles.join(","));
            format!("chameleon sync_tables --config {config} --source {source} --tables {titles}")
        });
    }
}

/// `looked`: how many tables there are to compare, and whether it was broken off.
fn ending(compared: &[Compared], looked: (usize, bool), took: Duration) -> Ending {
    let (all, interrupted) = looked;
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
    if interrupted {
        let left = (all - compared.len()) as u64;
        return Ending::NotWell(format!(
            "Interrupted: {looked}; {unequal} unequal, {equal} equal, and {} yet to be compared. Nothing was changed.",
            counted(left, "table")
        ));
    }
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
