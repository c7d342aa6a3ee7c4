//! Sets against their definition, transaction by transaction; and what the daemon makes of them, as seen (§gtid).

use super::*;
use crate::facts::mysql::TableName;
use proptest::prelude::*;
use std::collections::BTreeSet;

const A: &str = "0a000000-0000-0000-0000-00000000000a";
const B: &str = "0b000000-0000-0000-0000-00000000000b";

fn set(text: &str) -> GtidSet {
    GtidSet::parse(&text.replace('A', A).replace('B', B)).expect("a set")
}

fn written(own: &str, executed: &str) -> Result<String, Misread> {
    set(own).for_the_daemon(&set(executed)).map(|text| text.replace(A, "A").replace(B, "B"))
}

#[test]
fn sets_are_written_as_the_daemon_reads_them() {
    assert_eq!(written("A:1-5", "A:1-9"), Ok("A:1-5".to_owned()));
    assert_eq!(written("A:1", "A:1-9"), Ok("A:1-1".to_owned()));
    assert_eq!(written("A:1-5,\nB:1-3", "A:1-9,\nB:1-3"), Ok("A:1-5,\nB:1-3".to_owned()));
    assert_eq!(written("A:5-7", "A:5-9"), Ok("A:5-7".to_owned()));
}

/// Each was seen to lose rows, to apply them again, or to end the daemon.
#[test]
fn what_the_daemon_takes_for_another_set_is_refused() {
    let (a, b) = (A.to_owned(), B.to_owned());
    assert_eq!(written("A:1-21:120", "A:1-130"), Err(Misread::Gap(a.clone())));
    assert_eq!(written("A:1-21", "A:1-21:120"), Err(Misread::Gap(a.clone())));
    assert_eq!(written("A:2-21", "A:1-21"), Err(Misread::Gap(a)));
    assert_eq!(written("A:1-21", "A:1-21,B:1-3"), Err(Misread::Later(b)));
    assert_eq!(written("A:1-21", "A:1-21:tag:1-3"), Err(Misread::Tags));
    assert_eq!(written("A:1-21,A:tag:1", "A:1-21"), Err(Misread::Tags));
    assert_eq!(written("", ""), Err(Misread::Nothing));
}

#[test]
fn what_is_no_set_is_not_read_as_one() {
    for text in ["A", "A:", "A:1-", "A:1-x", ":"] {
        assert!(GtidSet::parse(&text.replace('A', A)).is_err() || text == ":", "{text}");
    }
    assert!(GtidSet::of_previous(&[1, 0, 0, 0, 0, 0, 0, 0, 9]).is_err());
    assert!(GtidSet::of_previous(&[]).is_err());
}

/// As MySQL 9.7 wrote it into the second file of a server, and as it shows the same set.
#[test]
fn a_previous_gtids_event_is_read() {
    let mut bytes = 2_u64.to_le_bytes().to_vec();
    for (first_byte, intervals) in [(0x0a_u8, vec![(1_u64, 6_u64), (8, 9)]), (0x0b, vec![(1, 4)])] {
        let mut uuid = [0; 16];
        (uuid[0], uuid[15]) = (first_byte, first_byte);
        bytes.extend(uuid);
        bytes.extend((intervals.len() as u64).to_le_bytes());
        bytes.extend(
            intervals.iter().flat_map(|(first, end)| [first.to_le_bytes(), end.to_le_bytes()]).flatten(),
        );
    }
    assert_eq!(GtidSet::of_previous(&bytes), Ok(set("A:1-5:8,B:1-3")));
    let tagged = GtidSet::of_previous(&(1_u64 << 56 | 1).to_le_bytes()).expect("a set");
    assert_eq!(tagged.for_the_daemon(&set("A:1")), Err(Misread::Tags));
}

fn at(position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse("bin.000001", position).expect("a coordinate")
}

/// From 100 to 500, with rows of these schemas that end at these places.
fn transaction(rows: &[(&str, i64)]) -> Transaction {
    let row = |(schema, end): &(&str, i64)| {
        (TableName { schema: (*schema).to_owned(), table: "t".to_owned() }, at(*end))
    };
    Transaction {
        start: at(100),
        end: at(500),
        rows: rows.iter().map(row).collect(),
        unnamed_rows: None,
        ddl: vec![],
        statements: vec![],
        hazards: vec![],
        redefined: BTreeMap::new(),
    }
}

#[test]
fn the_transaction_of_the_start_is_read_when_nothing_mapped_follows_in_it() {
    let read = |rows: &[(&str, i64)], start| {
        is_read_before(&transaction(rows), &at(start), &["mine".to_owned()], NameCase::Sensitive)
    };
    // It has ended, or has not begun.
    assert!(read(&[("mine", 450)], 500));
    assert!(read(&[("mine", 450)], 700));
    assert!(!read(&[], 100));
    assert!(!read(&[("other", 450)], 50));
    // Only the commit follows; rows of another schema; rows of a mapped one.
    assert!(read(&[("mine", 450)], 450));
    assert!(read(&[("mine", 300), ("other", 450)], 300));
    assert!(!read(&[("mine", 450)], 300));
    let mut unnamed = transaction(&[]);
    unnamed.unnamed_rows = Some(at(400));
    assert!(!is_read_before(&unnamed, &at(300), &["mine".to_owned()], NameCase::Sensitive));
}

fn numbers() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((1..40_u64, 0..6_u64).prop_map(|(first, more)| (first, first + more)), 0..8)
}

fn of(intervals: &[(u64, u64)]) -> (GtidSet, BTreeSet<u64>) {
    let mut set = GtidSet::default();
    intervals.iter().for_each(|(first, last)| set.add(A, *first, *last));
    (set, intervals.iter().flat_map(|(first, last)| *first..=*last).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// A set is the transactions in it, however they were put in; and what the daemon makes of what is written is that.
    #[test]
    fn a_set_is_what_was_put_in(own in numbers(), executed in numbers()) {
        let ((own_set, own), (more_set, more)) = (of(&own), of(&executed));
        let shown: Vec<_> = own.iter().map(|number| format!(":{number}")).collect();
        if !own.is_empty() {
            prop_assert_eq!(&GtidSet::parse(&format!("{A}{}", shown.concat())).unwrap(), &own_set);
        }
        prop_assert_eq!(own_set.is_within(&more_set), own.is_subset(&more));
        let all: BTreeSet<u64> = own.union(&more).copied().collect();
        let mut executed_set = own_set.clone();
        more.iter().for_each(|number| executed_set.add(A, *number, *number));
        if let Ok(text) = own_set.for_the_daemon(&executed_set) {
            // From the first that the server has executed to the last that is written.
            let last = text.rsplit('-').next().unwrap().parse::<u64>().unwrap();
            let first = *all.iter().next().unwrap();
            prop_assert_eq!((first..=last).collect::<BTreeSet<_>>(), own);
        }
    }
}
