//! How far a long series of runs has come, on standard error: a sweep may take hours.

use crate::commands::output::tell;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines where standard error is no terminal: the log of a night's sweep stays short.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// Shows one line that is written anew on a terminal, and a line a minute anywhere else.
pub(super) struct Progress {
    terminal: bool,
    began: Instant,
    /// When the next line is due.
    due: Mutex<Duration>,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self { terminal: io::stderr().is_terminal(), began: Instant::now(), due: Mutex::new(BETWEEN_LINES) }
    }

    /// So many of all runs are done.
    pub(super) fn tell(&self, done: usize, total: usize) {
        let elapsed = self.began.elapsed();
        if self.terminal {
            tell(format_args!("\r{}", line(done, total, elapsed)));
            return;
        }
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if elapsed >= *due {
            tell(format_args!("{}\n", line(done, total, elapsed)));
            *due = elapsed + BETWEEN_LINES;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            // What comes next begins where this line did.
            tell(format_args!("\r\x1b[K"));
        }
    }
}

fn line(done: usize, total: usize, elapsed: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let left = elapsed.as_secs_f64() * total.saturating_sub(done) as f64 / done.max(1) as f64;
    let left =
        if left < 60.0 { "less than a minute".to_owned() } else { format!("about {:.0} min", left / 60.0) };
    format!("{done} of {total} runs, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_by_the_runs_that_are_done() {
        let after = |done, seconds| line(done, 3000, Duration::from_secs(seconds));
        assert_eq!(after(1000, 600), "1000 of 3000 runs, about 20 min left");
        assert_eq!(after(2999, 600), "2999 of 3000 runs, less than a minute left");
        assert_eq!(after(0, 1), "0 of 3000 runs, about 50 min left");
    }
}
