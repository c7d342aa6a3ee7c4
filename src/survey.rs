//! Reads everything that the checks look at: first PostgreSQL, then MySQL.

mod tables;

use crate::batches::{self, Between, Gap};
use crate::catalogue::v1::{read, strays};
use crate::catalogue::v2::put_aside;
use crate::catalogue::version;
use crate::checks::binlog_files;
use crate::config::{Configuration, DaemonRequirement, SourceType};
use crate::daemon::asked;
use crate::daemon::installed::{Installed, NoProgram, Program};
use crate::examination::mysql::{AskedSource, Compared, MySql};
use crate::examination::{Catalogue, Examined, Judge, LeftOut, OtherType, Replica};
use crate::facts::postgres::{CatalogueVersion, Pooling};
use crate::facts::postgres::{Strays, TableExamination};
use crate::facts::snapshot::{OldSource, OldSourceId, Snapshot};
use crate::finding::Finding;
use crate::identity::{Claim, KeptPlaces};
use crate::mapping::Target;
use crate::names::SCHEMA;
use crate::plan::{self, Advances, Plan};
use crate::postgres;
use crate::source::{self, Observer};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// Which look at the catalogue it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The first: the tables are examined one by one, with what stands for them in the destination.
    First,
    /// After the first: what the upgrade does with each table was decided then, and is verified at the end.
    UnderLock,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// `--assume-stopped`.
    pub assume_stopped: bool,
    /// Whether MySQL is asked.
    pub mysql: AskMySql,
    /// `--daemon`.
    pub daemon: Option<&'a Path>,
}

/// Whether MySQL is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskMySql {
    /// It is.
    Ask,
    /// It is not, and nobody wants to know.
    Not,
    /// It is not, because of `--offline`.
    Offline,
}

/// Examines all that the checks look at: PostgreSQL, MySQL's log where the catalogue alone doesn't prove which batches are
/// live, and then MySQL.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn examine(
    client: &Client,
    configuration: &Configuration,
    options: &Options<'_>,
    observer: &dyn Observer,
) -> Result<Examined, Error> {
    let examined = survey(client, configuration, options.assume_stopped, &[]).await?;
    let mysql = match options.mysql {
        AskMySql::Ask => {
            let heard = hear_of_gaps(&examined, configuration, observer).await;
            let examined = if heard.is_empty() {
                examined
            } else {
                survey(client, configuration, options.assume_stopped, &heard).await?
            };
            return Ok(ask_mysql(examined, client, configuration, options.daemon, observer).await);
        }
        AskMySql::Not => MySql::NotAsked,
        AskMySql::Offline => MySql::Offline,
    };
    Ok(Examined { mysql, ..examined })
}

/// What MySQL has purged of what the new sources start from since it was examined.
pub async fn purged_since(configuration: &Configuration, plan: &Plan) -> Vec<Finding> {
    let mut purged = Vec::new();
    for planned in &plan.sources {
        let configured = configuration.sources.iter().find(|it| it.name == planned.name);
        let Some(connection) = configured.and_then(|it| it.mysql.as_ref()) else { continue };
        // A server that can't be asked any more is for the daemon to find.
        let logs = source::binary_logs(connection).await.ok();
        purged.extend(logs.and_then(|logs| binlog_files::again(planned, &source::place(connection), &logs)));
    }
    purged
}

/// Reads the facts at one moment, in a read-only transaction of its own. `heard`: what MySQL's log has said of gaps between
/// batches.
///
/// # Errors
/// What PostgreSQL answers.
async fn survey(
    client: &Client,
    configuration: &Configuration,
    assume_stopped: bool,
    heard: &[(Gap, Between)],
) -> Result<Examined, Error> {
    postgres::at_one_moment(client, configuration.lock_timeout()).await?;
    let known = Known { heard, advances: &Advances::new() };
    let mut facts = facts(client, configuration, assume_stopped, Look::First, &known).await?;
    client.batch_execute("COMMIT").await?;
    // Texts of the configuration that the database can't store would break the transaction off.
    if let Some(catalogue) = &mut facts.catalogue {
        catalogue.left_out = left_out(client, configuration).await?;
    }
    for target in &facts.targets {
        if let Some(encoding) = encoding_without(client, &target.name).await? {
            facts.unwritable.push((target.name.clone(), encoding));
        }
    }
    Ok(facts)
}

