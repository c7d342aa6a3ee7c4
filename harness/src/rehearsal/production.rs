//! What is asked of production, which is only read: its versions and size, where MySQL's logs end, and what `check` says.

use super::forecast::middle;
use super::report::{Plan, Production};
use super::settings::Settings;
use crate::process::running;
use crate::replica::report::Finding;
use crate::replica::upgrader::Upgrader;
use chameleon_upgrade::config::Configuration;
use chameleon_upgrade::{postgres, source};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long `check` may take: a window of MySQL's log may be large.
const CHECKING: Duration = Duration::from_secs(4 * 3600);

/// In one transaction that may not write, and leaves nothing in the session.
const ASKED: &str = "
    SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
           pg_catalog.pg_database_size(pg_catalog.current_database())";

/// So often a round trip is timed: now and then one waits for something else.
pub const ROUND_TRIPS: usize = 21;
/// What is asked then.
pub const ROUND_TRIP: &str = "SELECT 1";

/// What was asked.
#[derive(Debug, Default)]
pub struct Asked {
    /// For the report.
    pub production: Production,
    /// The major version of PostgreSQL.
    pub major: Option<u32>,
    /// Where the log of each source's MySQL ends.
    pub ends: BTreeMap<String, String>,
    /// What is set for the database and the role.
    pub settings: Settings,
    /// How long a round trip to PostgreSQL is, in seconds.
    pub round_trip: Option<f64>,
}

/// Asks what can be asked; what does not answer stays unknown, for `check` tells why.
#[must_use]
pub fn ask(configuration: &Configuration, postgresql: bool, mysql: bool) -> Asked {
    let mut asked = Asked { production: named(configuration), ..Asked::default() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return asked;
    };
    runtime.block_on(async {
        if postgresql {
            of_postgresql(configuration, &mut asked).await;
        }
        for source in configuration.sources.iter().filter(|_| mysql) {
            let Some(connection) = &source.mysql else { continue };
            if let Ok(logs) = source::binary_logs(connection).await {
                asked.ends.insert(source.name.clone(), logs.current.to_string());
            }
            if let Ok(version) = source::version(connection).await {
                asked.production.mysql.insert(source.name.clone(), version);
            }
        }
    });
    asked
}

/// What the configuration names: so that a report can be shown without the names.
fn named(configuration: &Configuration) -> Production {
    let pg = &configuration.pg;
    let mysql = || configuration.sources.iter().filter_map(|source| source.mysql.as_ref());
    let once = |mut names: Vec<String>| {
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        names
    };
    Production {
        hosts: once(pg.host.split(',').map(str::to_owned).chain(mysql().map(|it| it.host.clone())).collect()),
        users: once([pg.user.clone()].into_iter().chain(mysql().map(|it| it.user.clone())).collect()),
        databases: once(vec![pg.database.clone()]),
        ..Production::default()
    }
}

async fn of_postgresql(configuration: &Configuration, asked: &mut Asked) {
    let Ok(session) = postgres::connect(&configuration.pg).await else { return };
    let client = session.client();
    let answers = async {
        client.batch_execute("BEGIN READ ONLY").await?;
        let row = client.query_one(ASKED, &[]).await?;
        let settings = Settings::of(client).await?;
        let mut times = [0.0; ROUND_TRIPS];
        for time in &mut times {
            let began = Instant::now();
            client.batch_execute(ROUND_TRIP).await?;
            *time = began.elapsed().as_secs_f64();
        }
        client.batch_execute("ROLLBACK").await?;
        Ok::<_, tokio_postgres::Error>((row, settings, middle(&times)))
    };
    if let Ok((row, settings, round_trip)) = answers.await {
        let (number, bytes): (i32, i64) = (row.get(1), row.get(2));
        asked.production.postgresql = Some(row.get(0));
        asked.major = u32::try_from(number / 10_000).ok();
        asked.production.database_bytes = u64::try_from(bytes).ok();
        (asked.settings, asked.round_trip) = (settings, round_trip);
    }
    session.close().await;
}

/// What `check --format json` says, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Document {
    findings: Vec<Finding>,
    plan: Option<Plan>,
    message: String,
}

/// What came of `check`.
#[derive(Debug)]
pub struct Checked {
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it planned.
    pub plan: Option<Plan>,
    /// Its last line.
    pub message: String,
    /// How long it took.
    pub seconds: f64,
}

/// Runs `check` on production itself, as its administrator would.
///
/// # Errors
/// It can't be run, or says something else than what `check` says.
pub fn check(upgrader: &Upgrader, configuration: &str, options: &[String]) -> io::Result<Option<Checked>> {
    let Upgrader::Ours { program, .. } = upgrader else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(["check", "--format", "json", "--config", configuration]).args(options);
    let began = Instant::now();
    let ended = running::start(&command, "")?.wait(CHECKING)?;
    let seconds = began.elapsed().as_secs_f64();
    let document = Document::deserialize(&mut serde_json::Deserializer::from_str(&ended.output));
    let document = document.map_err(|_| {
        let said = ended.output.trim();
        io::Error::other(format!("check does not say what it found: {}", running::shown(said)))
    })?;
    let Document { findings, plan, message } = document;
    Ok(Some(Checked { findings, plan, message, seconds }))
}
