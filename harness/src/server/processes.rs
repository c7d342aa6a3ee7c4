//! The processes of a local server: the postmaster and its children, each of which leads a session of its own,
//! so that only their parent tells that they belong together.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Command;

/// A process as the operating system lists it.
struct Process {
    pid: i32,
    parent: i32,
    /// Ended, but not yet taken note of by its parent.
    ended: bool,
}

/// The living children of `parent`.
pub(super) fn children(parent: i32) -> Vec<i32> {
    list().into_iter().filter(|process| process.parent == parent && !process.ended).map(|p| p.pid).collect()
}

/// Those of `pids` that are alive.
pub(super) fn alive(pids: &[i32]) -> bool {
    list().iter().any(|process| pids.contains(&process.pid) && !process.ended)
}

/// Sends `signal` to `pid`; a process that is gone already doesn't mind.
pub(super) fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _gone_already = kill_process(pid, signal);
    }
}

fn list() -> Vec<Process> {
    match fs::read_dir("/proc") {
        Ok(entries) => entries
            .flatten()
            .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
            .filter_map(|stat| of_stat(&stat))
            .collect(),
        Err(_) => listed_by_ps(),
    }
}

/// `pid (name) state parent …`, where the name may hold anything.
fn of_stat(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Process { pid: pid.parse().ok()?, parent: fields.next()?.parse().ok()?, ended })
}

/// For systems without /proc.
fn listed_by_ps() -> Vec<Process> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "state="]).output();
    let Ok(listed) = listed else { return Vec::new() };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let (pid, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Process { pid, parent, ended: fields.next()?.starts_with('Z') })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let process = of_stat("42 (a) R (b) S 7 42 42 0").unwrap();
        assert_eq!((process.pid, process.parent, process.ended), (42, 7, false));
    }
}
