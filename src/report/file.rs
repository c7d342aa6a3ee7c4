//! The report of an upgrade as a JSON file: findings, plan, steps, status and how it ended. It takes the place of an
//! earlier report only, and only when it is complete.

use crate::catalogue::v2::status::SourceStatus;
use crate::ending::Ending;
use crate::finding::Finding;
use crate::plan::Plan;
use crate::upgrade::step::Step;
use serde::Serialize;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// All that is known of an upgrade; parts that it did not come to are left out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The version of this program.
    pub chameleon_upgrade: &'static str,
    /// The configuration that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<PathBuf>,
    /// The database of the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Whether all was rolled back on purpose.
    pub dry_run: bool,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// What was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The replay of each source.
    pub replays: Vec<ReplayTime>,
    /// The steps that were done.
    pub steps: Vec<StepTime>,
    /// The new sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<SourceStatus>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<EndingReport>,
}

/// The replay of an old source.
#[derive(Debug, Serialize)]
pub struct ReplayTime {
    /// Its name.
    pub source: String,
    /// The events that waited.
    pub events: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A step that was done.
#[derive(Debug, Serialize)]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub seconds: f64,
}

/// How the upgrade ended.
#[derive(Debug, Serialize)]
pub struct EndingReport {
    /// The name of the ending.
    pub ending: &'static str,
    /// The exit code.
    pub exit_code: u8,
    /// The last line.
    pub message: String,
}

impl Report {
    /// A report of what has yet to begin.
    #[must_use]
    pub fn new(dry_run: bool) -> Self {
        Self { chameleon_upgrade: env!("CARGO_PKG_VERSION"), dry_run, ..Self::default() }
    }

    /// Notes the steps with their times.
    pub fn steps(&mut self, steps: &[(Step, Duration)]) {
        self.steps
            .extend(steps.iter().map(|(step, took)| StepTime { step: *step, seconds: took.as_secs_f64() }));
    }

    /// Notes how it ended.
    pub fn ends(&mut self, ending: &Ending) {
        self.ending = Some(EndingReport {
            ending: ending.name(),
            exit_code: ending.code(),
            message: ending.message().to_owned(),
        });
    }
}

/// What every report begins with.
const BEGINNING: &[u8] = b"{\n  \"chameleon_upgrade\"";

/// Why a report can't be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// The system refuses.
    #[error("The report {} can't be written: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answers.
        error: io::Error,
    },
    /// Something else is in the file, such as the configuration: the report would take its place.
    #[error("{} is there and holds no report: give the report another name", .0.display())]
    Something(PathBuf),
}

/// Where the report goes, known to be writable before anything is done. Whatever stands there is left alone until the
/// report is complete.
pub enum ReportFile {
    /// A file that takes its place in one move.
    File {
        /// The file beside it.
        beside: NamedTempFile,
        /// Its name.
        path: PathBuf,
    },
    /// What is no file, such as a pipe or a terminal.
    Stream(File),
}

impl ReportFile {
    /// Looks whether the report can be written to `path`.
    ///
    /// # Errors
    /// [`NoReport`]; nothing has been changed.
    pub fn at(path: &Path) -> Result<Self, NoReport> {
        let failed = |error| NoReport::Io { path: path.to_owned(), error };
        match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                // The file that a link leads to.
                let path = fs::canonicalize(path).map_err(failed)?;
                let mut beginning = Vec::new();
                let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
                file.take(BEGINNING.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
                if !beginning.is_empty() && beginning != BEGINNING {
                    return Err(NoReport::Something(path));
                }
                Self::beside(path, found.permissions()).map_err(failed)
            }
            Ok(_) => Ok(Self::Stream(OpenOptions::new().write(true).open(path).map_err(failed)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self::beside(path.to_owned(), Permissions::from_mode(0o666)).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn beside(path: PathBuf, permissions: Permissions) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .permissions(permissions)
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
        Ok(Self::File { beside, path })
    }

    /// Writes the report.
    ///
    /// # Errors
    /// What the system answers; a file that was there is as it was.
    pub fn write(self, report: &Report) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(report)?;
        text.push(b'\n');
        match self {
            Self::Stream(mut file) => file.write_all(&text),
            Self::File { mut beside, path } => {
                beside.write_all(&text)?;
                beside.as_file().sync_all()?;
                beside.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}
