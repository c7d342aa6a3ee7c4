use super::*;

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn on_mysql(columns: &[(&str, &str)], key: &[&str]) -> OnMysql {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    OnMysql { name: "t".into(), columns, key: names(key) }
}

fn in_postgres(columns: &[(&str, &str)], key: &[&str], registered: &[&str]) -> InPostgres {
    let column = |(name, kind): &(&str, &str)| Column {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        ..Column::default()
    };
    InPostgres {
        columns: columns.iter().map(column).collect(),
        key: names(key),
        registered: Some(names(registered)),
    }
}

fn of_types(mysql: &str, postgres: &str) -> Vec<Difference> {
    differences(&on_mysql(&[("a", mysql)], &[]), &in_postgres(&[("a", postgres)], &[], &[]))
}

#[test]
fn a_composite_key_that_was_registered_by_its_first_column_is_found() {
    let columns = [("shop", "int(11)"), ("item", "int(11)")];
    let there = [("shop", "integer"), ("item", "integer")];
    let found =
        differences(&on_mysql(&columns, &["shop", "item"]), &in_postgres(&there, &["shop"], &["shop"]));
    let key = names(&["item", "shop"]);
    let by = names(&["shop"]);
    let both = [Difference::Registered { by: by.clone(), key: key.clone() }, Difference::Key { is: by, key }];
    assert_eq!(found, both);
    let whole = ["item", "shop"];
    assert_eq!(differences(&on_mysql(&columns, &whole), &in_postgres(&there, &whole, &whole)), []);
    let without = in_postgres(&there, &[], &whole);
    assert_eq!(differences(&on_mysql(&columns, &whole), &without), [], "no primary key is another check's");
    let more = in_postgres(&there, &["item", "shop", "at"], &whole);
    assert_eq!(
        differences(&on_mysql(&columns, &whole), &more),
        [],
        "a key of more columns keeps no row away"
    );
}

#[test]
fn a_column_that_only_one_side_has_is_found_when_rows_need_it() {
    let there = in_postgres(&[("id", "integer"), ("own", "integer")], &["id"], &["id"]);
    let mysql = on_mysql(&[("id", "int"), ("extra", "int")], &["id"]);
    assert_eq!(differences(&mysql, &there), [Difference::Missing("extra".into())]);
    let mut required = there.clone();
    required.columns[1].required = true;
    let alike = on_mysql(&[("id", "int")], &["id"]);
    assert_eq!(differences(&alike, &required), [Difference::Required("own".into())]);
    assert_eq!(differences(&alike, &there), []);
    let renamed = on_mysql(&[("ID", "int")], &["ID"]);
    assert!(differences(&renamed, &there).contains(&Difference::Missing("ID".into())), "letters count");
}

#[test]
fn long_names_are_compared_as_postgresql_cuts_them() {
    let long = "c".repeat(64);
    let cut = "c".repeat(63);
    let umlauts = "ü".repeat(64);
    let cut_umlauts = "ü".repeat(31);
    let mysql = on_mysql(&[(&long, "int"), (&umlauts, "int")], &[&long]);
    let there = in_postgres(&[(&cut, "integer"), (&cut_umlauts, "integer")], &[&cut], &[&long]);
    assert_eq!(differences(&mysql, &there), []);
}

#[test]
fn what_holds_less_is_found_and_what_holds_more_is_not() {
    let fits = [
        ("int(11)", "integer"),
        ("int unsigned", "integer"),
        ("tinyint(1)", "boolean"),
        ("tinyint(4)", "smallint"),
        ("mediumint(8) unsigned", "bigint"),
        ("bigint(20) unsigned", "bigint"),
        ("int(11)", "numeric"),
        ("varchar(20)", "character varying(20)"),
        ("varchar(20)", "character varying"),
        ("varchar(20)", "text"),
        ("char(36)", "uuid"),
        ("longtext", "text"),
        ("longtext", "json"),
        ("decimal(10,2)", "numeric(10,2)"),
        ("decimal(10,2)", "numeric"),
        ("decimal(10,2)", "numeric(20,4)"),
        ("decimal(10,0) unsigned", "numeric(10,0)"),
        ("datetime", "timestamp without time zone"),
        ("timestamp(6)", "timestamp without time zone"),
        ("year(4)", "integer"),
        ("double", "double precision"),
        ("blob", "bytea"),
        ("set('a','b')", "text"),
        ("bit(1)", "boolean"),
        ("point", "bytea"),
    ];
    for (mysql, postgres) in fits {
        assert_eq!(of_types(mysql, postgres), [], "{mysql} in {postgres}");
    }
    let too_small = [
        ("bigint(20)", "integer"),
        ("int", "smallint"),
        ("mediumint(9)", "smallint"),
        ("varchar(40)", "character varying(20)"),
        ("char(3)", "character(2)"),
        ("text", "character varying(20)"),
        ("decimal(12,2)", "numeric(10,2)"),
        ("decimal(10,4)", "numeric(10,2)"),
        ("decimal(10,3)", "numeric(10,2)"),
        ("varchar(40)", "integer"),
        ("text", "numeric(10,2)"),
        ("varchar(10)", "timestamp without time zone"),
        ("varchar(10)", "date"),
    ];
    for (mysql, postgres) in too_small {
        let [Difference::Type { column, .. }] = &of_types(mysql, postgres)[..] else {
            panic!("{mysql} in {postgres}")
        };
        assert_eq!(column, "a");
    }
}

#[test]
fn a_label_that_an_enum_lacks_is_found() {
    let with = |labels: &[&str]| {
        let mut there = in_postgres(&[("a", "enum_t_a")], &[], &[]);
        there.columns[0].labels = Some(labels.iter().map(|label| (*label).to_owned()).collect());
        there
    };
    let mysql = on_mysql(&[("a", "enum('it''s, so','','x)','\\y')")], &[]);
    assert_eq!(differences(&mysql, &with(&["it's, so", "", "x)", "more"])), []);
    let lacking = Difference::Label { column: "a".into(), label: "it's, so".into() };
    assert_eq!(differences(&mysql, &with(&["", "x)"])), [lacking]);
    let text = on_mysql(&[("a", "varchar(5)")], &[]);
    assert!(matches!(&differences(&text, &with(&["a"]))[..], [Difference::Type { .. }]), "any text");
}

#[test]
fn each_difference_is_a_sentence() {
    let found = [
        Difference::Registered { by: names(&["shop"]), key: names(&["shop", "item"]) },
        Difference::Key { is: names(&["shop"]), key: names(&["shop", "item"]) },
        Difference::Missing("extra".into()),
        Difference::Required("own".into()),
        Difference::Type { column: "a".into(), mysql: "bigint(20)".into(), postgres: "integer".into() },
        Difference::Label { column: "a".into(), label: "x".into() },
    ];
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    let expected = [
        "its rows are found by (shop), and its key on MySQL is (item, shop)",
        "its primary key is (shop), and on MySQL (item, shop)",
        "it has no column extra",
        "its column own is not on MySQL, and wants a value (NOT NULL)",
        "its column a is integer, and on MySQL bigint(20)",
        "the enum of its column a lacks the label 'x'",
    ];
    assert_eq!(texts, expected);
}
