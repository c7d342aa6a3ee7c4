//! How much memory a process takes, as Linux tells it.

use std::fs;

/// The most that a running process has held at a time until now, in KiB; none when it is gone: the system forgets it with
/// the process.
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
}
