//! How long the replica will stand still: what was measured on the copy, with the way to production's server added. Pure.

use super::report::{Forecast, ForecastPart, Range};

/// What was measured. Times are in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// `check` on production; none when it was not run.
    pub check: Option<f64>,
    /// A round trip to production's server.
    pub round_trip: Option<f64>,
    /// One to the copy's, by the way that the upgrades took.
    pub round_trip_of_copy: Option<f64>,
    /// The replay of what waits.
    pub replay: Timed,
    /// The transaction of the upgrade, in each of its runs.
    pub transactions: Vec<Timed>,
    /// How long a whole upgrade took, in the same runs.
    pub upgrades: Vec<f64>,
    /// From the start of each daemon to its first session with PostgreSQL.
    pub daemons: Vec<f64>,
}

impl Measured {
    /// An upgrade went through: how long it took, its transaction, and the time of its replay with the round trips outside the
    /// transaction.
    pub fn upgrade(&mut self, took: f64, transaction: Timed, outside: Timed) {
        match self.upgrades.len() {
            0 => self.replay = outside,
            // It has nothing to replay, and looks as often as the first.
            1 => self.replay.round_trips = self.replay.round_trips.saturating_sub(outside.round_trips),
            _ => {}
        }
        self.upgrades.push(took);
        self.transactions.push(transaction);
    }
}

/// A time, and in how many round trips to the server it was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timed {
    /// The time.
    pub seconds: f64,
    /// The round trips.
    pub round_trips: u64,
}

/// What a single measurement is off by, as a share of it: other programs, caches, disks.
const SPREAD: f64 = 0.2;
/// The least that a time is off by.
const LEAST: f64 = 0.05;
/// How much longer a round trip must be to be told.
const NOTICEABLE: f64 = 0.0005;

/// The forecast; none when there was no upgrade.
#[must_use]
pub fn forecast(measured: &Measured) -> Option<Forecast> {
    let first = measured.transactions.first()?;
    let way = measured.round_trip.zip(measured.round_trip_of_copy).map(|(there, here)| there - here);
    let further =
        |timed: &Timed| (timed.seconds + way.unwrap_or_default() * count(timed.round_trips)).max(0.0);
    let from = match way {
        Some(way) if way > NOTICEABLE => {
            format!(
                "measured on the copy, {:.1} ms added for each round trip to production's server",
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
        Some(check) => add("checks", &[*check], "measured on production".to_owned()),
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

#[expect(clippy::cast_precision_loss, reason = "a number of round trips")]
fn count(round_trips: u64) -> f64 {
    round_trips as f64
}

/// From the least to the most that was measured, and what a measurement is off by. The least is the likely one: what else the machine
/// does adds to a time, and takes nothing from it.
fn range(times: &[f64]) -> Option<Range> {
    let likely = times.iter().copied().reduce(f64::min)?;
    let most = times.iter().copied().fold(0.0, f64::max);
    let off = |seconds: f64| (seconds * SPREAD).max(LEAST);
    Some(Range { low: (likely - off(likely)).max(0.0), likely, high: most + off(most) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(seconds: f64, round_trips: u64) -> Timed {
        Timed { seconds, round_trips }
    }

    #[test]
    fn the_way_to_production_is_added_for_each_round_trip() {
        let measured = Measured {
            check: Some(1.5),
            round_trip: Some(0.0105),
            round_trip_of_copy: Some(0.0005),
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

    /// What a machine does beside it adds to it. One that had less to do doesn't count.
    #[test]
    fn the_least_of_those_that_had_all_to_do_is_the_likely_one() {
        let measured = Measured {
            transactions: vec![timed(1.2, 60), timed(1.0, 60), timed(0.5, 60)],
            upgrades: vec![1.2, 1.0, 0.5],
            ..Measured::default()
        };
        let Range { low, likely, high } = forecast(&measured).unwrap().parts[1].seconds;
        assert!((likely - 1.0).abs() < 1e-9, "{likely}");
        assert!((low - 0.8).abs() < 1e-9 && (high - 1.44).abs() < 1e-9, "{low} {high}");
    }

    /// What lies between an upgrade and the copy counts its messages.
    #[test]
    fn a_production_that_is_nearer_than_the_copy_is_quicker() {
        let measured = Measured {
            check: Some(0.1),
            round_trip: Some(0.0002),
            round_trip_of_copy: Some(0.0007),
            transactions: vec![timed(0.3, 100)],
            upgrades: vec![0.4],
            ..Measured::default()
        };
        let forecast = forecast(&measured).unwrap();
        assert!((forecast.total.likely - 0.35).abs() < 1e-9, "{forecast:?}");
        assert!(forecast.parts[1].basis.contains("answers as quickly"), "{forecast:?}");
    }

    /// `check` on production has measured the looks, the way to it included.
    #[test]
    fn the_looks_are_no_part_of_the_replay() {
        let mut measured = Measured {
            check: Some(1.0),
            round_trip: Some(0.01),
            round_trip_of_copy: Some(0.0),
            ..Measured::default()
        };
        measured.upgrade(1.2, timed(0.5, 20), timed(0.3, 50));
        measured.upgrade(0.9, timed(0.6, 20), timed(0.0, 40));
        let forecast = forecast(&measured).unwrap();
        let likely: Vec<_> = forecast.parts.iter().map(|part| part.seconds.likely).collect();
        for (is, like) in likely.iter().zip([1.0, 0.4, 0.7]) {
            assert!((is - like).abs() < 1e-9, "{likely:?}");
        }
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
