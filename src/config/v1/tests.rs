//! The conversion held against what was put in: whatever the names and passwords, nothing is lost or mixed up.

use super::{OldConfiguration, convert};
use crate::config::{Configuration, quoted};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What an old file says.
#[derive(Debug, Clone)]
struct Old {
    host: usize,
    my_database: String,
    dest_schema: String,
    tables: Vec<String>,
}

const HOSTS: [&str; 3] = ["a", "b.example", "10.0.0.1"];

fn text(old: &Old, number: usize, password: &str) -> String {
    let tables: String = old.tables.iter().map(|table| format!("  - {}\n", quoted(table))).collect();
    format!(
        "my_database: {}\ndest_schema: {}\nsource_name: s{number}\npg_database: d\nmysql_conn:\n  host: {}\n  user: u\n  \
         passwd: {}\npg_conn: {{host: h, port: 5432, user: p, password: x}}\ntables_limit:\n{tables}",
        quoted(&old.my_database),
        quoted(&old.dest_schema),
        HOSTS[old.host],
        quoted(password),
    )
}

fn old() -> impl Strategy<Value = Old> {
    let name = || "[^\\x00.]{1,8}|yes|~|[0-9]{1,3}";
    let tables = prop::collection::vec("[^\\x00.]{1,6}", 0..3);
    (0..HOSTS.len(), name(), name(), tables).prop_map(|(host, my_database, dest_schema, tables)| Old {
        host,
        my_database,
        dest_schema,
        tables,
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_or_mixed_up(all in prop::collection::vec(old(), 1..6), password in "[^\\x00]{0,20}") {
        let files: Vec<_> = (0..).zip(&all).map(|(number, old)| {
            OldConfiguration::parse(Path::new("old.yaml"), &text(old, number, &password)).unwrap()
        }).collect();
        let destinations: BTreeSet<_> = all.iter().map(|old| &old.dest_schema).collect();
        let origins: BTreeSet<_> = all.iter().map(|old| (old.host, &old.my_database)).collect();
        let is_well = destinations.len() == all.len() && origins.len() == all.len();
        let converted = convert(&files);
        prop_assert_eq!(converted.is_ok(), is_well, "{:?}", converted.err());
        if let Ok(conversion) = convert(&files) {
            let new = Configuration::parse(PathBuf::from("new.yml"), &conversion.text).unwrap();
            let pairs: usize = new.sources.iter().map(|source| source.schema_mappings.len()).sum();
            prop_assert_eq!(pairs, all.len());
            for old in &all {
                let source = new.sources.iter().find(|it| it.mysql.as_ref().unwrap().host == HOSTS[old.host]).unwrap();
                let mapped = source.schema_mappings.iter().find(|pair| pair.source_schema == old.my_database);
                prop_assert_eq!(&mapped.unwrap().dest_schema, &old.dest_schema);
                let new_password = source.mysql.as_ref().unwrap().password.as_ref().map(|it| it.expose());
                prop_assert_eq!(new_password.unwrap_or_default(), password.as_str());
                for table in &old.tables {
                    prop_assert!(source.tables.are_read(&old.my_database, table));
                }
                prop_assert_eq!(source.tables.are_read(&old.my_database, "of_no_list"), old.tables.is_empty());
            }
        }
    }
}
