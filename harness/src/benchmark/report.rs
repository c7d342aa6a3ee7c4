//! The figures as a page of documentation.

use super::{Contender, Run, Size};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// The median of what a contender took for a size.
#[must_use]
pub(super) fn median(runs: &[Run], size: Size, contender: Contender) -> Option<Duration> {
    median_run(runs, size, contender).map(|run| run.took)
}

fn median_run(runs: &[Run], size: Size, contender: Contender) -> Option<&Run> {
    let mut of: Vec<_> = runs.iter().filter(|run| run.size == size && run.contender == contender).collect();
    of.sort_unstable_by_key(|run| run.took);
    of.get(of.len() / 2).copied()
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
    page += &growth(sizes, runs);
    page += &profile(sizes, runs);
    page += "\n![Time against tables and events](benchmarks.svg)\n\n\
             The hand-written SQL is the limit: a bulk insert with the indexes built afterwards, and for events one statement that\n\
             knows what it will find. It checks nothing, proves nothing and can't be undone. A time counts only when the catalogue is\n\
             2.0.10 with every table in it, nothing waits, and the rows of the destination are those that the others leave. \"Each\" is\n\
             the time of a table or an event. Memory is the most that the client's process held at a time.\n";
    page
}

/// What our time goes into, in the run of the median.
fn profile(sizes: &[Size], runs: &[Run]) -> String {
    let mut text =
        String::from("\nWhat ours is made of (of the median run; parts of a hundredth and more):\n\n");
    for &size in sizes {
        let Some(run) = median_run(runs, size, Contender::Ours) else { continue };
        let took = run.took.as_secs_f64();
        let parts = run.parts.iter().filter(|(_, seconds)| *seconds >= took / 100.0);
        let parts: Vec<_> = parts.map(|(part, seconds)| format!("{part} {seconds:.3} s")).collect();
        let _infallible = writeln!(text, "- {}: {}", counted(size), parts.join(", "));
    }
    text
}

/// How time grows with size: the slope of a straight line through the points of the chart, from 10,000 on, where
/// what every upgrade takes no longer counts for much; and between the last two points. 1 is linear, 2 is quadratic.
fn growth(sizes: &[Size], runs: &[Run]) -> String {
    let mut text = String::from(
        "\nGrowth (the slope of time against size, both in logarithms, fitted by least squares from 10,000 on; 1 is linear):\n\n",
    );
    for (what, of) in [("tables", Size::tables as fn(Size) -> Option<u32>), ("waiting events", Size::events)]
    {
        for contender in [Contender::Ours, Contender::Original] {
            let points: Vec<_> = sizes
                .iter()
                .filter_map(|size| {
                    let count = of(*size).filter(|count| *count >= 10_000)?;
                    let took = median(runs, *size, contender)?.as_secs_f64();
                    Some((f64::from(count).log10(), took.log10()))
                })
                .collect();
            let Some(whole) = slope(&points) else { continue };
            let last = points.len().checked_sub(2).and_then(|from| slope(&points[from..])).unwrap_or(whole);
            let _infallible =
                writeln!(text, "- {what}, {}: {whole:.2}; at the end {last:.2}", contender.name());
        }
    }
    text
}

/// Of the line with the least squares; none through less than two points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = f64::from(u32::try_from(points.len()).ok().filter(|count| *count >= 2)?);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    Some(above / below)
}

fn line(size: Size, runs: &[Run]) -> String {
    let seconds = |contender| median(runs, size, contender).map_or(f64::NAN, |took| took.as_secs_f64());
    let [ours, original, limit] = Contender::ALL.map(seconds);
    let memory = |contender| {
        let peaks = runs.iter().filter(|run| run.size == size && run.contender == contender);
        let peak = peaks.filter_map(|run| run.peak).max().unwrap_or_default();
        format!("{} MiB", peak.div_ceil(1024))
    };
    let (Size::Tables(count) | Size::Events(count)) = size;
    format!(
        "| {} | {ours:.2} s | {original:.2} s | {limit:.2} s | {:.1}× | {:.2}× | {:.1} µs | {} | {} |\n",
        counted(size),
        original / ours,
        ours / limit,
        ours * 1e6 / f64::from(count),
        memory(Contender::Ours),
        memory(Contender::Original),
    )
}

fn counted(size: Size) -> String {
    match size {
        Size::Tables(count) => format!("{} tables", grouped(count)),
        Size::Events(count) => format!("{} waiting events", grouped(count)),
    }
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
        let (size, took) = (Size::Tables(1000), Duration::from_secs(seconds));
        Run { size, contender, took, peak: Some(2048), parts: vec![] }
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
    fn the_slope_tells_linear_from_quadratic_growth() {
        let points = |power: f64| [4.0, 5.0, 6.0].map(|x: f64| (x, power * x - 3.0));
        assert!((slope(&points(1.0)).unwrap_or_default() - 1.0).abs() < 1e-9);
        assert!((slope(&points(2.0)).unwrap_or_default() - 2.0).abs() < 1e-9);
        assert_eq!(slope(&[(1.0, 1.0)]), None);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([1, 999, 1000, 1_000_000].map(grouped), ["1", "999", "1,000", "1,000,000"]);
    }
}
