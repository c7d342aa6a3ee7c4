//! The states that were seen on the real 1.8.2 (§which-server), each by an example; and the
//! stretches against what they are for.

use super::*;
use proptest::prelude::*;

fn at(file: u64, position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse(&format!("mysql-bin.{file:06}"), position).expect("a coordinate")
}

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a time")
}

/// 2026-11-26 10:00:07 UTC.
const EVENT: u32 = 1_795_687_207;

fn claim(received: Option<&str>, newest: BinlogCoordinate) -> Claim {
    Claim {
        source: "shop".into(),
        received: received.map(time),
        newest,
        older: BTreeSet::new(),
        known: BTreeSet::new(),
    }
}

fn judged(claim: &Claim, found: &[(BinlogCoordinate, Found)]) -> Option<Verdict> {
    claim.judge(&found.iter().cloned().collect())
}

fn is_same(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Same { .. }))
}

#[test]
fn the_time_may_be_that_of_any_zone_and_of_no_other() {
    for (local, right) in [
        ("2026-11-26 10:00:07", true),
        // Kathmandu, St John's, Chatham in summer, Kiritimati, Baker Island.
        ("2026-11-26 15:45:07", true),
        ("2026-11-26 06:30:07", true),
        ("2026-11-26 23:45:07", true),
        ("2026-11-27 00:00:07", true),
        ("2026-11-25 22:00:07", true),
        ("2026-11-26 10:00:08", false),
        ("2026-11-26 10:00:07.5", false),
        ("2026-11-26 10:10:07", false),
        ("2026-11-27 00:15:07", false),
        ("2026-11-25 21:45:07", false),
        ("2026-11-27 10:00:07", false),
    ] {
        assert_eq!(is_the_time(EVENT, time(local)), right, "{local}");
    }
}

#[test]
fn the_event_at_the_newest_coordinate_tells() {
    let claim = claim(Some("2026-11-26 10:00:07"), at(3, 500));
    assert!(is_same(judged(&claim, &[(at(3, 500), Found::EventOf(EVENT))])));
    let another =
        |event| Some(Verdict::Another { at: at(3, 500), received: time("2026-11-26 10:00:07"), event });
    let later = judged(&claim, &[(at(3, 500), Found::EventOf(EVENT + 2))]);
    assert_eq!(later, another(Some(time("2026-11-26 10:00:09"))));
    assert_eq!(judged(&claim, &[(at(3, 500), Found::NoEvent)]), another(None));
    // The server has not got the place: another check tells.
    assert_eq!(judged(&claim, &[]), None);
}

/// 1.8.2 died between the new batch and `ts_last_received`, which is that of the batch before.
#[test]
fn the_time_of_an_older_live_batch_is_right_as_well() {
    let mut claim = claim(Some("2026-11-26 10:00:07"), at(3, 500));
    claim.older = BTreeSet::from([at(3, 100), at(3, 300)]);
    let found = |older| {
        let found = [
            (at(3, 500), Found::EventOf(EVENT + 2)),
            (at(3, 300), older),
            (at(3, 100), Found::EventOf(EVENT - 9)),
        ];
        judged(&claim, &found)
    };
    assert!(is_same(found(Found::EventOf(EVENT))));
    assert!(matches!(found(Found::EventOf(EVENT + 1)), Some(Verdict::Another { event: Some(_), .. })));
    assert!(matches!(found(Found::NoEvent), Some(Verdict::Another { event: Some(_), .. })));
}

#[test]
fn at_the_beginning_of_a_file_the_end_of_the_one_before_tells() {
    let claim = claim(Some("2026-11-26 10:00:07"), at(3, 4));
    assert!(is_same(judged(&claim, &[(at(3, 4), Found::EventOf(EVENT))])));
    assert!(matches!(judged(&claim, &[(at(3, 4), Found::EventOf(1))]), Some(Verdict::Another { .. })));
    assert_eq!(judged(&claim, &[(at(3, 4), Found::NotEnded)]), Some(Verdict::NotEnded(at(3, 4))));
    // After a kill -9 of MySQL 1.8.2 has stored the time 0 there.
    let killed = self::claim(Some("1970-01-01 00:00:00"), at(3, 4));
    assert_eq!(judged(&killed, &[(at(3, 4), Found::NotEnded)]), Some(Verdict::NotEnded(at(3, 4))));
}

#[test]
fn nothing_is_compared_of_what_was_only_initialised() {
    let claim = claim(None, at(3, 500));
    assert_eq!(claim.first(), None);
    assert_eq!(judged(&claim, &[(at(3, 500), Found::EventOf(EVENT))]), Some(Verdict::NothingReceived));
}

#[test]
fn the_reading_begins_at_the_nearest_known_place() {
    let far = 10 * WORTH_A_SESSION;
    let wanted = BTreeSet::from([at(3, far), at(3, 2 * far), at(3, 2 * far + 100), at(4, 4), at(5, 600)]);
    let known = BTreeSet::from([at(2, 900), at(3, far - 50), at(3, 2 * far - 70), at(3, 3 * far), at(5, 4)]);
    assert_eq!(
        stretches(&wanted, &known),
        [
            Stretch { from: at(3, far - 50), wanted: vec![at(3, far)] },
            Stretch { from: at(3, 2 * far - 70), wanted: vec![at(3, 2 * far), at(3, 2 * far + 100)] },
            Stretch { from: at(5, 4), wanted: vec![at(5, 600)] },
        ]
    );
}

fn places() -> impl Strategy<Value = BTreeSet<BinlogCoordinate>> {
    let place = (1..4_u64, 0..40_i64).prop_map(|(file, step)| at(file, 4 + step * (WORTH_A_SESSION / 4)));
    prop::collection::btree_set(place, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Every wanted place lies in one stretch, behind its beginning; each begins at a known place or at a file's
    /// beginning, and at none that a nearer one makes needless.
    #[test]
    fn stretches_hold_what_is_wanted(wanted in places(), known in places()) {
        let stretches = stretches(&wanted, &known);
        let held: Vec<_> = stretches.iter().flat_map(|it| it.wanted.clone()).collect();
        let expected: Vec<_> = wanted.iter().filter(|place| place.position() > 4).cloned().collect();
        prop_assert_eq!(held, expected);
        for stretch in &stretches {
            let Stretch { from, wanted: own } = stretch;
            prop_assert!(own.iter().all(|place| place.file() == from.file() && place > from));
            let could_be = |place: &BinlogCoordinate| {
                place.position() == 4 || known.contains(place) || wanted.contains(place)
            };
            prop_assert!(could_be(from));
            let nearer = known.iter().chain(&wanted).any(|it| it.file() == from.file() && it > from && *it < own[0]);
            prop_assert!(!nearer);
            prop_assert!(stretch.bytes() <= own[0].position().abs_diff(from.position()) + own.len() as u64 * 40 * WORTH_A_SESSION.unsigned_abs() / 4);
        }
    }
}
