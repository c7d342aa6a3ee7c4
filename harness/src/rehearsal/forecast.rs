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
    /// The upgrades that had everything to do.
    pub upgrades: Vec<MeasuredUpgrade>,
    /// In how many round trips an upgrade that has nothing to replay looks at what is there.
    pub looks: u64,
    /// From the start of each daemon to its first session with PostgreSQL.
    pub daemons: Vec<f64>,
}

/// How long an upgrade took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MeasuredUpgrade {
    /// From its start to its end.
    pub seconds: f64,
    /// Its transaction.
    pub transaction: Timed,
    /// The replay of what waits; its round trips are all those outside the transaction.
    pub replay: Timed,
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
    if measured.upgrades.is_empty() {
        return None;
    }
    let way = measured.round_trip.zip(measured.round_trip_of_copy).map(|(there, here)| there - here);
    let further =
        |seconds: f64, round_trips: u64| (seconds + way.unwrap_or_default() * count(round_trips)).max(0.0);
    let of_each =
        |time: &dyn Fn(&MeasuredUpgrade) -> f64| measured.upgrades.iter().map(time).collect::<Vec<_>>();
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
    // What an upgrade does before its transaction and beside the replay: it connects, and looks. On the copy it looks at the same
    // catalogue, and production may be slower at that; `check` alone is quicker than an upgrade that also looks at what it has done.
    let looks = of_each(&|it| {
        further((it.seconds - it.transaction.seconds - it.replay.seconds).max(0.0), measured.looks)
    });
    match measured.check {
        Some(check) if middle(&looks).is_none_or(|looks| looks < check) => {
            add("checks", &[check], "measured on production".to_owned());
        }
        _ => add("checks", &looks, from.clone()),
    }
    if measured.upgrades.iter().any(|it| it.replay.seconds > 0.0) {
        let replays = of_each(&|MeasuredUpgrade { replay, .. }| {
            further(replay.seconds, replay.round_trips.saturating_sub(measured.looks))
        });
        add("replay of what waits", &replays, from.clone());
    }
    let transactions = of_each(&|it| further(it.transaction.seconds, it.transaction.round_trips));
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

/// The middle one is the likely one: what else a machine does makes one of them long, and may make one short. From the least to the
/// most that was measured, and what a measurement is off by.
fn range(times: &[f64]) -> Option<Range> {
    let likely = middle(times)?;
    let least = times.iter().copied().reduce(f64::min)?;
    let most = times.iter().copied().reduce(f64::max)?;
    let off = |seconds: f64| (seconds * SPREAD).max(LEAST);
    Some(Range { low: (least - off(least)).max(0.0), likely, high: most + off(most) })
}

/// The one in the middle, between the two there where their number is even; none of none.
#[must_use]
pub fn middle(times: &[f64]) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let upper = *times.get(times.len() / 2)?;
    let lower = times[(times.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(seconds: f64, round_trips: u64) -> Timed {
        Timed { seconds, round_trips }
    }

    fn upgrade(seconds: f64, transaction: Timed, replay: Timed) -> MeasuredUpgrade {
        MeasuredUpgrade { seconds, transaction, replay }
    }

    fn likely(forecast: &Forecast) -> Vec<(&str, f64)> {
        forecast.parts.iter().map(|it| (it.part.as_str(), it.seconds.likely)).collect()
    }

    #[track_caller]
    fn are_alike(found: &[(&str, f64)], expected: &[(&str, f64)]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((part, seconds), (its, like)) in found.iter().zip(expected) {
            assert_eq!(part, its);
            assert!((seconds - like).abs() < 1e-9, "{part}: {seconds}");
        }
    }

    #[test]
    fn the_way_to_production_is_added_for_each_round_trip() {
        let measured = Measured {
            check: Some(1.5),
            round_trip: Some(0.0105),
            round_trip_of_copy: Some(0.0005),
            upgrades: vec![
                upgrade(3.6, timed(1.0, 60), timed(2.0, 90)),
                upgrade(3.8, timed(1.2, 60), timed(2.1, 90)),
            ],
            // `check` on production has measured them, the way to it included.
            looks: 40,
            daemons: vec![0.4, 0.7],
        };
        let forecast = forecast(&measured).unwrap();
        // 10 ms for each message.
        let expected = [
            ("checks", 1.5),
            ("replay of what waits", 2.55),
            ("transaction", 1.7),
            ("start of the daemons", 0.7),
        ];
        are_alike(&likely(&forecast), &expected);
        assert!((forecast.total.likely - 6.45).abs() < 1e-9);
        let transaction = forecast.parts[2].seconds;
        assert!(transaction.low < 1.6 && transaction.high > 1.8, "{transaction:?}");
    }

    /// One that was disturbed counts for the range alone.
    #[test]
    fn the_middle_one_is_the_likely_one() {
        let took = |seconds: f64| upgrade(seconds + 2.0, timed(seconds, 60), timed(2.0, 60));
        let measured = Measured { upgrades: vec![took(2.5), took(1.0), took(1.2)], ..Measured::default() };
        let forecast = forecast(&measured).unwrap();
        let Range { low, likely, high } = forecast.parts[2].seconds;
        assert!((likely - 1.2).abs() < 1e-9, "{likely}");
        assert!((low - 0.8).abs() < 1e-9 && (high - 3.0).abs() < 1e-9, "{low} {high}");
        assert_eq!([middle(&[3.0, 1.0]), middle(&[])], [Some(2.0), None]);
    }

    /// What lies between an upgrade and the copy counts its messages.
    #[test]
    fn a_production_that_is_nearer_than_the_copy_is_quicker() {
        let measured = Measured {
            check: Some(0.1),
            round_trip: Some(0.0002),
            round_trip_of_copy: Some(0.0007),
            upgrades: vec![upgrade(0.4, timed(0.3, 100), timed(0.0, 40))],
            looks: 40,
            ..Measured::default()
        };
        let forecast = forecast(&measured).unwrap();
        are_alike(&likely(&forecast), &[("checks", 0.1), ("transaction", 0.25)]);
        assert!(forecast.parts[1].basis.contains("answers as quickly"), "{forecast:?}");
    }

    /// An upgrade looks more often than `check`.
    #[test]
    fn the_longer_looks_count() {
        let of_check = |check| {
            let measured = Measured {
                check: Some(check),
                round_trip: Some(0.002),
                round_trip_of_copy: Some(0.001),
                upgrades: vec![upgrade(1.5, timed(1.0, 60), timed(0.0, 100))],
                looks: 100,
                ..Measured::default()
            };
            forecast(&measured).unwrap().parts[0].seconds.likely
        };
        assert!((of_check(0.59) - 0.6).abs() < 1e-9);
        assert!((of_check(0.61) - 0.61).abs() < 1e-9);
    }

    #[test]
    fn without_production_the_copy_is_all_that_is_known() {
        let upgrades = vec![upgrade(1.4, timed(1.0, 60), timed(0.1, 40))];
        let forecast = forecast(&Measured { upgrades, ..Measured::default() }).unwrap();
        are_alike(
            &likely(&forecast),
            &[("checks", 0.3), ("replay of what waits", 0.1), ("transaction", 1.0)],
        );
        assert!(forecast.parts.iter().all(|part| part.basis.contains("not asked")), "{forecast:?}");
        assert_eq!(super::forecast(&Measured::default()), None);
    }
}
