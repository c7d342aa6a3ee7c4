//! What is wrong in the configuration, and is mended in it.

use crate::replica::Replica;
use crate::{both, findings, is_gone, of, shop, stock};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use std::collections::BTreeMap;

fn configured(pairs: &[(String, String)]) -> Vec<ConfiguredSource> {
    let pairs: Vec<_> = pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    vec![ConfiguredSource::mysql("replica", &pairs)]
}

/// The lines between back quotes, as the configuration would have them.
fn lines(text: &str) -> Vec<(String, String)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.flat_map(|line| yaml_serde::from_str::<BTreeMap<String, String>>(line).unwrap()).collect()
}

/// Takes out what the findings say is to be taken out, and adds what is to be added.
#[test]
fn lines_of_schema_mappings_are_written_as_they_are_named() {
    let seed = || {
        Seed::of([
            shop().source_schema(Some("my shop")).dest_schema("yes"),
            stock().source_schema(Some("2: \"stock\"")).dest_schema("stock"),
        ])
    };
    let good = [("my shop", "yes"), ("2: \"stock\"", "stock")];
    let wrong: [&[(&str, &str)]; 5] = [
        &[good[0]],
        &[good[0], good[1], ("new", "newer")],
        &[good[0], ("2: \"stock\"", "store")],
        &[good[0], ("stock", "stock")],
        &[("my shop", "stock"), ("2: \"stock\"", "yes")],
    ];
    for pairs in wrong {
        let mut pairs: Vec<_> =
            pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let mut replica = Replica::of(&seed(), &configured(&pairs));
        for finding in of(&replica, "schema-mappings") {
            let text = finding["remedy"].as_str().unwrap();
            if text.starts_with("Take") {
                pairs.retain(|pair| !lines(text).contains(pair));
            } else {
                pairs.extend(lines(text));
            }
        }
        replica.configure(&configured(&pairs));
        is_gone(&replica, "schema-mappings");
        replica.upgrade(&[]).code(0);
    }
}

#[test]
fn a_pair_in_two_sources_is_left_in_one() {
    let second = ConfiguredSource::mysql("second", &[("my_shop", "shop")]);
    let mut replica = Replica::of(&Seed::of([shop(), stock()]), &[both().remove(0), second]);
    let found = of(&replica, "schema-mappings");
    assert_eq!(found[0]["remedy"], "Leave it in the one source that shall replicate it.");
    replica.configure(&both());
    is_gone(&replica, "schema-mappings");
    replica.upgrade(&[]).code(0);
}

#[test]
fn each_mysql_server_gets_a_source_of_its_own() {
    let source = |name: &str, at: &str| Source::new(name).table(Table::new("t")).batch(Batch::open(at));
    let seed = Seed::of([source("shop", "first-bin.000001:4"), source("stock", "second-bin.000001:4")]);
    let mut replica = Replica::of(&seed, &both());
    let found = of(&replica, "binlog-base-name");
    assert!(
        found[0]["remedy"].as_str().unwrap().starts_with("Give each MySQL server a source of its own"),
        "{found:?}"
    );
    replica.configure(&[
        ConfiguredSource::mysql("one", &[("my_shop", "shop")]),
        ConfiguredSource::mysql("two", &[("my_stock", "stock")]),
    ]);
    is_gone(&replica, "binlog-base-name");
    replica.upgrade(&[]).code(0);
}

#[test]
fn a_source_gets_a_shorter_name() {
    let named =
        |name: &str| vec![ConfiguredSource::mysql(name, &[("my_shop", "shop"), ("my_stock", "stock")])];
    let mut replica = Replica::of(&Seed::of([shop(), stock()]), &named(&"s".repeat(48)));
    let found = of(&replica, "names");
    assert!(found[0]["remedy"].as_str().unwrap().contains("a name of at most 47 bytes"), "{found:?}");
    replica.configure(&named(&"s".repeat(47)));
    is_gone(&replica, "names");
    replica.upgrade(&[]).code(0);
}

#[test]
fn a_source_of_another_type_is_taken_out() {
    let other = ConfiguredSource { kind: "pgsql".to_owned(), ..ConfiguredSource::mysql("pg", &[("a", "b")]) };
    let mut replica = Replica::of(&Seed::of([shop(), stock()]), &[both().remove(0), other]);
    let found = of(&replica, "source-types");
    let remedy = found[0]["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("Remove pg from the configuration, its lines"), "{found:?}");
    replica.configure(&both());
    is_gone(&replica, "source-types");
    replica.upgrade(&[]).code(0);
}

/// The database of the configuration is another one.
#[test]
fn the_database_of_the_replica_is_named() {
    let replica = Replica::of(&Seed::of([shop(), stock()]), &both());
    let mut elsewhere = Replica::empty(&both());
    let found = of(&elsewhere, "catalogue-version");
    assert!(found[0]["remedy"].as_str().unwrap().starts_with("Set pg_conn.database"), "{found:?}");
    elsewhere.home = replica.home;
    assert!(
        findings(&elsewhere).iter().all(|finding| finding["check"] == "offline"),
        "{:#?}",
        findings(&elsewhere)
    );
    elsewhere.upgrade(&[]).code(0);
}
