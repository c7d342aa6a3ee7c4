//! A signal that ends the harness before its time: what it has made on a server of somebody else's goes first. What is its
//! own goes in any case (see [`crate::server`] and [`crate::process::running`]), as after SIGKILL.

use crate::commands::output::tell;
use crate::server;
use std::fs;
use std::process;
use std::thread;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Sees to it from now on.
///
/// # Errors
/// What the system answers.
pub fn watch() -> std::io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let mut watched = Vec::new();
    for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()] {
        // `nohup` means that the end of the terminal is not to end this.
        if !is_ignored(kind.as_raw_value()) {
            let _within = runtime.enter();
            watched.push((kind.as_raw_value(), signal(kind)?));
        }
    }
    let (caught, mut first) = tokio::sync::mpsc::channel(1);
    thread::spawn(move || {
        for (number, mut signal) in watched {
            let caught = caught.clone();
            runtime.spawn(async move {
                signal.recv().await;
                let _another_came_first = caught.send(number).await;
            });
        }
        if let Some(number) = runtime.block_on(first.recv()) {
            end(number);
        }
    });
    Ok(())
}

fn end(signal: i32) -> ! {
    server::abandon();
    tell(format_args!("ended by signal {signal}\n"));
    process::exit(128 + signal)
}

/// As Linux tells it; other systems don't.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}