/// The encoding of the database, when it lacks a character of the text. Only the server can tell.
async fn encoding_without(client: &Client, text: &str) -> Result<Option<String>, Error> {
    if text.is_ascii() {
        return Ok(None);
    }
    match client.query_typed("SELECT $1", &[(&text, Type::TEXT)]).await {
        Err(error) if error.code() == Some(&SqlState::UNTRANSLATABLE_CHARACTER) => {
            client.query_typed_one("SHOW server_encoding", &[]).await?.try_get(0).map(Some)
        }
        Err(error) => Err(error),
        Ok(_) => Ok(None),
    }
}

/// What MySQL's log has said by now.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Of gaps between batches.
    pub heard: &'a [(Gap, Between)],
    /// Of where the new sources may start.
    pub advances: &'a Advances,
}

/// Reads the facts within whatever transaction is open.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn facts(
    client: &Client,
    configuration: &Configuration,
    assume_stopped: bool,
    look: Look,
    known: &Known<'_>,
) -> Result<Examined, Error> {
    let targets = targets(configuration);
    let server = read::server(client).await?;
    let version = version::as_owner(client, &server).await?;
    tracing::debug!(?server, ?version, "read the server's facts");
    let catalogue = match version {
        CatalogueVersion::V1_7 => Some(catalogue(client, &targets, look, known).await?),
        _ => None,
    };
    let left_behind = match version {
        CatalogueVersion::V2_0_10 => put_aside::left_behind(client).await?,
        _ => None,
    };
    Ok(Examined {
        configuration: configuration.named.clone(),
        other_types: other_types(configuration),
        replicas: replicas(configuration),
        daemon_requirements: daemon_requirements(configuration),
        misread_password: configuration.pg.misread_password,
        gtid_enabled: gtid_enabled(configuration),
        targets,
        assume_stopped,
        pooling: Pooling::Sessions,
        unwritable: vec![],
        server,
        version,
        catalogue,
        left_behind,
        mysql: MySql::NotAsked,
        installed: None,
        judge: None,
    })
}

/// Asks MySQL what its log holds between batches, where that decides which of them are live and the catalogue alone doesn't
/// prove it: after a crash of 1.8.2 only. With an answer, the survey is to be made again.
async fn hear_of_gaps(
    facts: &Examined,
    configuration: &Configuration,
    observer: &dyn Observer,
) -> Vec<(Gap, Between)> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let mut heard = Vec::new();
    for old in &catalogue.snapshot.sources {
        let gaps = batches::gaps(&old.batches);
        let target = facts.targets.iter().find(|target| target.maps(old));
        let new = target.and_then(|target| configuration.sources.iter().find(|it| it.name == target.name));
        let connection = new.and_then(|new| new.mysql.as_ref());
        let (Some(new), Some(connection), Some(schema)) = (new, connection, &old.source_schema) else {
            continue;
        };
        if !gaps.is_empty() {
            heard.extend(source::between(new, connection, schema, gaps, observer).await);
        }
    }
    heard
}

