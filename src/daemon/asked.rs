//! Statements judged by the daemon itself: by the parser of the pg_chameleon 2 that is at hand, and its translation for
//! PostgreSQL. Both are called in a process of its own, which is not waited for too long and not listened to for too long.

use crate::daemon::installed::Program;
use crate::window::{Consequence, Judged};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Calls the package that is installed; nothing of that is here.
const ASK: &str = include_str!("ask.py");

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How much longer all of them are waited for.
const IN_ALL: u32 = 9;

/// How much is read of what it says, in bytes.
const LONGEST: u64 = 32 << 20;

/// What the daemon makes of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It ends when it parses it, with this exception.
    Unparsable(String),
    /// It ends when it translates it, with this exception.
    Untranslatable(String),
    /// It takes it.
    #[serde(untagged)]
    Taken {
        /// What PostgreSQL is to run.
        ddl: Vec<String>,
        /// The key by which the rows of a new table are told apart; empty for a table without.
        key: Option<Vec<String>>,
        /// Whether the table is taken out of the replica.
        left: bool,
    },
}

/// What the daemon has said of statements.
#[derive(Debug)]
pub struct Answers {
    /// The version of pg_chameleon.
    pub version: String,
    /// What it makes of each.
    answers: HashMap<String, Answer>,
}

impl Answers {
    /// What it makes of a statement, when it was asked.
    #[must_use]
    pub fn of(&self, text: &str) -> Option<&Answer> {
        self.answers.get(text)
    }

    /// What becomes of a statement, of which we think `ours`: whether PostgreSQL takes what the daemon makes of it, is not for
    /// the daemon to say.
    #[must_use]
    pub fn judge(&self, text: &str, ours: Option<&Judged>) -> Option<Judged> {
        let judged = |consequence, why: String| Some(Judged { consequence, why });
        match self.of(text) {
            None => ours.cloned(),
            Some(Answer::Unparsable(_)) => judged(Consequence::Unparsable, "it can't parse it".to_owned()),
            Some(Answer::Untranslatable(error)) => {
                let ours = ours.filter(|it| it.consequence == Consequence::Untranslatable);
                let why =
                    ours.map_or_else(|| format!("it can't translate it ({error})"), |it| it.why.clone());
                judged(Consequence::Untranslatable, why)
            }
            Some(Answer::Taken { ddl, .. }) => match ours {
                Some(ours) if matches!(ours.consequence, Consequence::Disables | Consequence::Open) => {
                    Some(ours.clone())
                }
                _ if ddl.iter().any(|it| does_nothing(it)) => {
                    judged(Consequence::Disables, "it has PostgreSQL do nothing, which fails".to_owned())
                }
                _ => None,
            },
        }
    }
}

/// Whether it names a table to be altered, and nothing else.
fn does_nothing(ddl: &str) -> bool {
    let ddl = ddl.trim().trim_end_matches(';').trim_end();
    // The schema's and the table's names in quotes, which the daemon never doubles.
    ddl.strip_prefix("ALTER TABLE ")
        .is_some_and(|names| names.ends_with('"') && names.matches('"').count() == 4)
}

/// Why the daemon has not answered.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// Its Python can't be run.
    #[error("its Python {python} can't be run: {cause}")]
    NotRun {
        /// Which.
        python: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It has no pg_chameleon 2.
    #[error("it is of pg_chameleon {0}")]
    OtherVersion(String),
    /// It runs and does not answer.
    #[error("it did not answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// It answers too much.
    #[error("it writes more than it was asked for")]
    TooLong,
    /// It answers something else.
    #[error("its answer makes no sense")]
    Rubbish,
    /// It ends before it has answered.
    #[error("it ended before it had answered")]
    Ended,
}

/// Asks it what it makes of each of these statements, with the types that the configuration gives others. No answer is waited
/// for longer than `patience`.
///
/// # Errors
/// Why it has not answered to all of them.
pub async fn ask(
    program: &Program,
    configuration: Option<&Path>,
    texts: &[&str],
    patience: Duration,
) -> Result<Answers, Unanswered> {
    let mut command = Command::new(program.python());
    command.args(["-W", "ignore", "-c", ASK]).args(configuration);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|cause| Unanswered::NotRun { python: program.python().display().to_string(), cause })?;
    let answered = tokio::time::timeout(patience * IN_ALL, converse(&mut child, texts, patience)).await;
    // It has nothing more to say, whatever it is doing.
    let _ = child.kill().await;
    answered.unwrap_or(Err(Unanswered::TooSlow(patience * IN_ALL)))
}

async fn converse(child: &mut Child, texts: &[&str], patience: Duration) -> Result<Answers, Unanswered> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Unanswered::Ended);
    };
    let asking = async {
        for text in texts {
            let line = format!("{}\n", serde_json::Value::from(*text));
            // What ends before it has read all of it shows in its answers.
            if stdin.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        drop(stdin);
    };
    let listening = async {
        let mut lines = BufReader::new(stdout.take(LONGEST));
        let version: Version = next(&mut lines, patience).await?;
        let version = version.version.unwrap_or_else(|| "of no version".to_owned());
        if !version.starts_with("2.") {
            return Err(Unanswered::OtherVersion(version));
        }
        let mut answers = HashMap::with_capacity(texts.len());
        for text in texts {
            answers.insert((*text).to_owned(), next(&mut lines, patience).await?);
        }
        Ok(Answers { version, answers })
    };
    // Who has nothing more to say is not asked any more.
    tokio::pin!(asking);
    tokio::select! {
        answers = listening => answers,
        never = async { asking.await; std::future::pending().await } => never,
    }
}

#[derive(Debug, Deserialize)]
struct Version {
    version: Option<String>,
}

async fn next<T: for<'a> Deserialize<'a>>(
    lines: &mut (impl AsyncBufReadExt + Unpin),
    patience: Duration,
) -> Result<T, Unanswered> {
    let mut line = Vec::new();
    let reading = tokio::time::timeout(patience, lines.read_until(b'\n', &mut line));
    let read = reading.await.map_err(|_| Unanswered::TooSlow(patience))?.map_err(|_| Unanswered::Ended)?;
    match line.last() {
        Some(b'\n') => serde_json::from_slice(&line).map_err(|_| Unanswered::Rubbish),
        Some(_) if read as u64 >= LONGEST / 2 => Err(Unanswered::TooLong),
        Some(_) => Err(Unanswered::Rubbish),
        None => Err(Unanswered::Ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_altered_to_nothing_is_seen() {
        for nothing in ["ALTER TABLE \"s\".\"t\" ;", " ALTER TABLE \"s\".\"a b\"  "] {
            assert!(does_nothing(nothing), "{nothing}");
        }
        for something in [
            "ALTER TABLE \"s\".\"t\" DROP a CASCADE;",
            "",
            "ALTER TABLE \"s\".\"t\" RENAME TO \"u\"",
            " TRUNCATE TABLE \"s\".\"t\" CASCADE;",
        ] {
            assert!(!does_nothing(something), "{something}");
        }
    }
}
