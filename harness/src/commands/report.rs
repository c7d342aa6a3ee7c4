//! `chameleon-harness report`.

use super::results_file::{self, ResultsFile};
use super::{CommandError, Ending, say};
use crate::rehearsal::forms;
use crate::rehearsal::report::RehearsalReport;
use chameleon_upgrade::report::layout;
use clap::Args;
use std::path::{Path, PathBuf};

/// Make the page, the JUnit file or the text again from what `rehearse --report` has written. Several reports make a table.
///
/// Without an option that names a file, the text is shown.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// What `rehearse --report` has written.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Which forms.
    #[command(flatten)]
    pub forms: FormArguments,
    /// Write the report to FILE again, as JSON: with --anonymise, one that others may see.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Show what has become better or worse since an earlier rehearsal.
    #[arg(long, value_name = "OLD", conflicts_with_all = ["html", "junit", "json"])]
    pub compare: Option<PathBuf>,
    /// Give sources, schemas, tables, hosts, users and databases other names, the same everywhere.
    #[arg(long)]
    pub anonymise: bool,
}

/// The forms that are made into files.
#[derive(Debug, Clone, Default, Args)]
pub struct FormArguments {
    /// Write the page to FILE: one file, which any browser shows, for the change ticket.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the results to FILE, as JUnit does.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Files that are open for the forms.
pub(super) struct FormFiles {
    html: Option<ResultsFile>,
    junit: Option<ResultsFile>,
}

impl FormArguments {
    /// Opens the files, so that every one can be written before any is.
    pub(super) fn open(&self) -> Result<FormFiles, CommandError> {
        let open = |path: &Option<PathBuf>| ResultsFile::open(path.as_deref());
        Ok(FormFiles { html: open(&self.html)?, junit: open(&self.junit)? })
    }
}

impl FormFiles {
    /// Writes them.
    pub(super) fn write(self, report: &RehearsalReport) -> Result<(), CommandError> {
        self.html.map_or(Ok(()), |file| file.write(&forms::html(report)))?;
        self.junit.map_or(Ok(()), |file| file.write(&forms::junit(report)))
    }
}

/// Makes the forms.
///
/// # Errors
/// [`CommandError`] when a file is no report, or can't be written; a rehearsal that went badly is an ending.
pub fn run(arguments: &ReportArguments) -> Result<Ending, CommandError> {
    let outputs = [&arguments.forms.html, &arguments.forms.junit, &arguments.json];
    let reports = arguments.files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let of_one = outputs.iter().any(|output| output.is_some()) || arguments.compare.is_some();
    if of_one && reports.len() > 1 {
        return Err(CommandError::WrongUse(
            "a page, a file or a comparison is made from one report: name one".to_owned(),
        ));
    }
    let ending = if reports.iter().all(RehearsalReport::went_well) { Ending::Well } else { Ending::Found };
    let columns = layout::columns();
    let shown = |text: String| say!("{}", text.trim_end());
    let mut reports = arguments.named(reports);
    let written = match (&arguments.compare, reports.pop()) {
        (_, None) => Ok(()),
        (Some(old), Some((_, report))) => {
            let old = arguments.named(vec![read(old)?]);
            old.iter().try_for_each(|(_, old)| shown(forms::comparison(old, &report, columns)))
        }
        (None, Some(one)) if !reports.is_empty() => {
            reports.push(one);
            shown(forms::fleet(&reports, columns))
        }
        (None, Some((_, report))) if of_one => write(arguments, &report),
        (None, Some((_, report))) => shown(forms::text(&report, columns)),
    };
    results_file::ending(Ok(ending), written)
}

impl ReportArguments {
    /// The reports by the names of their files; under other names, if that was asked for.
    fn named(&self, reports: Vec<RehearsalReport>) -> Vec<(String, RehearsalReport)> {
        let named = |(number, report): (usize, RehearsalReport)| {
            if self.anonymise {
                return (format!("report_{}", number + 1), forms::anonymised(report));
            }
            let file = self.files.get(number).and_then(|file| file.file_stem());
            (file.unwrap_or_default().to_string_lossy().into_owned(), report)
        };
        reports.into_iter().enumerate().map(named).collect()
    }
}

fn read(file: &Path) -> Result<RehearsalReport, CommandError> {
    forms::file::read(file).map_err(|error| CommandError::WrongUse(error.to_string()))
}

/// Every file can be written before any is.
fn write(arguments: &ReportArguments, report: &RehearsalReport) -> Result<(), CommandError> {
    let (forms, json) = (arguments.forms.open()?, ResultsFile::open(arguments.json.as_deref())?);
    forms.write(report)?;
    json.map_or(Ok(()), |file| file.write(&as_json(report)))
}

/// The text of a report's file.
pub(super) fn as_json(report: &RehearsalReport) -> String {
    format!("{:#}\n", serde_json::json!(report))
}
