//! What stands below the options in the help of each command, and in its manual page: examples, and what its exit codes
//! mean. §help.

use std::fmt::Write as _;

/// The program, as it is typed.
pub const PROGRAM: &str = "chameleon-upgrade";

/// Something that a command is used for.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What for.
    pub what: &'static str,
    /// The whole command line.
    pub line: &'static str,
}

/// What the help of a command adds to its options.
#[derive(Debug, Clone, Copy)]
pub struct Help {
    /// The command; empty for the program as a whole.
    pub command: &'static str,
    /// What it is used for.
    pub examples: &'static [Example],
    /// Its exit codes.
    pub exit_codes: &'static [(u8, &'static str)],
}

const fn example(what: &'static str, line: &'static str) -> Example {
    Example { what, line }
}

const DONE: (u8, &str) = (0, "done, or nothing to do");
const UNEXPECTED: (u8, &str) = (1, "unexpected error");
const WRONG_USE: (u8, &str) = (2, "wrong use: arguments or configuration; nothing was done");
const REFUSED: (u8, &str) = (3, "refused: nothing was changed");
const UNKNOWN: (u8, &str) = (5, "not known: the server can't be reached; the last line says how to find out");

/// All commands, in the order of the command line; first the program as a whole.
pub const ALL: &[Help] = &[
    Help {
        command: "",
        examples: &[
            example("The day, from the old configurations on", "chameleon-upgrade convert-config"),
            example("What would be refused, and what to do", "chameleon-upgrade check --config upgraded"),
            example("The upgrade", "chameleon-upgrade upgrade --config upgraded"),
        ],
        exit_codes: &[
            DONE,
            UNEXPECTED,
            WRONG_USE,
            REFUSED,
            (4, "failed and rolled back: 1.7 is in place"),
            UNKNOWN,
            (6, "looked, and it is not as it should be"),
        ],
    },
    Help {
        command: "upgrade",
        examples: &[
            example(
                "See all of it, and change nothing",
                "chameleon-upgrade upgrade --config upgraded --dry-run",
            ),
            example(
                "The statements, for whoever must approve them",
                "chameleon-upgrade upgrade --config upgraded --dry-run --sql upgrade.sql",
            ),
            example(
                "From a script",
                "chameleon-upgrade upgrade --config upgraded --yes --report upgrade.json",
            ),
        ],
        exit_codes: &[
            (0, "upgraded, or 2.0.10 already, or the dry run went well"),
            UNEXPECTED,
            WRONG_USE,
            REFUSED,
            (4, "failed and rolled back: 1.7 is in place"),
            UNKNOWN,
        ],
    },
    Help {
        command: "check",
        examples: &[
            example("What would be refused, and what to do", "chameleon-upgrade check --config upgraded"),
            example("Several databases", "chameleon-upgrade check --config shop --config stock"),
            example("For a program", "chameleon-upgrade check --config upgraded --format json"),
            example(
                "Take one error on oneself",
                "chameleon-upgrade check --config upgraded --accept 'server-id=the other one is gone'",
            ),
            example("What is checked", "chameleon-upgrade check --list"),
        ],
        exit_codes: &[
            (0, "the upgrade can be done, or is done already"),
            (1, "unexpected error, or the findings could not be written"),
            (2, "wrong use: arguments or configuration"),
            (3, "the upgrade would be refused"),
        ],
    },
    Help {
        command: "status",
        examples: &[
            example("The sources, of 1.7 as of 2.0", "chameleon-upgrade status --config upgraded"),
            example("One of them, for a program", "chameleon-upgrade status --source shop --format json"),
        ],
        exit_codes: &[
            (0, "shown"),
            (1, "unexpected error, or the sources could not be written"),
            WRONG_USE,
            (3, "there is no catalogue that it can show"),
        ],
    },
    Help {
        command: "rollback",
        examples: &[example("Back to 1.7, after a question", "chameleon-upgrade rollback --config upgraded")],
        exit_codes: &[
            (0, "1.7 is in place"),
            UNEXPECTED,
            WRONG_USE,
            (3, "refused, or undone: nothing was changed"),
            UNKNOWN,
        ],
    },
    Help {
        command: "backup",
        examples: &[
            example("Before the day", "chameleon-upgrade backup --config upgraded catalogue.dump"),
            example(
                "Restored on a throwaway server, and compared row by row",
                "chameleon-upgrade backup --config upgraded --drill catalogue.dump",
            ),
        ],
        exit_codes: &[
            (0, "written, and looked through"),
            UNEXPECTED,
            WRONG_USE,
            (3, "refused, or failed: there is no new file"),
        ],
    },
    Help {
        command: "cleanup",
        examples: &[
            example("What is left, and what it holds", "chameleon-upgrade cleanup --config upgraded"),
            example(
                "Drop the 1.7 catalogue, when all has been well for long",
                "chameleon-upgrade cleanup --config upgraded --schema version1 --drop",
            ),
            example(
                "Keep what a failed upgrade has left",
                "chameleon-upgrade cleanup --schema version2 --rename-to failed_on_monday",
            ),
        ],
        exit_codes: &[
            (0, "shown, dropped or renamed, or nothing is left"),
            UNEXPECTED,
            WRONG_USE,
            (3, "refused, or undone: nothing was changed"),
            UNKNOWN,
        ],
    },
    Help {
        command: "verify",
        examples: &[
            example("All tables", "chameleon-upgrade verify --config upgraded"),
            example(
                "Those of one schema, gently",
                "chameleon-upgrade verify --config upgraded --tables 'shop.*' --throttle 20000",
            ),
            example("Every row by its values", "chameleon-upgrade verify --config upgraded --exact"),
            example("For a program", "chameleon-upgrade verify --config upgraded --format json"),
        ],
        exit_codes: &[
            (0, "all are equal"),
            (1, "unexpected error, or what was seen could not be written"),
            WRONG_USE,
            (3, "there is no catalogue that says what is replicated"),
            (6, "a table is unequal, could not be decided, or could not be compared"),
        ],
    },
    Help {
        command: "watch",
        examples: &[
            example("Is it well now?", "chameleon-upgrade watch --config upgraded"),
            example(
                "After the start, until it may be stopped again",
                "chameleon-upgrade watch --config upgraded --until consistent --for 1h",
            ),
            example(
                "For Prometheus, by its text files",
                "chameleon-upgrade watch --for 2d --format prometheus --file replica.prom",
            ),
        ],
        exit_codes: &[
            (0, "at the end all sources run, and nothing is wrong with them"),
            (1, "unexpected error, or what was seen could not be written"),
            WRONG_USE,
            (3, "there is no 2.0 catalogue"),
            (6, "at the end something is wrong, or what was waited for has not come"),
        ],
    },
    Help {
        command: "init-config",
        examples: &[example("The folders, and an example", "chameleon-upgrade init-config")],
        exit_codes: &[(0, "all is there"), (1, "it can't be made: a full disk"), WRONG_USE],
    },
    Help {
        command: "convert-config",
        examples: &[
            example("All of ~/.pg_chameleon/config", "chameleon-upgrade convert-config"),
            example(
                "These two, into ~/.pg_chameleon/configuration/new.yml",
                "chameleon-upgrade convert-config shop.yaml stock.yaml --output new",
            ),
        ],
        exit_codes: &[
            (0, "written"),
            (1, "it can't be written: a full disk"),
            (2, "wrong use, or the old files contradict each other; nothing was written"),
        ],
    },
    Help {
        command: "completions",
        examples: &[
            example("bash, in this session", "source <(chameleon-upgrade completions bash)"),
            example(
                "fish, for good",
                "chameleon-upgrade completions fish > ~/.config/fish/completions/chameleon-upgrade.fish",
            ),
        ],
        exit_codes: &[(0, "written"), (1, "it could not be written"), WRONG_USE],
    },
    Help {
        command: "man",
        examples: &[
            example("Read the page of a command", "chameleon-upgrade man upgrade | man -l -"),
            example("Install all pages", "chameleon-upgrade man --output /usr/local/share/man/man1"),
        ],
        exit_codes: &[(0, "written"), (1, "it could not be written"), WRONG_USE],
    },
];

/// What the help of a command adds.
#[must_use]
pub fn of(command: &str) -> Option<&'static Help> {
    ALL.iter().find(|help| help.command == command)
}

impl Help {
    /// As the help on the terminal has it.
    #[must_use]
    pub fn text(&self) -> String {
        // A String takes everything.
        let mut text = "Examples:\n".to_owned();
        for Example { what, line } in self.examples {
            _ = writeln!(text, "  {what}:\n    {line}");
        }
        text += "\nExit codes:";
        for (code, meaning) in self.exit_codes {
            _ = write!(text, "\n  {code}  {meaning}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::manual;

    #[test]
    fn every_command_has_examples_and_exit_codes() {
        let program = Cli::described();
        let names: Vec<_> = manual::commands(&program).map(clap::Command::get_name).collect();
        let helped: Vec<_> = ALL.iter().map(|help| help.command).filter(|name| !name.is_empty()).collect();
        assert_eq!(helped, names, "ALL has each command, in the order of src/cli.rs");
        let whole = |help: &&Help| help.examples.is_empty() || help.exit_codes.is_empty();
        assert!(!ALL.iter().any(|help| whole(&help)));
    }
}
