//! What `upgrade` does with a 2.0 catalogue before 2.0.10: the maintenance upgrade. §maintenance.

use super::next_steps;
use super::session::{Alone, Refusal};
use super::upgrade::Verb;
use crate::ending::Ending;
use crate::facts::postgres::Server;
use crate::maintenance::{self, Agreed, checks};
use crate::outcome::Outcome;
use std::time::Duration;

impl Verb<'_> {
    /// Takes the catalogue of `version` to 2.0.10.
    pub(super) async fn maintain(
        &mut self,
        alone: &Alone<'_>,
        server: Server,
        version: &str,
    ) -> Result<Ending, Refusal> {
        let examining = maintenance::examine(alone.client(), server, version, self.arguments.assume_stopped);
        let examined =
            alone.unless_interrupted(examining).await?.map_err(|error| alone.unreadable(&error))?;
        self.report.findings = checks::run(&examined);
        self.console.all_findings(&self.report.findings);
        Refusal::unless_errors(&self.report.findings)?;
        let programs = self.programs(&examined.server).await?;
        self.agree(alone, &examined.server.database).await?;
        self.back_up(alone, programs.as_ref()).await?;
        let agreed = Agreed {
            configuration: alone.configuration,
            examined: &examined,
            dry_run: self.arguments.dry_run,
            patience: Duration::from_secs(self.arguments.patience),
        };
        let watching = self.watch(alone, &examined.server, 0);
        let ended = maintenance::upgrade(alone.client(), &agreed, &watching).await;
        alone.session.listen_no_more();
        self.report.steps(&ended.steps);
        match &ended.outcome {
            Outcome::Done { found_out } => {
                self.report.status.clone_from(&ended.status);
                self.console.upgraded(&ended.status, *found_out, agreed.dry_run);
                if agreed.dry_run {
                    return Ok(maintenance::ending::of_a_dry_run(version, ended.rows));
                }
                let named = &self.arguments.config.name;
                next_steps::after_maintenance(self.console, &ended.status, &alone.configuration.path, named);
            }
            _ if alone.interruption.happened() => self.console.failure("interrupted"),
            Outcome::Refused(findings) => {
                self.console.findings(findings);
                self.report.findings.extend(findings.iter().cloned());
            }
            _ => {
                if let Some(failure) = &ended.failure {
                    self.console.failure(&format!("the step \"{}\" failed: {}", failure.step, failure.cause));
                }
            }
        }
        Ok(maintenance::ending::ending(&ended.outcome, version, ended.rows))
    }
}
