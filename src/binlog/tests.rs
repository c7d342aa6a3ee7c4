//! The order of coordinates against a definition of its own: digits compared as one compares them by hand.

use super::*;
use proptest::prelude::*;

fn at(file: &str, position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse(file, position).expect("a well-formed coordinate")
}

#[test]
fn a_million_files_do_not_disturb_the_order() {
    assert!(at("mysql-bin.999999", 900) < at("mysql-bin.1000000", 4));
}

#[test]
fn positions_compare_as_numbers_past_4_gib() {
    assert!(at("mysql-bin.000001", 999) < at("mysql-bin.000001", 1000));
    assert!(at("mysql-bin.000001", 4_294_967_296) > at("mysql-bin.000001", 4_294_967_295));
}

#[test]
fn the_number_follows_the_last_dot() {
    let file = BinlogFile::parse("db.example.000007").expect("a file name");
    assert_eq!((file.base(), file.number()), ("db.example", 7));
    assert!(!is_readable_by_the_daemon(file.base()));
    assert!(is_readable_by_the_daemon("mysql-bin"));
}

#[test]
fn what_is_no_binlog_coordinate_is_refused() {
    for name in [
        "",
        "mysql-bin",
        "mysql-bin.",
        ".000001",
        "mysql-bin.12x",
        "mysql-bin.+1",
        "b.99999999999999999999999",
    ] {
        assert_eq!(BinlogFile::parse(name), Err(BinlogError::FileName(name.to_owned())));
    }
    assert!(BinlogCoordinate::parse("mysql-bin.000001", -1).is_err());
}

/// A coordinate as texts: a base name, the digits of the file's number, and those of the position.
type Written = (&'static str, String, String);

/// Near each other, across a digit, at the limits of 2 and 4 GiB and of 64 bits, with and without leading zeros.
fn written() -> impl Strategy<Value = Written> {
    let number = prop_oneof![0..4_u64, 9..12_u64, 999_998..1_000_002_u64, u64::MAX - 2..=u64::MAX];
    let limits = (1_i64 << 31) - 2..(1 << 31) + 2;
    let more = (1_i64 << 32) - 2..(1 << 32) + 2;
    let position = prop_oneof![0..4_i64, 9..12_i64, limits, more, i64::MAX - 2..=i64::MAX];
    let base = prop_oneof![9 => Just("mysql-bin"), 1 => Just("other.bin")];
    (base, number, 0..8_usize, position)
        .prop_map(|(base, number, width, position)| (base, format!("{number:0width$}"), position.to_string()))
}

fn read((base, number, position): &Written) -> BinlogCoordinate {
    at(&format!("{base}.{number}"), position.parse().expect("a position"))
}

/// Without leading zeros the longer number is the larger; of equal length the first different digit decides.
fn by_hand(one: &str, other: &str) -> Ordering {
    let [one, other] = [one, other].map(|digits| digits.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.chars().cmp(other.chars()))
}

/// §coordinate-order: "by the number after the dot of the file name, then by position, as numbers".
fn definition(one: &Written, other: &Written) -> Ordering {
    by_hand(&one.1, &other.1).then_with(|| by_hand(&one.2, &other.2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_order_is_the_definition_s(one in written(), other in written()) {
        let found = read(&one).cmp(&read(&other));
        match definition(&one, &other) {
            // Only the name is left to tell them apart: the same file or another one of the same number.
            Ordering::Equal => prop_assert_eq!(found == Ordering::Equal, read(&one) == read(&other)),
            defined => prop_assert_eq!(found, defined),
        }
    }

    #[test]
    fn the_order_is_total(a in written(), b in written(), c in written()) {
        let (a, b, c) = (read(&a), read(&b), read(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        prop_assert_eq!(a.partial_cmp(&b), Some(a.cmp(&b)));
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn minimum_and_maximum_are_associative_commutative_and_idempotent(
        a in written(), b in written(), c in written(),
    ) {
        let (a, b, c) = (&read(&a), &read(&b), &read(&c));
        for pick in [std::cmp::min::<&BinlogCoordinate>, std::cmp::max] {
            prop_assert_eq!(pick(pick(a, b), c), pick(a, pick(b, c)));
            prop_assert_eq!(pick(a, b), pick(b, a));
            prop_assert_eq!(pick(a, a), a);
        }
        prop_assert_eq!(a.min(b) == a, a.max(b) == b);
    }

    #[test]
    fn minimum_and_maximum_are_the_ends_of_what_is_sorted(all in prop::collection::vec(written(), 1..20)) {
        let coordinates: Vec<_> = all.iter().map(read).collect();
        let mut sorted = all.clone();
        sorted.sort_by(definition);
        let (first, last) = (&sorted[0], &sorted[sorted.len() - 1]);
        let place = |coordinate: Option<&BinlogCoordinate>| coordinate.map(|it| (it.file.number, it.position));
        prop_assert_eq!(place(coordinates.iter().min()), place(Some(&read(first))));
        prop_assert_eq!(place(coordinates.iter().max()), place(Some(&read(last))));
    }

    #[test]
    fn one_past_is_the_next_place_of_the_same_file(one in written()) {
        let coordinate = read(&one);
        let after = coordinate.just_after();
        prop_assert_eq!(after.file(), coordinate.file());
        if coordinate.position < i64::MAX {
            prop_assert_eq!(after.position - coordinate.position, 1);
        }
    }
}
