//! A report that can be shown to others: sources, schemas, tables, hosts, users, files and databases have other names, the
//! same everywhere, in texts too. Figures, versions and coordinates stay.
//!
//! In a text a name is found as a whole word only. Whatever is called like a word of our own texts is replaced there as well:
//! better a sentence that reads oddly than a name that is told.

mod found;
mod pseudonyms;

use super::secrets::masked;
use crate::rehearsal::report::RehearsalReport;
use pseudonyms::{Kind, Pseudonyms};
use std::mem::take;

/// The same report under other names, without secrets.
#[must_use]
pub fn anonymised(mut report: RehearsalReport) -> RehearsalReport {
    let mut names = Pseudonyms::default();
    of_their_own(&report, &mut names);
    texts(&mut report, &mut |text| {
        *text = masked(text).into_owned();
        found::names(text, &mut |kind, name| names.add(kind, name));
    });
    texts(&mut report, &mut |text| *text = names.replaced(text));
    let renamed = |name: &mut String| *name = names.of(name);
    let mysql = take(&mut report.production.mysql);
    report.production.mysql = mysql.into_iter().map(|(name, version)| (names.of(&name), version)).collect();
    for source in report.plan.iter_mut().flat_map(|plan| &mut plan.sources) {
        let mappings = take(&mut source.mappings);
        source.mappings = mappings.into_iter().map(|(from, to)| (names.of(&from), names.of(&to))).collect();
        renamed(&mut source.name);
        source.parts.iter_mut().for_each(|part| renamed(&mut part.name));
    }
    for alike in &mut report.tables {
        renamed(&mut alike.source);
        renamed(&mut alike.schema);
        alike.names.iter_mut().for_each(renamed);
    }
    report.daemons.iter_mut().for_each(|daemon| renamed(&mut daemon.source));
    let of = &mut report.production;
    [&mut of.hosts, &mut of.users, &mut of.databases].into_iter().flatten().for_each(renamed);
    report
}

/// The names that have places of their own in the report.
fn of_their_own(report: &RehearsalReport, names: &mut Pseudonyms) {
    let sources = || report.plan.iter().flat_map(|plan| &plan.sources);
    for source in sources() {
        names.add(Kind::Source, &source.name);
        source.parts.iter().for_each(|part| names.add(Kind::Source, &part.name));
    }
    report.production.mysql.keys().for_each(|name| names.add(Kind::Source, name));
    report.daemons.iter().for_each(|daemon| names.add(Kind::Source, &daemon.source));
    for (from, to) in sources().flat_map(|source| &source.mappings) {
        names.add(Kind::Schema, to);
        names.add(Kind::Schema, from);
    }
    for alike in &report.tables {
        names.add(Kind::Source, &alike.source);
        names.add(Kind::Schema, &alike.schema);
        alike.names.iter().for_each(|table| names.add(Kind::Table, table));
    }
    for name in report.daemons.iter().flat_map(|daemon| &daemon.disabled) {
        let (schema, table) = name.split_once('.').unwrap_or(("", name));
        names.add(Kind::Schema, schema);
        names.add(Kind::Table, table);
    }
    let of = &report.production;
    for (kind, all) in [(Kind::Host, &of.hosts), (Kind::User, &of.users), (Kind::Database, &of.databases)] {
        all.iter().for_each(|name| names.add(kind, name));
    }
    names.add(Kind::Dump, report.production.given_dump.as_deref().unwrap_or_default());
    names.add(Kind::Configuration, &report.configuration);
}

/// Every text of the report in which names may stand.
fn texts(report: &mut RehearsalReport, of: &mut dyn FnMut(&mut String)) {
    of(&mut report.configuration);
    of(&mut report.repeat);
    report.because.iter_mut().for_each(&mut *of);
    report.steps.iter_mut().for_each(|step| of(&mut step.seen));
    for finding in &mut report.findings {
        of(&mut finding.found);
        finding.remedy.as_mut().map(&mut *of);
    }
    report.production.given_dump.as_mut().map(&mut *of);
    of(&mut report.throwaway.server);
    report.throwaway.left_out.iter_mut().for_each(&mut *of);
    for source in report.plan.iter_mut().flat_map(|plan| &mut plan.sources) {
        let points = [&mut source.batch_start, &mut source.consistent_point, &mut source.end_of_log];
        points.into_iter().flatten().for_each(&mut *of);
        for part in &mut source.parts {
            let points = [&mut part.start, &mut part.advanced, &mut part.furthest_own];
            points.into_iter().flatten().for_each(&mut *of);
        }
    }
    report.tables.iter_mut().for_each(|alike| alike.coordinate.iter_mut().for_each(&mut *of));
    if let Some(upgrade) = &mut report.upgrade {
        of(&mut upgrade.output);
    }
    for daemon in &mut report.daemons {
        daemon.position.iter_mut().for_each(&mut *of);
        daemon.disabled.iter_mut().for_each(&mut *of);
        of(&mut daemon.log);
    }
    report.forecast.iter_mut().flat_map(|it| &mut it.parts).for_each(|part| {
        of(&mut part.part);
        of(&mut part.basis);
    });
    if let Some(sweep) = &mut report.sweep {
        sweep.messages.iter_mut().filter_map(|message| message.sql.as_mut()).for_each(&mut *of);
        for run in &mut sweep.runs {
            run.not_happened.iter_mut().for_each(&mut *of);
            run.violations.iter_mut().for_each(|violation| of(&mut violation.seen));
        }
    }
    for command in &mut report.day {
        of(&mut command.command);
        of(&mut command.about);
    }
}
