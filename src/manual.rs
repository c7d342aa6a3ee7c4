//! Manual pages and completions of a program, made of its command line: the one description that there is of it.

use crate::help::Help;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::{self, Write as _};

/// A manual page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The name of its file, such as `chameleon-upgrade-check.1`.
    pub file: String,
    /// The page, as `man` reads it.
    pub text: Vec<u8>,
}

/// All pages of a program: its own, then those of its commands.
///
/// # Errors
/// None that can happen in memory.
pub fn pages(program: &Command, help: &[Help]) -> io::Result<Vec<Page>> {
    let name = program.get_name();
    // Only then do commands know what they have of the program: its version, its name before theirs.
    let mut program = program.clone();
    program.build();
    let program = &program;
    let mut pages = vec![page(program, name, help.iter().find(|it| it.command.is_empty()))?];
    for command in commands(program) {
        let of_it = help.iter().find(|it| it.command == command.get_name());
        pages.push(page(command, &format!("{name}-{}", command.get_name()), of_it)?);
    }
    Ok(pages)
}

/// The page of a command; of the program itself without one.
///
/// # Errors
/// None that can happen in memory.
pub fn page_of(program: &Command, command: Option<&str>, help: &[Help]) -> io::Result<Option<Page>> {
    let name = program.get_name();
    let file = command.map_or_else(|| format!("{name}.1"), |command| format!("{name}-{command}.1"));
    Ok(pages(program, help)?.into_iter().find(|page| page.file == file))
}

/// The commands that one is told of.
pub fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn page(command: &Command, name: &str, help: Option<&Help>) -> io::Result<Page> {
    // What the help adds stands in sections of its own.
    let usage = command.clone().render_usage().to_string();
    let command = command.clone().after_help("").after_long_help("").display_name(name.to_owned());
    let man = Man::new(command.clone()).title(name.to_owned()).section("1").manual("pg_chameleon");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    // clap's own leaves out what options take.
    let mut synopsis = Roff::new();
    synopsis.control("SH", ["SYNOPSIS"]);
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    for (at, line) in usage.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        if at > 0 {
            synopsis.control("br", []);
        }
        synopsis.text([roman(line)]);
    }
    synopsis.to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if commands(&command).next().is_some() {
        text.write_all(&of_commands(&command, name).to_roff().into_bytes())?;
    }
    if let Some(help) = help {
        text.write_all(&of_help(help).to_roff().into_bytes())?;
    }
    if command.get_version().is_some() {
        man.render_version_section(&mut text)?;
    }
    Ok(Page { file: format!("{name}.1"), text })
}

fn of_commands(program: &Command, name: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in commands(program) {
        roff.control("TP", []);
        roff.text([bold(format!("{name}-{}(1)", command.get_name()))]);
        roff.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
    roff
}

fn of_help(help: &Help) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in help.exit_codes {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(*meaning)]);
    }
    if help.examples.is_empty() {
        return roff;
    }
    roff.control("SH", ["EXAMPLES"]);
    for example in help.examples {
        roff.control("TP", []);
        roff.text([roman(format!("{}:", example.what))]);
        roff.text([bold(example.line)]);
    }
    roff
}

/// What a shell completes the program's command lines with.
#[must_use]
pub fn completions(program: &mut Command, shell: Shell) -> Vec<u8> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, program, name, &mut script);
    script
}
