//! Where we say that what is in a table decides, or how it was defined, both happen: it goes well, and it goes wrong.

use chameleon_upgrade::daemon::asked::Answer;
use chameleon_upgrade::daemon::judge;
use chameleon_upgrade::window::Consequence;

use crate::generator::SCHEMA;
use crate::oracle::{self, Replica};

/// A statement, what makes it go well, and what makes it go wrong: before it, and the row after it.
struct Decided {
    statement: &'static str,
    well: (&'static str, &'static str),
    wrong: (&'static str, &'static str),
}

const DECIDED: &[Decided] = &[
    Decided {
        statement: "CREATE TABLE n (id int PRIMARY KEY, u int, UNIQUE KEY (u))",
        well: ("", "INSERT INTO d.n VALUES (1, 1)"),
        wrong: ("", "INSERT INTO d.n VALUES (1, NULL)"),
    },
    Decided {
        statement: "CREATE TABLE IF NOT EXISTS n (id int PRIMARY KEY)",
        well: ("", ""),
        wrong: ("CREATE TABLE d.n (id int)", ""),
    },
    Decided {
        statement: "CREATE TABLE a_table_with_a_long_name_2 (id int PRIMARY KEY, e enum('a'))",
        well: ("", ""),
        wrong: (
            "CREATE TYPE d.\"enum_a_table_with_a_long__e\" AS ENUM ('x');
             CREATE TABLE d.a_table_with_a_long_name_1 (id int, e d.\"enum_a_table_with_a_long__e\")",
            "INSERT INTO d.a_table_with_a_long_name_1 (id, e) VALUES (1, 'x')",
        ),
    },
    Decided {
        statement: "CREATE TABLE n (id int PRIMARY KEY, a_column_with_a_long_1 enum('a'), a_column_with_a_long_2 enum('b'))",
        well: ("", "INSERT INTO d.n VALUES (1, 'b', 'b')"),
        wrong: ("", "INSERT INTO d.n VALUES (1, 'a', 'b')"),
    },
    Decided {
        statement: "CREATE TABLE n (id int PRIMARY KEY, e enum('a\\\\b', 'c'))",
        well: ("", "INSERT INTO d.n VALUES (1, 'c')"),
        wrong: ("", "INSERT INTO d.n VALUES (1, 'a\\b')"),
    },
    Decided {
        statement: "ALTER TABLE n DROP COLUMN Name",
        well: ("CREATE TABLE d.n (id int, name text)", ""),
        wrong: ("CREATE TABLE d.n (id int, \"Name\" text)", ""),
    },
    Decided {
        statement: "ALTER TABLE n MODIFY c int",
        well: ("CREATE TABLE d.n (c text); INSERT INTO d.n VALUES ('1')", ""),
        wrong: ("CREATE TABLE d.n (c text); INSERT INTO d.n VALUES ('x')", ""),
    },
    Decided {
        statement: "ALTER TABLE n CHANGE c c2 datetime",
        well: ("CREATE TABLE d.n (c date)", ""),
        wrong: ("CREATE TABLE d.n (c integer)", ""),
    },
    Decided {
        statement: "ALTER TABLE n MODIFY a int, DROP c",
        well: ("CREATE TABLE d.n (a int, c int)", "INSERT INTO d.n (a) VALUES (1)"),
        wrong: ("CREATE TABLE d.n (a int, c int NOT NULL)", "INSERT INTO d.n (a) VALUES (1)"),
    },
    Decided {
        statement: "ALTER TABLE n MODIFY a int, MODIFY b varchar(9)",
        well: ("CREATE TABLE d.n (a int, b varchar(3))", "INSERT INTO d.n VALUES (1, 'abc')"),
        wrong: ("CREATE TABLE d.n (a int, b varchar(3))", "INSERT INTO d.n VALUES (1, 'abcd')"),
    },
    Decided {
        statement: "ALTER TABLE n DROP c, DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)",
        well: ("CREATE TABLE d.n (id int PRIMARY KEY, b int, c int)", "INSERT INTO d.n VALUES (1, 1)"),
        wrong: (
            "CREATE TABLE d.n (id int PRIMARY KEY, b int, c int)",
            "INSERT INTO d.n VALUES (1, 1); INSERT INTO d.n VALUES (1, 2)",
        ),
    },
    Decided {
        statement: "ALTER TABLE n ADD d date DEFAULT '20-10-01'",
        well: ("CREATE TABLE d.n (id int); SET LOCAL datestyle = 'ISO, YMD'", ""),
        wrong: ("CREATE TABLE d.n (id int); SET LOCAL datestyle = 'ISO, MDY'", ""),
    },
    Decided {
        statement: "TRUNCATE other.n",
        well: ("CREATE TABLE d.n (id int PRIMARY KEY)", "INSERT INTO d.n VALUES (1)"),
        wrong: (
            "CREATE TABLE d.n (id int PRIMARY KEY); INSERT INTO d.n VALUES (1)",
            "DO 'BEGIN ASSERT (SELECT count(*) FROM d.n) = 1; END'",
        ),
    },
    Decided {
        statement: "DROP /*!40005 TEMPORARY */ TABLE n",
        well: ("", ""),
        wrong: ("CREATE TABLE d.n (id int)", "INSERT INTO d.n VALUES (1)"),
    },
];

#[test]
fn what_the_data_decides_goes_both_ways() {
    let Some(program) = oracle::daemon("what_the_data_decides_goes_both_ways") else { return };
    let texts: Vec<_> = DECIDED.iter().map(|it| it.statement).collect();
    let answers = oracle::ask(&program, &texts);
    let mut replica = Replica::new();
    for Decided { statement, well, wrong } in DECIDED {
        assert_eq!(judge(SCHEMA, statement).map(|it| it.consequence), Some(Consequence::Open), "{statement}");
        let Some(Answer::Taken { ddl, .. }) = answers.of(statement) else { panic!("{statement} ends it") };
        let mut run = |(before, after): &(&str, &str)| {
            replica.run(&format!("{before}; {}; {after}", ddl.join(";")), "SELECT 1")
        };
        assert_eq!(run(well), Ok(vec!["1".to_owned()]), "{statement} goes well");
        assert!(run(wrong).is_err(), "{statement} goes wrong");
    }
}
