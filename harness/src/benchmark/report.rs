//! The figures as a page of documentation.

use super::{Contender, Run, Size};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// The median of what a contender took for a size.
#[must_use]
pub(super) fn median(runs: &[Run], size: Size, contender: Contender) -> Option<Duration> {
    let mut times: Vec<_> = runs
        .iter()
        .filter(|run| run.size == size && run.contender == contender)
        .map(|run| run.took)
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The page: machine, versions and a line for each size.
#[must_use]
pub fn markdown(server_version: &str, rounds: u32, sizes: &[Size], runs: &[Run]) -> String {
    let mut page = String::from("# Benchmarks\n\nWritten by `make bench-reference`");
    let _infallible = write!(
        page,
        ": medians of {rounds} rounds, in turn on copies of the same catalogue. A time is that of the whole process.\n\n\
         - {}\n- PostgreSQL {server_version}, with fsync, shared_buffers 512 MB\n- chameleon-upgrade {}, pg_chameleon 2.0.21\n\n\
         | what | ours | the original | hand-written SQL | original / ours | ours / SQL | ours, each | memory of ours | of the original |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        machine(),
        env!("CARGO_PKG_VERSION"),
    );
    for &size in sizes {
        page += &line(size, runs);
    }
    page += "\n![Time against tables and events](benchmarks.svg)\n\n\
             The hand-written SQL is the limit: a bulk insert with the indexes built afterwards, and for events one statement that\n\
             knows what it will find. It checks nothing, proves nothing and can't be undone. \"Each\" is the time of a table or an\n\
             event: where it stays the same, growth is linear. Memory is the most that the client's process held at a time.\n";
    page
}

fn line(size: Size, runs: &[Run]) -> String {
    let seconds = |contender| median(runs, size, contender).map_or(f64::NAN, |took| took.as_secs_f64());
    let [ours, original, limit] = Contender::ALL.map(seconds);
    let memory = |contender| {
        let peaks = runs.iter().filter(|run| run.size == size && run.contender == contender);
        let peak = peaks.filter_map(|run| run.peak).max().unwrap_or_default();
        format!("{} MiB", peak.div_ceil(1024))
    };
    let (count, what) = match size {
        Size::Tables(count) => (count, "tables"),
        Size::Events(count) => (count, "waiting events"),
    };
    format!(
        "| {} {what} | {ours:.2} s | {original:.2} s | {limit:.2} s | {:.1}× | {:.2}× | {:.1} µs | {} | {} |\n",
        grouped(count),
        original / ours,
        ours / limit,
        ours * 1e6 / f64::from(count),
        memory(Contender::Ours),
        memory(Contender::Original),
    )
}

/// With a comma between thousands.
pub(super) fn grouped(count: u32) -> String {
    let digits = count.to_string();
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    parts.join(",")
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let of = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let memory: u64 =
        of(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores ({}), {} GiB of memory, {}; load when written: {}",
        of(&read("/proc/cpuinfo"), "model name"),
        memory / 1024 / 1024,
        read("/proc/sys/kernel/ostype").trim(),
        load.split(' ').next().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: u64, contender: Contender) -> Run {
        Run { size: Size::Tables(1000), contender, took: Duration::from_secs(seconds), peak: Some(2048) }
    }

    #[test]
    fn a_line_holds_medians_and_ratios() {
        let runs = [
            run(9, Contender::Ours),
            run(2, Contender::Ours),
            run(1, Contender::Ours),
            run(10, Contender::Original),
            run(1, Contender::Limit),
        ];
        let line = line(Size::Tables(1000), &runs);
        assert_eq!(
            line,
            "| 1,000 tables | 2.00 s | 10.00 s | 1.00 s | 5.0× | 2.00× | 2000.0 µs | 2 MiB | 2 MiB |\n"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([1, 999, 1000, 1_000_000].map(grouped), ["1", "999", "1,000", "1,000,000"]);
    }
}
