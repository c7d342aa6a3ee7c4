//! A page of the guide: text, commands with what they show, and what happens between them, which a reader doesn't see.

use crate::live::Step;
use std::fmt::Write as _;

/// The line that begins commands with what they show; `exit=N` behind it is the exit code of the last of them.
const CONSOLE: &str = "```console";
/// The line that ends them.
const FENCE: &str = "```";
/// The line that begins what happens: steps of a live scenario, up to the line that ends a comment.
const HAPPENS: &str = "<!-- happens";
/// The line that begins what a reader does by hand: a command of the shell, up to the line that ends a comment.
const BY_HAND: &str = "<!-- by hand";
/// Ends a comment.
const END: &str = "-->";
/// Before a command.
const PROMPT: &str = "$ ";

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// From the first line to the last.
    pub parts: Vec<Part>,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Lines that are there to be read.
    Text(String),
    /// What happens, with the lines that say so.
    Happens(Vec<Step>, String),
    /// What the reader does by hand, with the lines that say so.
    ByHand(String, String),
    /// Commands, and what they show.
    Console(Console),
}

/// Commands, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// The exit code of the last of them; that of the others is 0.
    pub exit: i32,
    /// Each with what it shows.
    pub commands: Vec<Shown>,
}

/// A command and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// As it is typed.
    pub command: String,
    /// Its lines.
    pub output: Vec<String>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// The line that can't be read, and why.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let mut until = |end: &str| -> Result<Vec<&str>, String> {
                let mut inside = Vec::new();
                for (_, line) in lines.by_ref() {
                    if line == end {
                        return Ok(inside);
                    }
                    inside.push(line);
                }
                Err(format!("line {}: {line:?} is never closed by {end:?}", number + 1))
            };
            let wrong = |error: String| format!("line {}: {error}", number + 1);
            if line == HAPPENS {
                let inside = until(END)?.join("\n");
                parts.push(Part::Happens(steps(&inside).map_err(wrong)?, inside));
            } else if line == BY_HAND {
                let inside = until(END)?.join("\n");
                parts.push(Part::ByHand(inside.clone(), inside));
            } else if let Some(more) = line.strip_prefix(CONSOLE) {
                parts.push(Part::Console(Console::read(more, &until(FENCE)?).map_err(wrong)?));
            } else if let Some(Part::Text(before)) = parts.last_mut() {
                _ = writeln!(before, "{line}");
            } else {
                parts.push(Part::Text(format!("{line}\n")));
            }
        }
        Ok(Self { parts })
    }

    /// The page as it is written down.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().fold(String::new(), |mut text, part| {
            _ = match part {
                Part::Text(lines) => write!(text, "{lines}"),
                Part::Happens(_, lines) => writeln!(text, "{HAPPENS}\n{lines}\n{END}"),
                Part::ByHand(_, lines) => writeln!(text, "{BY_HAND}\n{lines}\n{END}"),
                Part::Console(console) => write!(text, "{}", console.text()),
            };
            text
        })
    }
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    #[derive(serde::Deserialize)]
    struct All(#[serde(with = "yaml_serde::with::singleton_map_recursive")] Vec<Step>);
    yaml_serde::from_str::<All>(text).map(|all| all.0).map_err(|error| error.to_string())
}

impl Console {
    fn read(more: &str, lines: &[&str]) -> Result<Self, String> {
        let exit = match more.trim() {
            "" => 0,
            more => more
                .strip_prefix("exit=")
                .and_then(|code| code.parse().ok())
                .ok_or_else(|| format!("{more:?} is no exit=CODE"))?,
        };
        let mut commands: Vec<Shown> = Vec::new();
        for line in lines {
            match (line.strip_prefix(PROMPT), commands.last_mut()) {
                (Some(command), _) => commands.push(Shown { command: command.to_owned(), output: vec![] }),
                (None, Some(last)) => last.output.push((*line).to_owned()),
                (None, None) => return Err(format!("{line:?} stands before the first command ({PROMPT:?})")),
            }
        }
        Ok(Self { exit, commands })
    }

    fn text(&self) -> String {
        let mut text = CONSOLE.to_owned();
        if self.exit != 0 {
            _ = write!(text, " exit={}", self.exit);
        }
        text.push('\n');
        for Shown { command, output } in &self.commands {
            _ = writeln!(text, "{PROMPT}{command}");
            for line in output {
                _ = writeln!(text, "{line}");
            }
        }
        _ = writeln!(text, "{FENCE}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\n<!-- happens\n- replicate: [shop]\n-->\nLook:\n\n```console exit=3\n$ one\n$ two\nits line\n\nanother\n```\n<!-- by hand\nsed -i s/a/b/ file\n-->\nThe end.\n";

    #[test]
    fn a_page_is_read_and_written_alike() {
        let page = Page::read(PAGE).unwrap();
        assert_eq!(page.text(), PAGE);
        let Part::Console(console) = &page.parts[3] else { panic!("{page:?}") };
        assert_eq!(console.exit, 3);
        assert_eq!(console.commands[0].output, Vec::<String>::new());
        assert_eq!(console.commands[1].output, ["its line", "", "another"]);
        assert!(matches!(&page.parts[1], Part::Happens(steps, _) if steps.len() == 1));
        assert!(matches!(&page.parts[4], Part::ByHand(command, _) if command.starts_with("sed")));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, wrong) in [
            ("a\n```console\n$ x\n", "line 2"),
            ("```console\nx\n```\n", "before the first command"),
            ("```console exit=x\n```\n", "is no exit=CODE"),
            ("<!-- happens\n- no_such_step: [a]\n-->\n", "no_such_step"),
        ] {
            let error = Page::read(text).unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
