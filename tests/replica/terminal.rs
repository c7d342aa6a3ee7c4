//! The upgrader on a terminal, and what is seen there.
#![allow(dead_code, reason = "not every suite needs all of it")]

use crate::replica::{PROGRAM, Replica};
pub use chameleon_harness::process::terminal::lines_on_screen;
use pty_process::blocking::{Command, Pty, open};
use std::io::{ErrorKind, Read, Write};
use std::process::Child;

pub const ESCAPE: &str = "\u{1b}[";

/// The upgrader on a terminal of its own.
pub struct Terminal {
    pub pty: Pty,
    pub child: Child,
    pub shown: String,
    /// The beginning of a letter whose other bytes have yet to come.
    pending: Vec<u8>,
}

impl Terminal {
    pub fn run(replica: &Replica, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let all = [arguments, &["--offline", "--config", "upgraded"]].concat();
        Self::of_width(150, replica, &all, environment)
    }

    pub fn of_width(
        columns: u16,
        replica: &Replica,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(40, columns)).unwrap();
        let child = Command::new(PROGRAM)
            .args(arguments)
            .env("HOME", replica.home.path())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            // A build server's terminal counts as one that shows colours, whatever TERM says.
            .env_remove("CI")
            .envs(environment.iter().copied())
            .spawn(pts)
            .unwrap();
        Self { pty, child, shown: String::new(), pending: Vec::new() }
    }

    /// Reads until the text has been shown.
    pub fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            assert!(self.read(), "{text:?} was never shown:\n{}", self.shown);
        }
    }

    pub fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.pty.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.pending.extend_from_slice(&buffer[..count]);
                let whole = match std::str::from_utf8(&self.pending) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => self.pending.len(),
                };
                let bytes: Vec<_> = self.pending.drain(..whole).collect();
                self.shown.push_str(&String::from_utf8_lossy(&bytes));
                true
            }
            // What Linux answers once the other side is closed.
            Err(error) if error.raw_os_error() == Some(5) => false,
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn type_in(&mut self, text: &str) {
        self.pty.write_all(text.as_bytes()).unwrap();
    }

    /// Reads to the end: the exit code and all that was shown.
    pub fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (self.child.wait().unwrap().code(), self.shown)
    }
}

/// A line may be too long when it is one word, or something to be copied: a statement, a command.
pub fn assert_fits(columns: usize, case: &str, shown: &str) {
    for line in lines_on_screen(shown) {
        let text = line.trim_start_matches([' ', '→']);
        let copied = chameleon_upgrade::report::layout::statements(text) == [text]
            || ["chameleon ", "chameleon-upgrade ", "pip ", "cp "]
                .iter()
                .any(|command| text.starts_with(command));
        let fits = chameleon_upgrade::report::layout::width(&line) <= columns;
        assert!(fits || copied || !text.contains(' '), "{case}, {columns} columns:\n{line}\nin:\n{shown}");
    }
}
