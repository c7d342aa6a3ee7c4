//! How long the replica will stand still: what was measured on the copy, with the way to production's server added. Pure.

use super::report::{Forecast, ForecastPart, Range};

/// What was measured. Times are in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// `check` on production; none when it was not run.
    pub check: Option<Timed>,
    /// `check` on the copy.
    pub check_of_copy: Option<Timed>,
    /// The replay of what waits.
    pub replay: Timed,
    /// The transaction of the upgrade, in each of its runs.
    pub transactions: Vec<Timed>,
    /// How long a whole upgrade took, in the same runs.
    pub upgrades: Vec<f64>,
    /// From the start of each daemon to its first session with PostgreSQL.
    pub daemons: Vec<f64>,
}

/// A time, and in how many messages to the server it was spent; none where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timed {
    /// The time.
    pub seconds: f64,
    /// The messages.
    pub messages: Option<u64>,
}

/// What a single measurement is off by, as a share of it: other programs, caches, disks.
const SPREAD: f64 = 0.2;
/// The least that a time is off by.
const LEAST: f64 = 0.05;

/// The forecast; none when there was no upgrade.
#[must_use]
pub fn forecast(measured: &Measured) -> Option<Forecast> {
    let first = measured.transactions.first()?;
    let way = way(measured);
    let further = |timed: &Timed| timed.seconds + way * count(timed.messages);
    let from = match measured.check {
        Some(_) if way > 0.0005 => {
            format!(
                "measured on the copy, {:.1} ms added for each message to production's server",
                way * 1000.0
            )
        }
        Some(_) => "measured on the copy; production's server answers as quickly".to_owned(),
        None => "measured on the copy; production's server was not asked".to_owned(),
    };
    let mut parts = Vec::new();
    let mut add = |part: &str, times: &[f64], basis: String| {
        if let Some(seconds) = range(times) {
            parts.push(ForecastPart { part: part.to_owned(), seconds, basis });
        }
    };
    // What an upgrade does before its transaction and beside the replay: it connects, and looks.
    let beside =
        |(whole, transaction): (&f64, &Timed), replay: f64| (whole - transaction.seconds - replay).max(0.0);
    let looks: Vec<f64> = measured
        .upgrades
        .iter()
        .zip(&measured.transactions)
        .enumerate()
        .map(|(run, pair)| beside(pair, if run == 0 { measured.replay.seconds } else { 0.0 }))
        .collect();
    match &measured.check {
        Some(check) => add("checks", &[check.seconds], "measured on production".to_owned()),
        None => add("checks", &looks, from.clone()),
    }
    if measured.replay.seconds > 0.0 {
        add("replay of what waits", &[further(&measured.replay)], from.clone());
    }
    let mut transactions: Vec<f64> = measured.transactions.iter().map(further).collect();
    // The first had everything to do; a later one may have had less.
    let later = transactions.split_off(1);
    transactions.extend(later.into_iter().filter(|seconds| *seconds >= first.seconds * 0.5));
    add("transaction", &transactions, from);
    if let Some(longest) = measured.daemons.iter().copied().reduce(f64::max) {
        add("start of the daemons", &[longest], "measured on the copy, all at the same time".to_owned());
    }
    let sum = |of: fn(&Range) -> f64| parts.iter().map(|part| of(&part.seconds)).sum();
    let total = Range { low: sum(|it| it.low), likely: sum(|it| it.likely), high: sum(|it| it.high) };
    Some(Forecast { parts, total })
}

/// How much longer a message takes to production's server than to the copy's.
fn way(measured: &Measured) -> f64 {
    let (Some(there), Some(here)) = (&measured.check, &measured.check_of_copy) else { return 0.0 };
    let messages = count(here.messages);
    if messages < 1.0 { 0.0 } else { ((there.seconds - here.seconds) / messages).max(0.0) }
}

#[expect(clippy::cast_precision_loss, reason = "a number of messages")]
fn count(messages: Option<u64>) -> f64 {
    messages.unwrap_or_default() as f64
}

/// From the least to the most that was measured, and what a measurement is off by. The first is the likely one.
fn range(times: &[f64]) -> Option<Range> {
    let likely = *times.first()?;
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    let off = |seconds: f64| (seconds * SPREAD).max(LEAST);
    Some(Range { low: (least - off(least)).max(0.0), likely, high: most + off(most) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(seconds: f64, messages: u64) -> Timed {
        Timed { seconds, messages: Some(messages) }
    }

    #[test]
    fn the_way_to_production_is_added_for_each_message() {
        let measured = Measured {
            check: Some(timed(1.5, 0)),
            check_of_copy: Some(timed(0.5, 100)),
            replay: timed(2.0, 50),
            transactions: vec![timed(1.0, 60), timed(1.2, 60)],
            upgrades: vec![3.6, 1.8],
            daemons: vec![0.4, 0.7],
        };
        let forecast = forecast(&measured).unwrap();
        let likely: Vec<_> = forecast.parts.iter().map(|it| (it.part.as_str(), it.seconds.likely)).collect();
        // 10 ms for each message.
        let expected = [
            ("checks", 1.5),
            ("replay of what waits", 2.5),
            ("transaction", 1.6),
            ("start of the daemons", 0.7),
        ];
        for ((part, seconds), (its, like)) in likely.iter().zip(expected) {
            assert_eq!(*part, its);
            assert!((seconds - like).abs() < 1e-9, "{part}: {seconds}");
        }
        assert_eq!(likely.len(), 4);
        assert!((forecast.total.likely - 6.3).abs() < 1e-9);
        let transaction = forecast.parts[2].seconds;
        assert!(transaction.low < 1.6 && transaction.high > 1.8, "{transaction:?}");
    }

    #[test]
    fn without_production_the_copy_is_all_that_is_known() {
        let measured =
            Measured { transactions: vec![timed(1.0, 60)], upgrades: vec![1.4], ..Measured::default() };
        let forecast = forecast(&measured).unwrap();
        assert!((forecast.total.likely - 1.4).abs() < 1e-9, "{forecast:?}");
        assert!(forecast.parts.iter().all(|part| part.basis.contains("not asked")), "{forecast:?}");
        assert_eq!(super::forecast(&Measured::default()), None);
    }
}
