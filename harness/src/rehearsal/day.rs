//! The commands of the day, in their order, with the configuration in its own place.

use super::report::{DayCommand, Plan};
use chameleon_upgrade::shell::{command, word};

/// What is typed on the day. `configuration`: as `--config` names it; `chameleon`: as pg_chameleon names it; `options`: what was
/// accepted, as options.
#[must_use]
pub fn commands(configuration: &str, chameleon: &str, plan: Option<&Plan>, options: &str) -> Vec<DayCommand> {
    let line = |command: String, about: &str| DayCommand { command, about: about.to_owned() };
    let config = word(chameleon);
    let stem = configuration.rsplit('/').next().unwrap_or(configuration);
    let stem = stem.trim_end_matches(".yml").trim_end_matches(".yaml");
    let mut day = vec![
        line(
            "chameleon.py stop_replica --config CONFIGURATION_OF_1.8.2".to_owned(),
            "With each configuration of 1.8.2: stop its replica. From here on the replica stands still.",
        ),
        line(command("check", configuration, options), "Look once more: this must find no error."),
        line(
            command(
                "upgrade",
                configuration,
                format!(
                    "{options} --backup {} --report {}",
                    word(&format!("{stem}.backup")),
                    word(&format!("{stem}.report.json"))
                )
                .trim_start(),
            ),
            "Back the catalogue up, and upgrade it. It asks for YES, and says in the last line what state the replica is in.",
        ),
    ];
    let sources = plan.iter().flat_map(|plan| &plan.sources);
    for source in sources {
        let (verb, about) = match source.batch_start {
            Some(_) => ("start_replica", "Start the replica of 2.0. From here on it moves again."),
            None => ("init_replica", "Copy its tables: it was never initialised."),
        };
        day.push(line(format!("chameleon {verb} --config {config} --source {}", word(&source.name)), about));
    }
    day.extend([
        line(
            command("watch", configuration, "--until consistent"),
            "See it run, catch up and become consistent.",
        ),
        line(command("verify", configuration, ""), "Compare all tables with MySQL, row by row."),
        line(
            command("rollback", configuration, "--dry-run"),
            "If it has to be undone, however long 2.0 has run: shows from where 1.8.2 would go on. Without --dry-run it does so.",
        ),
        line(
            command("cleanup", configuration, "--drop"),
            "Days later, when all is well: drop the 1.7 catalogue that was kept. There is no way back then.",
        ),
    ]);
    day
}

#[cfg(test)]
mod tests {
    use super::super::report::PlannedSource;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_command_names_the_configuration_in_its_own_place() {
        let source = |name: &str, start: Option<&str>| PlannedSource {
            name: name.to_owned(),
            mappings: BTreeMap::new(),
            parts: vec![],
            batch_start: start.map(str::to_owned),
            consistent_point: None,
            end_of_log: None,
        };
        let plan = Plan { sources: vec![source("the shop", Some("a.1:4")), source("stock", None)] };
        let day = commands("conf/my day.yml", "my day", Some(&plan), "--accept 'a=b c'");
        let all: Vec<&str> = day.iter().map(|it| it.command.as_str()).collect();
        assert_eq!(all[1], "chameleon-upgrade check --config 'conf/my day.yml' --accept 'a=b c'");
        assert_eq!(
            all[2],
            "chameleon-upgrade upgrade --config 'conf/my day.yml' --accept 'a=b c' --backup 'my day.backup' --report 'my \
             day.report.json'"
        );
        assert_eq!(all[3], "chameleon start_replica --config 'my day' --source 'the shop'");
        assert_eq!(all[4], "chameleon init_replica --config 'my day' --source stock");
        assert_eq!(all[5], "chameleon-upgrade watch --config 'conf/my day.yml' --until consistent");
    }
}
