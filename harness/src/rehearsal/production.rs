//! What is asked of production, which is only read: its versions and size, where MySQL's logs end, and what `check` says.

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
}

/// Asks what can be asked; what does not answer stays unknown, for `check` tells why.
#[must_use]
pub fn ask(configuration: &Configuration, postgresql: bool, mysql: bool) -> Asked {
    let mut asked = Asked { production: named(configuration), ..Asked::default() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return asked;
    };
    runtime.block_on(async {
        if postgresql && let Some((version, number, bytes, settings)) = of_postgresql(configuration).await {
            asked.settings = settings;
            asked.production.postgresql = Some(version);
            asked.major = u32::try_from(number / 10_000).ok();
            asked.production.database_bytes = u64::try_from(bytes).ok();
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

async fn of_postgresql(configuration: &Configuration) -> Option<(String, i32, i64, Settings)> {
    let session = postgres::connect(&configuration.pg).await.ok()?;
    let client = session.client();
    let asked = async {
        client.batch_execute("BEGIN READ ONLY").await?;
        let row = client.query_one(ASKED, &[]).await?;
        let settings = Settings::of(client).await?;
        client.batch_execute("ROLLBACK").await?;
        Ok::<_, tokio_postgres::Error>((row.get(0), row.get(1), row.get(2), settings))
    };
    let answer = asked.await.ok();
    session.close().await;
    answer
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