/// Asks the pg_chameleon 2 that is installed here, or that `daemon` names, and the MySQL servers of the configuration one after
/// the other, and plans anew by what they say. Without a 1.7 catalogue there is nothing to ask.
async fn ask_mysql(
    mut facts: Examined,
    client: &Client,
    configuration: &Configuration,
    daemon: Option<&Path>,
    observer: &dyn Observer,
) -> Examined {
    let Some(catalogue) = &mut facts.catalogue else { return facts };
    let program = Program::find(daemon);
    if let Ok(Some(program)) = &program {
        let connections = configuration.sources.iter().filter_map(|source| source.mysql.as_ref());
        let charsets = connections.map(|connection| connection.charset.as_str());
        facts.installed = Installed::ask(program, charsets).await;
    }
    let mut all = Vec::new();
    for source in &configuration.sources {
        let Some(connection) = &source.mysql else { continue };
        let target = facts.targets.iter().find(|target| target.name == source.name);
        let own = |id: &OldSourceId| {
            let source = catalogue.snapshot.sources.iter().find(|source| source.id == *id);
            source.zip(target).is_some_and(|(source, target)| target.maps(source))
        };
        let claims =
            catalogue.claims.iter().filter(|(id, _)| own(id)).map(|(_, claim)| claim.clone()).collect();
        let planned = catalogue.planned.as_ref().ok();
        let planned = planned.and_then(|plan| plan.sources.iter().find(|it| it.name == source.name));
        let (session, compared) = match (source::connected(connection).await, planned) {
            (Ok(session), Some(planned)) => {
                let rules =
                    tables::Rules { lists: &source.tables, overridden: &configuration.overridden_types };
                tables::compare(client, session, connection, planned, &rules, observer).await
            }
            (session, _) => (session, Compared::default()),
        };
        all.push(source::ask(source, connection, claims, session, planned, compared, observer).await);
    }
    let advances = all.iter().filter_map(|asked| Some((asked.name.clone(), asked.advance()?)));
    catalogue.advances = advances.collect();
    catalogue.planned = plan::plan(&catalogue.snapshot, &facts.targets, &catalogue.advances);
    let judge = judged_by(&mut all, program, configuration).await;
    facts.judge = Some(Judge { named: daemon.map(Path::to_owned), ..judge });
    facts.mysql = MySql::Asked(all);
    facts
}

/// Has the daemon judge the statements that lie ahead, when it can.
async fn judged_by(
    asked: &mut [AskedSource],
    program: Result<Option<Program>, NoProgram>,
    configuration: &Configuration,
) -> Judge {
    let program = match program {
        Ok(Some(program)) => program,
        Ok(None) => return Judge::default(),
        Err(error) => return Judge { failed: Some(error.to_string()), ..Judge::default() },
    };
    let path = Some(program.path().to_owned());
    let mut all: Vec<_> = asked.iter_mut().filter_map(AskedSource::ahead).collect();
    let texts: BTreeSet<Arc<str>> =
        all.iter().flat_map(|ahead| &ahead.kept.statements).map(|(met, _)| Arc::clone(&met.text)).collect();
    let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
    if texts.is_empty() {
        return Judge { path, ..Judge::default() };
    }
    match asked::ask(&program, Some(&configuration.path), &texts, asked::PATIENCE).await {
        Ok(answers) => {
            for ahead in &mut all {
                ahead.settle(|met| answers.judge(&met.text, met.judged.as_ref()));
            }
            Judge { path, version: Some(answers.version), ..Judge::default() }
        }
        Err(error) => {
            tracing::info!(program = %program.path().display(), %error, "the daemon can't be asked");
            Judge { path, failed: Some(error.to_string()), ..Judge::default() }
        }
    }
}

async fn catalogue(
    client: &Client,
    targets: &[Target],
    look: Look,
    Known { heard, advances }: &Known<'_>,
) -> Result<Catalogue, Error> {
    let snapshot = read::snapshot(client, heard).await?;
    tracing::trace!(?snapshot, "read the 1.7 catalogue");
    let planned = plan::plan(&snapshot, targets, advances);
    tracing::debug!(?planned);
    let claims = match look {
        Look::First => claims(client, &snapshot).await?,
        Look::UnderLock => vec![],
    };
    Ok(Catalogue {
        planned,
        advances: (*advances).clone(),
        heard: heard.to_vec(),
        claims,
        snapshot,
        tables: match look {
            Look::First => read::examine_tables(client).await?,
            Look::UnderLock => TableExamination::default(),
        },
        strays: match look {
            Look::First => strays::read(client).await?,
            Look::UnderLock => Strays::default(),
        },
        left_out: vec![],
        sessions: read::sessions(client).await?,
        holders: match look {
            Look::First => postgres::holders_in_schema(client, SCHEMA).await?,
            Look::UnderLock => None,
        },
        dependents: read::dependents(client, SCHEMA).await?,
    })
}

/// What the catalogue says of the servers that its sources were read from.
async fn claims(client: &Client, snapshot: &Snapshot) -> Result<Vec<(OldSourceId, Claim)>, Error> {
    let kept = read::kept_places(client, snapshot).await?;
    let none = KeptPlaces::default();
    let claim =
        |source: &OldSource| Some((source.id, Claim::of(source, kept.get(&source.id).unwrap_or(&none))?));
    Ok(snapshot.sources.iter().filter_map(claim).collect())
}

fn targets(configuration: &Configuration) -> Vec<Target> {
    let mysql = configuration.sources.iter().filter(|source| source.source_type == SourceType::Mysql);
    mysql
        .map(|source| Target { name: source.name.clone(), mappings: source.schema_mappings.clone() })
        .collect()
}

fn gtid_enabled(configuration: &Configuration) -> Vec<String> {
    let enabled = configuration.sources.iter().filter(|source| source.mysql.is_some() && source.gtid_enable);
    enabled.map(|source| source.name.clone()).collect()
}

fn other_types(configuration: &Configuration) -> Vec<OtherType> {
    let others = configuration.sources.iter().filter(|source| source.source_type != SourceType::Mysql);
    others
        .map(|source| OtherType {
            name: source.name.clone(),
            kind: source.source_type.to_string(),
            lines: (source.at, source.last_line),
        })
        .collect()
}

fn replicas(configuration: &Configuration) -> Vec<Replica> {
    let replicas = configuration.sources.iter().filter_map(|source| {
        let (mysql, id) = (source.mysql.as_ref()?, source.server_id?);
        Some(Replica { source: source.name.clone(), server: (mysql.host.clone(), mysql.port), id })
    });
    replicas.collect()
}

/// Those of the names that the database can't store: no table of it bears one.
async fn unwritable(client: &Client, names: impl Iterator<Item = &str>) -> Result<BTreeSet<String>, Error> {
    let mut unwritable = BTreeSet::new();
    for name in names {
        if encoding_without(client, name).await?.is_some() {
            unwritable.insert(name.to_owned());
        }
    }
    Ok(unwritable)
}

/// What the lists of each source leave out of its tables.
async fn left_out(client: &Client, configuration: &Configuration) -> Result<Vec<LeftOut>, Error> {
    let mut all = Vec::new();
    for source in &configuration.sources {
        let lists = &source.tables;
        let whole = [(None, lists.left_out())];
        let events = lists.skipped_events().map(|(event, selection)| (Some(event), selection.clone()));
        let mapped: Vec<_> = source.schema_mappings.iter().map(|pair| pair.source_schema.as_str()).collect();
        for (event, selection) in whole.into_iter().chain(events).filter(|(_, it)| !it.is_empty()) {
            let unknown = unwritable(client, mapped.iter().copied().chain(selection.names())).await?;
            let mapped: Vec<_> = mapped.iter().copied().filter(|name| !unknown.contains(*name)).collect();
            let selection = selection.without(&unknown);
            postgres::at_one_moment(client, configuration.lock_timeout()).await?;
            let (count, first) = read::selected_tables(client, &mapped, &selection).await?;
            client.batch_execute("COMMIT").await?;
            if count > 0 {
                all.push(LeftOut { source: source.name.clone(), event, count, first });
            }
        }
    }
    Ok(all)
}

fn daemon_requirements(configuration: &Configuration) -> Vec<(String, DaemonRequirement)> {
    let top = configuration.daemon_requirements.iter().map(|it| ("The configuration".to_owned(), it.clone()));
    let sources = configuration.sources.iter().flat_map(|source| {
        source
            .daemon_requirements
            .iter()
            .map(|it| (format!("Source {} of the configuration", source.name), it.clone()))
    });
    top.chain(sources).collect()
}
