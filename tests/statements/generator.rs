//! Statements as they stand in the binary logs of MySQL and MariaDB: of every form of their manuals, with every type, hostile
//! names, comments and spaces, and what each leaves on MySQL.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A statement, and what MySQL has when it has run.
#[derive(Debug, Clone)]
pub struct Generated {
    pub text: String,
    /// What it is, in a word: for counting.
    pub form: &'static str,
    pub effect: Effect,
}

/// What a statement leaves on MySQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A table of the fixture, by the name that it has then, with these columns.
    Columns {
        table: String,
        columns: Vec<String>,
    },
    /// A new table.
    Created {
        table: String,
        columns: Vec<String>,
        has_key: bool,
    },
    Emptied(String),
    Dropped(String),
    /// A table of the fixture without its key, with these columns.
    Keyless {
        table: String,
        columns: Vec<String>,
    },
    /// Something in another schema.
    Elsewhere,
    /// Nothing that concerns a table.
    Nothing,
}

/// The session's schema, which is replicated.
pub const SCHEMA: &str = "my_shop";

/// The tables of the fixture.
pub const TABLES: [&str; 18] = [
    "items",
    "Items",
    "tables",
    "table_of_all",
    "order",
    "total",
    "today",
    "if_only",
    "column_x",
    "index_x",
    "drop",
    "a b",
    "x-y",
    "a.b",
    "back`tick",
    "naïve",
    "名前一覧表",
    "देवनागरी",
];

/// A name of 64 letters, MySQL's longest.
pub const LONGEST: &str = "a_name_that_is_as_long_as_mysql_has_them_and_longer_than_postgre";

/// The columns of every table of the fixture, each of them text and without a value, but for the first, which is the key.
pub const COLUMNS: [&str; 28] = [
    "id",
    "name",
    "note",
    "Total",
    "order",
    "user",
    "left",
    "if",
    "year",
    "key",
    "key_no",
    "index_no",
    "unique_no",
    "check_in",
    "constraint_x",
    "column_a",
    "columns",
    "primary_x",
    "foreign_x",
    "fulltext_x",
    "a b",
    "x-y",
    "1st",
    "$x",
    "naïve",
    "名前",
    "देव",
    "back`tick",
];

/// What new columns are called.
const NEW_COLUMNS: [&str; 24] = [
    "price",
    "qty",
    "Created",
    "group",
    "select",
    "key_2",
    "index2",
    "uniqueness",
    "check_out",
    "constraints",
    "column_b",
    "column",
    "first",
    "after",
    "comment",
    "spatial_x",
    "ctid",
    "xmin",
    "c d",
    "x.y",
    "2nd",
    "größe",
    "価格",
    "हिन्दी",
];

/// Words that MySQL reads as names only in quotes.
const MYSQL_RESERVED: [&str; 12] =
    ["order", "left", "if", "key", "group", "select", "column", "drop", "index", "unique", "check", "table"];

/// What a column of this type may look like.
struct Type {
    text: String,
    default: Option<String>,
    /// Whether it may be of a key as it is.
    indexable: bool,
}

pub struct Generator {
    random: StdRng,
    /// How keywords are written.
    upper: u8,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), upper: 0 }
    }

    pub fn next(&mut self) -> Generated {
        self.upper = self.below(10) as u8;
        let form = self.below(100);
        match form {
            0..28 => self.create_table(),
            28..75 => self.alter_table(),
            75..78 => self.drop_table(),
            78..81 => self.truncate(),
            81..84 => self.rename_table(),
            84..90 => self.index(),
            _ => self.anything_else(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn chance(&mut self, of: f64) -> bool {
        self.random.random_bool(of)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A keyword, or several: in the letters of this statement, mostly.
    fn word(&mut self, words: &str) -> String {
        match self.upper {
            0..5 => words.to_uppercase(),
            5..8 => words.to_lowercase(),
            _ => words
                .chars()
                .map(|it| if self.chance(0.5) { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() })
                .collect(),
        }
    }

    /// A name as it may be written.
    fn name(&mut self, name: &str) -> String {
        let plain = name.chars().all(|it| it.is_alphanumeric() || it == '_' || it == '$')
            && !name.chars().any(|it| it > '\u{ffff}')
            && !MYSQL_RESERVED.contains(&name.to_lowercase().as_str());
        if plain && name != "1st" && name != "2nd" && self.chance(0.6) || plain && self.chance(0.1) {
            return name.to_owned();
        }
        if name != "back`tick" && self.chance(0.02) {
            return format!("\"{name}\"");
        }
        format!("`{}`", name.replace('`', "``"))
    }

    /// What stands between two words.
    fn space(&mut self) -> &'static str {
        match self.below(400) {
            0..6 => "  ",
            6..10 => "\n",
            10..12 => "\t",
            12 => "\r\n  ",
            13 => " /* why */ ",
            14 => "/**/",
            15 => " /* it's */ ",
            16 => " -- why\n",
            17 => " # why\n",
            18 => " /* one\n two */ ",
            _ => " ",
        }
    }

    /// What stands around a sign, where nothing need stand.
    fn gap(&mut self) -> &'static str {
        match self.below(60) {
            0..6 => " ",
            6 => "\n",
            7 => "/* x */",
            _ => "",
        }
    }

    /// Puts words together.
    fn put(&mut self, words: &[String]) -> String {
        let mut text = String::new();
        for word in words.iter().filter(|word| !word.is_empty()) {
            if !text.is_empty() {
                text.push_str(self.space());
            }
            text.push_str(word);
        }
        text
    }

    fn list(&mut self, all: &[String]) -> String {
        let mut text = String::new();
        for one in all {
            if !text.is_empty() {
                text.push_str(self.gap());
                text.push(',');
                text.push_str(if self.chance(0.6) { " " } else { self.gap() });
            }
            text.push_str(one);
        }
        text
    }

    fn parentheses(&mut self, inside: &str) -> String {
        format!("({}{inside}{})", self.gap(), self.gap())
    }

    /// What stands around a whole statement.
    fn finish(&mut self, text: String, form: &'static str, effect: Effect) -> Generated {
        let text = match self.below(150) {
            0 => format!("/* by hand */ {text}"),
            1 => format!("-- by hand\n{text}"),
            2 => format!("{text} /* generated by server */"),
            3 => format!("{text};"),
            4 => format!("{text} ; "),
            5 => format!(" \n{text}\n"),
            6 => format!("# by hand\n{text}"),
            7 => format!("{text} -- by hand"),
            8 => format!("/*!40000 {text} */"),
            9 => format!("{text}{}", " /* x */".repeat(self.below(20))),
            _ => text,
        };
        Generated { text, form, effect }
    }

    fn length(&mut self, from: usize, to: usize) -> usize {
        self.random.random_range(from..=to)
    }

    /// A type of either server, with a default that it takes.
    fn kind(&mut self) -> Type {
        let mut indexable = true;
        let (text, default): (String, Option<String>) = match self.below(54) {
            0..8 => {
                let kind =
                    self.pick(&["int", "tinyint", "smallint", "mediumint", "bigint", "integer", "int"]);
                let width =
                    if self.chance(0.3) { format!("({})", self.length(1, 20)) } else { String::new() };
                let sign = self.pick(&["", "", "", " unsigned", " unsigned zerofill", " signed"]);
                let default = self.pick(&[
                    "0", "1", "-1", "'0'", "'5'", "' 7 '", "007", "NULL", "TRUE", "false", "1e1", "(1 + 1)",
                    "+1",
                ]);
                (format!("{kind}{width}{sign}"), Some(default.to_owned()))
            }
            8..14 => {
                let kind = self.pick(&["varchar", "varchar", "varchar", "VARCHAR", "char", "char varying"]);
                let charset = self.pick(&[
                    "",
                    "",
                    "",
                    " character set utf8mb4",
                    " collate utf8mb4_bin",
                    " CHARSET latin1",
                    " binary",
                ]);
                let length = self.pick(&["10", "255", " 20 ", "1", "0", "10"]);
                let default = self.pick(&[
                    "''",
                    "'x'",
                    "\"x\"",
                    "'it\\'s'",
                    "'it''s'",
                    "\"it's\"",
                    "'a\\\\b'",
                    "'%s'",
                    "'5'",
                    "5",
                    "'a -- b'",
                    "'/* x */'",
                    "NULL",
                    "'a,b'",
                    "'(x)'",
                    "'a;b'",
                    "CURRENT_USER",
                    "uuid()",
                    "_utf8mb4'x'",
                    "N'x'",
                    "0x41",
                    "x'41'",
                ]);
                (format!("{kind}({length}){charset}"), Some(default.to_owned()))
            }
            14 => ("char".to_owned(), Some("'x'".to_owned())),
            15 => (
                self.pick(&[
                    "nchar(5)",
                    "national varchar(5)",
                    "nvarchar(5)",
                    "character(5)",
                    "character varying(5)",
                    "national char(5)",
                    "long varchar",
                ])
                .to_owned(),
                None,
            ),
            16..20 => {
                indexable = false;
                (
                    self.pick(&[
                        "text",
                        "tinytext",
                        "mediumtext",
                        "longtext",
                        "text(100)",
                        "blob",
                        "tinyblob",
                        "mediumblob",
                        "longblob",
                        "blob(10)",
                        "long",
                        "clob",
                    ])
                    .to_owned(),
                    None,
                )
            }
            20..25 => {
                let kind = self.pick(&[
                    "decimal(10,2)",
                    "decimal(10, 2)",
                    "decimal(5)",
                    "decimal",
                    "numeric(10,2)",
                    "dec(5)",
                    "fixed(5,1)",
                    "decimal( 8 , 3 )",
                    "DECIMAL(65,30)",
                    "decimal(0)",
                    "decimal(3, 0) unsigned",
                ]);
                let default = self.pick(&["0", "0.00", "'0.00'", "'1'", "1", "NULL", "1e1"]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            25..28 => {
                let kind = self.pick(&[
                    "float",
                    "double",
                    "real",
                    "float(7,4)",
                    "double precision",
                    "double(10, 3)",
                    "float unsigned",
                    "float4",
                    "float8",
                ]);
                let default = self.pick(&["0", "0.5", "'0.5'", "1e3", "NULL", "'1e3'"]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            28 => (
                self.pick(&[
                    "int1",
                    "int2",
                    "int3",
                    "int4",
                    "int8",
                    "middleint",
                    "serial",
                    "number(5)",
                    "varchar2(5)",
                    "raw(5)",
                ])
                .to_owned(),
                None,
            ),
            29..31 => {
                let kind = self.pick(&["bit", "bit(1)", "bit(8)", "bool", "boolean"]);
                let default = self.pick(&["0", "1", "b'0'", "'1'", "TRUE", "NULL", "'0'"]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            31..34 => {
                let kind = self.pick(&[
                    "datetime",
                    "timestamp",
                    "datetime(6)",
                    "timestamp(3)",
                    "timestamp NULL",
                    "datetime",
                ]);
                let default = self.pick(&[
                    "CURRENT_TIMESTAMP",
                    "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
                    "current_timestamp()",
                    "CURRENT_TIMESTAMP(6)",
                    "NOW()",
                    "NULL",
                    "'2020-01-31 10:00:00'",
                    "'2020-01-01'",
                    "'0000-00-00 00:00:00'",
                    "'2020-01-01 10:00:00.5'",
                    "20200101",
                    "'20200101'",
                    "0",
                    "LOCALTIMESTAMP",
                    "LOCALTIME",
                    "'2020/1/1'",
                    "CURRENT_DATE",
                    "'2020-01-01T10:00:00'",
                ]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            34..36 => {
                let default = self.pick(&[
                    "'2020-02-29'",
                    "'0000-00-00'",
                    "'2020-00-10'",
                    "'0000-01-01'",
                    "NULL",
                    "CURRENT_DATE",
                    "20200101",
                    "'2020-1-2'",
                    "'9999-12-31'",
                    "(curdate())",
                ]);
                ("date".to_owned(), Some(default.to_owned()))
            }
            36 => {
                let kind = self.pick(&["time", "time(3)"]);
                let default = self.pick(&[
                    "'10:00:00'",
                    "'25:00:00'",
                    "'-01:00:00'",
                    "'838:59:59'",
                    "'24:00:00'",
                    "'24:00:01'",
                    "NULL",
                    "0",
                    "CURRENT_TIME",
                    "'10:11'",
                    "'10:00:00.5'",
                ]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            37 => {
                let kind = self.pick(&["year", "year(4)"]);
                (kind.to_owned(), Some(self.pick(&["2020", "'2020'", "0", "NULL"]).to_owned()))
            }
            38..40 => {
                let kind = self.pick(&["binary(3)", "varbinary(10)", "binary"]);
                let default = self.pick(&["'abc'", "''", "NULL", "0x00", "'a\\\\b'", "'\\0'"]);
                (kind.to_owned(), Some(default.to_owned()))
            }
            40..46 => self.labels(),
            46 => {
                indexable = false;
                let default = self.pick(&["NULL", "'{}'", "'[1, 2]'", "'nonsense'", "('{}')", "5"]);
                ("json".to_owned(), Some(default.to_owned()))
            }
            47..49 => {
                indexable = false;
                (
                    self.pick(&[
                        "geometry",
                        "point",
                        "linestring",
                        "polygon",
                        "multipoint",
                        "multilinestring",
                        "multipolygon",
                        "geometrycollection",
                        "geomcollection",
                        "point srid 4326",
                    ])
                    .to_owned(),
                    None,
                )
            }
            49 => {
                indexable = false;
                (self.pick(&["inet6", "inet4", "uuid", "vector(3)", "xmltype"]).to_owned(), None)
            }
            _ => ("int".to_owned(), Some("1".to_owned())),
        };
        let text = match self.below(12) {
            0 => text.to_uppercase(),
            1 if !text.contains('\'') => text.replace('(', " ("),
            _ => text,
        };
        Type { text, default, indexable }
    }

    fn labels(&mut self) -> (String, Option<String>) {
        let many = self.length(1, 3);
        let all = [
            "'a'",
            "'b c'",
            "'C'",
            "\"d\"",
            "'it\\'s'",
            "'it''s'",
            "\"it's\"",
            "'e,f'",
            "'(g)'",
            "'ü'",
            "''",
            "'--'",
            "'h-- x'",
            "'/* i */'",
            "'j\\\\k'",
            "'l|m'",
            "'n;'",
        ];
        let first = if self.chance(0.7) { 0 } else { self.below(all.len()) };
        let mut labels = vec![all[first].to_owned()];
        for _ in 1..many {
            let at = if self.chance(0.7) { self.below(4) } else { self.below(all.len()) };
            if !labels.contains(&all[at].to_owned()) {
                labels.push(all[at].to_owned());
            }
        }
        if self.chance(0.02) {
            labels.push(format!("'{}'", "long".repeat(16)));
        }
        let default = if self.chance(0.7) { labels[0].clone() } else { "NULL".to_owned() };
        let kind = self.pick(&["enum", "enum", "enum", "set", "ENUM"]);
        let inside = self.list(&labels);
        (format!("{kind}{}", self.parentheses(&inside)), Some(default))
    }

    /// The definition of a column behind its name; whether it makes a key.
    fn definition(&mut self, kind: &Type, keyed: bool) -> (String, bool) {
        let mut words = vec![kind.text.clone()];
        let mut has_key = false;
        let mut not_null = false;
        if self.chance(0.3) {
            not_null = true;
            words.push(if self.chance(0.02) { "NOT/**/NULL".to_owned() } else { self.word("not null") });
        } else if self.chance(0.15) {
            words.push(self.word("null"));
        }
        if let Some(default) = &kind.default
            && self.chance(0.4)
            && !(not_null && default == "NULL")
        {
            words.push(self.word("default"));
            words.push(default.clone());
        }
        if keyed && self.chance(0.05) && kind.indexable {
            let key = self.pick(&["UNIQUE", "UNIQUE KEY", "KEY"]);
            has_key = true;
            words.push(key.to_owned());
        }
        if self.chance(0.1) {
            words.push(self.word("comment"));
            words.push(
                self.pick(&[
                    "'why'",
                    "'it''s'",
                    "\"x\"",
                    "'a, b'",
                    "'(c'",
                    "'a -- b'",
                    "'/* c */'",
                    "'it\\'s'",
                    "'d;'",
                    "''",
                    "'é'",
                ])
                .to_owned(),
            );
        }
        if self.chance(0.04) {
            let more = [
                "COLUMN_FORMAT DYNAMIC",
                "STORAGE DISK",
                "INVISIBLE",
                "/*!80023 INVISIBLE */",
                "CHECK (1 > 0)",
                "REFERENCES other (id)",
                "WITHOUT SYSTEM VERSIONING",
                "COLLATE utf8mb4_bin",
                "VISIBLE",
                "COMPRESSED",
                "CHECK (json_valid(`x`))",
                "REF_SYSTEM_ID=0",
                "SECONDARY_ENGINE_ATTRIBUTE='{}'",
            ];
            words.push(self.pick(&more).to_owned());
        }
        (self.put(&words), has_key)
    }

    /// A generated column.
    fn generated(&mut self) -> String {
        self.pick(&[
            "int GENERATED ALWAYS AS (1 + 1) STORED",
            "int AS (id * 2)",
            "varchar(10) AS (concat('a', 'b')) VIRTUAL",
            "int GENERATED ALWAYS AS (id) PERSISTENT",
            "timestamp(6) GENERATED ALWAYS AS ROW START",
        ])
        .to_owned()
    }

    fn create_table(&mut self) -> Generated {
        let table = match self.below(30) {
            0 => LONGEST.to_owned(),
            1 => "a_table_with_a_long_name".to_owned(),
            2 => "表の名前はとても長いのです表の名前".to_owned(),
            3 => "new-table".to_owned(),
            4 => "if".to_owned(),
            5 => "table".to_owned(),
            6 => "new table".to_owned(),
            _ => format!("new_{}", self.below(1000)),
        };
        let name = self.name(&table);
        let if_not_exists = match self.below(20) {
            0..3 => self.word("if not exists"),
            3 => "/*!32312 IF NOT EXISTS*/".to_owned(),
            _ => String::new(),
        };
        let (name, elsewhere) = self.qualified(name, 0.02);
        let head = [self.word("create"), self.word("table"), if_not_exists, name];
        if self.chance(0.04) {
            return self.other_create(table, head);
        }
        let mut columns: Vec<String> = Vec::new();
        let mut definitions = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        let mut has_key = false;
        let inline = self.chance(0.35);
        let without_key = self.chance(0.05);
        let id = self.pick(&["id", "id", "id", "ID", "Id", "key_id", "order", "i d", "código"]);
        let counts = self.pick(&["", "", " AUTO_INCREMENT", " auto_increment", " AUTO_INCREMENT"]);
        let null = self.pick(&[" NOT NULL", " not null", ""]);
        let kind = self.pick(&[
            "int",
            "bigint unsigned",
            "int(11)",
            "BIGINT(20)",
            "smallint",
            "varchar(20)",
            "char(3)",
            "binary(16)",
            "mediumint unsigned",
        ]);
        let counts = if kind.contains("int") { counts } else { "" };
        let id_written = self.name(id);
        let mut first = format!("{id_written} {kind}{null}{counts}");
        if without_key {
            first = format!("{id_written} {kind}{null}");
        } else if inline {
            first.push_str(self.pick(&[
                " PRIMARY KEY",
                " primary key",
                " KEY",
                " PRIMARY KEY",
                " PRIMARY  KEY",
            ]));
            has_key = true;
        }
        columns.push(id.to_owned());
        definitions.push(first);
        for _ in 0..self.below(5) {
            let column = self.pick(&NEW_COLUMNS);
            if columns.iter().any(|known| known.to_lowercase() == column.to_lowercase()) {
                continue;
            }
            let written = self.name(column);
            if self.chance(0.02) {
                let generated = self.generated();
                definitions.push(format!("{written} {generated}"));
            } else {
                let kind = self.kind();
                let (definition, keyed) = self.definition(&kind, without_key);
                has_key |= keyed;
                definitions.push(format!("{written}{}{definition}", self.space()));
                if kind.indexable && self.chance(0.12) {
                    keys.push(column.to_owned());
                }
            }
            columns.push(column.to_owned());
        }
        if !inline && !without_key {
            has_key = true;
            let part = self.key_part(id, 0.02, kind.contains("char"));
            let name = self.pick(&[
                "PRIMARY KEY",
                "PRIMARY KEY",
                "primary key",
                "CONSTRAINT pk PRIMARY KEY",
                "CONSTRAINT PRIMARY KEY",
                "PRIMARY  KEY",
            ]);
            let using =
                self.pick(&["", "", "", "", "", "", "", "", "", "", "", "", " USING BTREE", " COMMENT 'x'"]);
            let parts = self.parentheses(&part);
            let space = self.pick(&[" ", "", " "]);
            definitions.push(format!("{name}{space}{parts}{using}"));
        }
        for column in keys {
            let (definition, unique) = self.key_definition(&column);
            if definition.is_empty() {
                continue;
            }
            has_key |= unique;
            definitions.push(definition);
        }
        if self.chance(0.05) {
            definitions.push(
                self.pick(&[
                    "CONSTRAINT fk FOREIGN KEY (id) REFERENCES other (id)",
                    "FOREIGN KEY (id) REFERENCES other (id) ON DELETE CASCADE",
                    "CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `other` (`id`)",
                    "CHECK (id > 0)",
                    "CONSTRAINT c CHECK (id > 0)",
                    "FOREIGN KEY fk (id) REFERENCES other (id)",
                    "FOREIGN KEY (id) REFERENCES s.other (id)",
                    "PERIOD FOR SYSTEM_TIME (a, b)",
                ])
                .to_owned(),
            );
        }
        let inside = self.list(&definitions);
        let mut text = self.put(&head);
        text.push_str(self.pick(&[" ", "", " ", "\n"]));
        text.push_str(&self.parentheses(&inside));
        text.push_str(self.pick(&[
            "",
            "",
            "",
            " ENGINE=InnoDB",
            " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='it''s'",
            " PARTITION BY HASH (id) PARTITIONS 4",
            " /*!50100 PARTITION BY RANGE (id)\n(PARTITION p0 VALUES LESS THAN (10)) */",
            " AUTO_INCREMENT=5, ROW_FORMAT=COMPRESSED",
            " START TRANSACTION",
        ]));
        let effect = if elsewhere { Effect::Elsewhere } else { Effect::Created { table, columns, has_key } };
        self.finish(text, "CREATE TABLE", effect)
    }

    /// CREATE TABLE … LIKE, … SELECT, and what else makes a table.
    fn other_create(&mut self, table: String, head: [String; 4]) -> Generated {
        let mut head = head.to_vec();
        let (form, more) = match self.below(6) {
            0 => ("CREATE TABLE LIKE", "LIKE items"),
            1 => ("CREATE TABLE LIKE", "(LIKE items)"),
            2 => ("CREATE TABLE SELECT", "AS SELECT 1 AS id"),
            3 => ("CREATE TABLE SELECT", "(id int PRIMARY KEY) SELECT 1 AS id"),
            4 => {
                head[0] = self.word("create or replace");
                ("CREATE OR REPLACE TABLE", "(id int PRIMARY KEY)")
            }
            _ => {
                head[0] = self.word("create temporary");
                ("CREATE TEMPORARY TABLE", "(id int PRIMARY KEY)")
            }
        };
        head.push(more.to_owned());
        let text = self.put(&head);
        // What it is filled with does not come in its rows.
        let effect = match form {
            "CREATE TEMPORARY TABLE" => Effect::Nothing,
            "CREATE TABLE SELECT" => {
                Effect::Created { table, columns: vec!["id".into(), "rows".into()], has_key: true }
            }
            _ => Effect::Created { table, columns: vec!["id".into()], has_key: true },
        };
        self.finish(text, form, effect)
    }

    fn key_part(&mut self, column: &str, odd: f64, has_prefix: bool) -> String {
        let written = if self.chance(0.05) { column.to_uppercase() } else { column.to_owned() };
        let written = self.name(&written);
        if self.chance(odd) {
            return self.pick_owned(&[
                format!("{written} DESC"),
                format!("{written} ASC"),
                format!("({written} + 1)"),
                format!("(lower({written}))"),
            ]);
        }
        if has_prefix && self.chance(0.1) { format!("{written}(2)") } else { written }
    }

    fn pick_owned(&mut self, all: &[String]) -> String {
        all[self.below(all.len())].clone()
    }

    /// A key of a column, and whether it tells rows apart.
    fn key_definition(&mut self, column: &str) -> (String, bool) {
        let part = self.key_part(column, 0.1, false);
        let parts = self.parentheses(&part);
        let (kind, unique) = self.pick(&[
            ("KEY k_1", false),
            ("INDEX k_2", false),
            ("KEY", false),
            ("INDEX", false),
            ("UNIQUE KEY u_1", true),
            ("UNIQUE INDEX u_2", true),
            ("UNIQUE", true),
            ("UNIQUE u_3", true),
            ("CONSTRAINT u_4 UNIQUE", true),
            ("CONSTRAINT u_5 UNIQUE KEY", true),
            ("unique key `u 6`", true),
            ("KEY `k-7`", false),
            ("FULLTEXT KEY f_1", false),
            ("FULLTEXT f_2", false),
            ("FULLTEXT KEY", false),
            ("SPATIAL INDEX s_1", false),
            ("KEY k_8 USING BTREE", false),
        ]);
        let more = self.pick(&[
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            " USING BTREE",
            " COMMENT 'x'",
            " KEY_BLOCK_SIZE=8",
            " INVISIBLE",
        ]);
        let space = self.pick(&[" ", "", " "]);
        (format!("{kind}{space}{parts}{more}"), unique)
    }

    /// Puts a schema before a name, sometimes another than the session's.
    fn qualified(&mut self, name: String, of: f64) -> (String, bool) {
        if !self.chance(of) {
            return (name, false);
        }
        let (schema, elsewhere) = self.pick(&[
            (SCHEMA, false),
            (SCHEMA, false),
            ("`my_shop`", false),
            ("other", true),
            ("`oth-er`", true),
        ]);
        let dot = self.pick(&[".", ".", ".", ".", " . "]);
        (format!("{schema}{dot}{name}"), elsewhere)
    }

    fn table(&mut self) -> &'static str {
        if self.chance(0.6) { "items" } else { self.pick(&TABLES) }
    }

    /// A column of the fixture that is not its key.
    fn column(&mut self) -> &'static str {
        if self.chance(0.4) { "note" } else { COLUMNS[1 + self.below(COLUMNS.len() - 1)] }
    }

    fn alter_table(&mut self) -> Generated {
        let table = self.table();
        let name = self.name(table);
        let (name, elsewhere) = self.qualified(name, 0.08);
        let head = match self.below(60) {
            0 => self.word("alter online table"),
            1 => self.word("alter ignore table"),
            2 => self.word("alter table if exists"),
            _ => self.word("alter table"),
        };
        let mut columns: Vec<String> = COLUMNS.iter().map(|&it| it.to_owned()).collect();
        let mut renamed = table.to_owned();
        let mut keyless = false;
        let many = if self.chance(0.7) { 1 } else { self.length(2, 4) };
        let mut actions = Vec::new();
        let mut form = "ALTER TABLE with several actions";
        // Each column is touched once, as MySQL wants it.
        let mut touched: Vec<String> = Vec::new();
        for _ in 0..many {
            let (kind, action) = self.action(&mut columns, &mut renamed, &mut keyless, &mut touched);
            actions.push(action);
            if many == 1 {
                form = kind;
            }
        }
        let list = self.list(&actions);
        let text = self.put(&[head, name, list]);
        let effect = if elsewhere {
            Effect::Elsewhere
        } else if keyless {
            Effect::Keyless { table: renamed, columns }
        } else {
            Effect::Columns { table: renamed, columns }
        };
        self.finish(text, form, effect)
    }

    fn action(
        &mut self,
        columns: &mut Vec<String>,
        renamed: &mut String,
        keyless: &mut bool,
        touched: &mut Vec<String>,
    ) -> (&'static str, String) {
        let column_word = if self.chance(0.5) { self.word("column") } else { String::new() };
        let old = loop {
            let old = self.column().to_owned();
            if !touched.contains(&old) {
                break old;
            }
        };
        let new = loop {
            let new = self.pick(&NEW_COLUMNS).to_owned();
            let is_new =
                |known: &Vec<String>| !known.iter().any(|it| it.to_lowercase() == new.to_lowercase());
            if is_new(columns) && is_new(touched) {
                break new;
            }
        };
        let place = match self.below(12) {
            0 => self.word("first"),
            1 => {
                let name = self.name("id");
                format!("{} {name}", self.word("after"))
            }
            _ => String::new(),
        };
        match self.below(100) {
            0..26 => {
                touched.push(new.clone());
                columns.push(new.clone());
                let written = self.name(&new);
                let exists = if self.chance(0.02) { self.word("if not exists") } else { String::new() };
                let definition = if self.chance(0.03) {
                    self.generated()
                } else {
                    let kind = self.kind();
                    self.definition(&kind, false).0
                };
                let words = [self.word("add"), column_word, exists, written, definition, place];
                ("ADD COLUMN", self.put(&words))
            }
            26..30 => {
                let mut definitions = Vec::new();
                for _ in 0..self.length(1, 3) {
                    let new = self.pick(&NEW_COLUMNS).to_owned();
                    if columns.iter().chain(&*touched).any(|it| it.to_lowercase() == new.to_lowercase()) {
                        continue;
                    }
                    touched.push(new.clone());
                    columns.push(new.clone());
                    let kind = self.kind();
                    let definition = self.definition(&kind, false).0;
                    let written = self.name(&new);
                    definitions.push(format!("{written} {definition}"));
                }
                if definitions.is_empty() {
                    touched.push(new.clone());
                    columns.push(new.clone());
                    let written = self.name(&new);
                    definitions.push(format!("{written} int"));
                }
                let inside = self.list(&definitions);
                let inside = self.parentheses(&inside);
                let words = [self.word("add"), column_word, inside];
                ("ADD COLUMN (…)", self.put(&words))
            }
            30..42 => {
                touched.push(old.clone());
                columns.retain(|it| *it != old);
                let in_other_letters = self.chance(0.1);
                let written = if in_other_letters { old.to_uppercase() } else { old };
                let written = self.name(&written);
                let exists = if self.chance(0.03) { self.word("if exists") } else { String::new() };
                let more = self.pick(&["", "", "", "", "", "", "", "", " RESTRICT", " CASCADE"]);
                let words = [self.word("drop"), column_word, exists, format!("{written}{more}")];
                ("DROP COLUMN", self.put(&words))
            }
            42..52 => {
                touched.push(old.clone());
                touched.push(new.clone());
                let same = self.chance(0.3);
                let new = if same { old.clone() } else { new };
                columns.iter_mut().filter(|it| **it == old).for_each(|it| it.clone_from(&new));
                let kind = self.kind();
                let definition = self.definition(&kind, false).0;
                let (old, new) = (self.name(&old), self.name(&new));
                let words = [self.word("change"), column_word, old, new, definition, place];
                ("CHANGE COLUMN", self.put(&words))
            }
            52..62 => {
                touched.push(old.clone());
                let written = self.name(&old);
                let kind = self.kind();
                let definition = self.definition(&kind, false).0;
                let words = [self.word("modify"), column_word, written, definition, place];
                ("MODIFY COLUMN", self.put(&words))
            }
            62..72 => {
                let column = self.pick(&["id", "name", "note", "key_no"]);
                let (definition, _) = self.key_definition(column);
                let several = if self.chance(0.1) { definition.replace(')', ", id)") } else { definition };
                ("ADD INDEX", format!("{} {several}", self.word("add")))
            }
            72..75 => {
                let name = self.name("i_1");
                let word = self.pick(&["drop index", "drop key"]);
                let words = [self.word(word), name];
                ("DROP INDEX", self.put(&words))
            }
            75..77 => {
                ("RENAME INDEX", self.pick(&["RENAME INDEX a TO b", "rename key `a` to `b`"]).to_owned())
            }
            77..81 => {
                let to = self.pick(&[
                    "things",
                    "to_morrow",
                    "total_2",
                    "to_do",
                    "index_2",
                    "Things",
                    "a c",
                    "x-z",
                    "新しい",
                    "as_is",
                    "key_2",
                ]);
                *renamed = to.to_owned();
                let written = self.name(to);
                let (written, _) =
                    if self.chance(0.1) { (format!("{SCHEMA}.{written}"), false) } else { (written, false) };
                let to = self.pick(&["to", "", "as", "=", "to"]);
                let words = [self.word("rename"), self.word(to), written];
                ("RENAME TO", self.put(&words))
            }
            81..83 => {
                touched.push(old.clone());
                touched.push(new.clone());
                columns.iter_mut().filter(|it| **it == old).for_each(|it| it.clone_from(&new));
                let (old, new) = (self.name(&old), self.name(&new));
                let words = [self.word("rename"), self.word("column"), old, self.word("to"), new];
                ("RENAME COLUMN", self.put(&words))
            }
            83..85 => {
                *keyless = true;
                let word = self.pick(&["DROP PRIMARY KEY", "drop primary key", "DROP  PRIMARY KEY"]);
                ("DROP PRIMARY KEY", word.to_owned())
            }
            _ => ("other ALTER TABLE", self.pick(&OTHER_ACTIONS).to_owned()),
        }
    }

    fn drop_table(&mut self) -> Generated {
        let table = self.table();
        let written = self.name(table);
        let (written, elsewhere) = self.qualified(written, 0.05);
        let more = match self.below(10) {
            0 => ", others".to_owned(),
            1 => self.pick(&[" CASCADE", " restrict"]).to_owned(),
            2..4 => " /* generated by server */".to_owned(),
            _ => String::new(),
        };
        let exists = if self.chance(0.4) { self.word("if exists") } else { String::new() };
        let head = match self.below(20) {
            0 => self.word("drop temporary table"),
            1 => self.word("drop tables"),
            2 => "DROP /*!40005 TEMPORARY */ TABLE".to_owned(),
            _ => self.word("drop table"),
        };
        let temporary = head.to_uppercase().contains("TEMPORARY");
        let words = [head, exists, written];
        let text = format!("{}{more}", self.put(&words));
        let effect =
            if temporary || elsewhere { Effect::Elsewhere } else { Effect::Dropped(table.to_owned()) };
        self.finish(text, "DROP TABLE", effect)
    }

    fn truncate(&mut self) -> Generated {
        let table = self.table();
        let written = self.name(table);
        let (written, elsewhere) = self.qualified(written, 0.2);
        let head = self.pick(&["truncate table", "truncate"]);
        let words = [self.word(head), written];
        let text = self.put(&words);
        let effect = if elsewhere { Effect::Elsewhere } else { Effect::Emptied(table.to_owned()) };
        self.finish(text, "TRUNCATE", effect)
    }

    fn rename_table(&mut self) -> Generated {
        let table = self.table();
        let written = self.name(table);
        let (written, elsewhere) = self.qualified(written, 0.2);
        let more = self.pick(&["", "", ", others TO more"]);
        let head = self.pick(&["rename table", "rename tables", "rename table if exists"]);
        let words = [self.word(head), written, self.word("to"), "things".to_owned()];
        let text = format!("{}{more}", self.put(&words));
        let columns = COLUMNS.iter().map(|&it| it.to_owned()).collect();
        let effect = if elsewhere {
            Effect::Elsewhere
        } else {
            Effect::Columns { table: "things".to_owned(), columns }
        };
        self.finish(text, "RENAME TABLE", effect)
    }

    fn index(&mut self) -> Generated {
        let table = self.table();
        let written = self.name(table);
        let (written, elsewhere) = self.qualified(written, 0.1);
        let name = self.pick(&["i", "`an index`", "`i-j`", "on_x", "using_y", "`PRIMARY`"]).to_owned();
        let (form, text) = if self.chance(0.3) {
            let exists = if self.chance(0.1) { self.word("if exists") } else { String::new() };
            let more = self.pick(&["", "", "", " ALGORITHM=INPLACE LOCK=NONE"]);
            let words = [self.word("drop index"), exists, name, self.word("on"), format!("{written}{more}")];
            ("DROP INDEX", self.put(&words))
        } else {
            let kind = self.pick(&["", "", "unique", "fulltext", "spatial", "or replace", "online"]);
            let exists = if self.chance(0.05) { self.word("if not exists") } else { String::new() };
            let using = self.pick(&["", "", "", "", "USING BTREE", "USING HASH"]).to_owned();
            let column = self.pick(&["id", "note", "name"]);
            let part = self.key_part(column, 0.1, true);
            let parts = self.parentheses(&part);
            let more = self.pick(&[
                "",
                "",
                "",
                "",
                " USING BTREE",
                " COMMENT 'x'",
                " ALGORITHM=INPLACE",
                " INVISIBLE",
            ]);
            let words = [
                self.word("create"),
                self.word(kind),
                self.word("index"),
                exists,
                name,
                using,
                self.word("on"),
                format!("{written} {parts}{more}"),
            ];
            ("CREATE INDEX", self.put(&words))
        };
        let columns = COLUMNS.iter().map(|&it| it.to_owned()).collect();
        let effect =
            if elsewhere { Effect::Elsewhere } else { Effect::Columns { table: table.to_owned(), columns } };
        self.finish(text, form, effect)
    }

    fn anything_else(&mut self) -> Generated {
        let text = self.pick(&OTHERS).to_owned();
        let text = match self.below(4) {
            0 => text.to_lowercase(),
            _ => text,
        };
        self.finish(text, "others", Effect::Nothing)
    }
}

/// What else ALTER TABLE does, on either server.
const OTHER_ACTIONS: [&str; 74] = [
    "ENGINE=InnoDB",
    "ENGINE InnoDB",
    "AUTO_INCREMENT = 10",
    "COMMENT 'it''s'",
    "ROW_FORMAT=COMPRESSED",
    "DEFAULT CHARACTER SET utf8mb4",
    "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "ALTER COLUMN note SET DEFAULT 'x'",
    "ALTER note DROP DEFAULT",
    "ALTER COLUMN note SET INVISIBLE",
    "ALTER INDEX i INVISIBLE",
    "ALTER CHECK c NOT ENFORCED",
    "ALTER CONSTRAINT c ENFORCED",
    "ALGORITHM=INPLACE",
    "LOCK=NONE",
    "FORCE",
    "ORDER BY id",
    "DISABLE KEYS",
    "ENABLE KEYS",
    "DISCARD TABLESPACE",
    "IMPORT TABLESPACE",
    "WITH VALIDATION",
    "WITHOUT VALIDATION",
    "ADD FULLTEXT INDEX f (note)",
    "ADD FULLTEXT (note)",
    "ADD SPATIAL INDEX s (note)",
    "ADD PRIMARY KEY (id)",
    "ADD CONSTRAINT pk PRIMARY KEY (id, note)",
    "ADD UNIQUE (note)",
    "ADD UNIQUE u (note, id)",
    "ADD CONSTRAINT u UNIQUE KEY (note)",
    "ADD CONSTRAINT fk FOREIGN KEY (note) REFERENCES other (id)",
    "ADD CONSTRAINT fk FOREIGN KEY (note, id) REFERENCES other (id, note) ON DELETE SET NULL",
    "ADD FOREIGN KEY (note) REFERENCES other (id)",
    "ADD FOREIGN KEY fk (note) REFERENCES other (id) ON UPDATE CASCADE",
    "ADD CHECK (id > 0)",
    "ADD CONSTRAINT c CHECK (id > 0)",
    "ADD CONSTRAINT c CHECK (id IN (1, 2))",
    "DROP FOREIGN KEY fk",
    "DROP CONSTRAINT c",
    "DROP CHECK c",
    "ADD INDEX i (note(10))",
    "ADD INDEX i ((id + 1))",
    "ADD INDEX i (note DESC)",
    "ADD INDEX i USING BTREE (note)",
    "ADD INDEX IF NOT EXISTS i (note)",
    "DROP INDEX IF EXISTS i",
    "DROP FOREIGN KEY IF EXISTS fk",
    "ADD PARTITION (PARTITION p3 VALUES LESS THAN (100))",
    "ADD PARTITION PARTITIONS 2",
    "DROP PARTITION p0",
    "DROP PARTITION p0, p1",
    "TRUNCATE PARTITION p0",
    "TRUNCATE PARTITION ALL",
    "COALESCE PARTITION 2",
    "REORGANIZE PARTITION p0 INTO (PARTITION a VALUES LESS THAN (5), PARTITION b VALUES LESS THAN (10))",
    "EXCHANGE PARTITION p0 WITH TABLE other",
    "ANALYZE PARTITION p0",
    "CHECK PARTITION ALL",
    "OPTIMIZE PARTITION p0",
    "REBUILD PARTITION p0",
    "REPAIR PARTITION p0",
    "REMOVE PARTITIONING",
    "PARTITION BY HASH (id) PARTITIONS 4",
    "PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10))",
    "DISCARD PARTITION p0 TABLESPACE",
    "ADD SYSTEM VERSIONING",
    "DROP SYSTEM VERSIONING",
    "ADD PERIOD FOR SYSTEM_TIME (a, b)",
    "SECONDARY_LOAD",
    "WAIT 5 ENGINE=InnoDB",
    "NOWAIT ENGINE=InnoDB",
    "STATS_PERSISTENT=1",
    "MAX_ROWS = 1000 AVG_ROW_LENGTH 10",
];

/// Statements that are not about tables, and those that stand around transactions.
const OTHERS: [&str; 84] = [
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT `a`",
    "ROLLBACK TO `a`",
    "ROLLBACK TO SAVEPOINT a",
    "RELEASE SAVEPOINT a",
    "START TRANSACTION",
    "XA START X'01',X'',1",
    "XA END X'01',X'',1",
    "XA PREPARE X'01',X'',1",
    "XA COMMIT X'01',X'',1",
    "XA ROLLBACK X'01',X'',1",
    "CREATE VIEW v AS SELECT 1",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM items",
    "CREATE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY DEFINER VIEW `v` AS SELECT 1",
    "ALTER VIEW v AS SELECT 2",
    "DROP VIEW v",
    "DROP VIEW IF EXISTS v, w",
    "CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW SET NEW.note = 'x'",
    "CREATE DEFINER=`a`@`b` TRIGGER `t` AFTER UPDATE ON `items` FOR EACH ROW BEGIN INSERT INTO x VALUES (1); END",
    "DROP TRIGGER t",
    "CREATE PROCEDURE p() BEGIN SELECT 1; END",
    "CREATE DEFINER=`a`@`b` PROCEDURE `p`(IN x INT) SELECT x",
    "ALTER PROCEDURE p COMMENT 'x'",
    "DROP PROCEDURE IF EXISTS p",
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
    "ALTER FUNCTION f COMMENT 'x'",
    "DROP FUNCTION f",
    "CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'f.so'",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM items",
    "ALTER EVENT e DISABLE",
    "DROP EVENT e",
    "CREATE PACKAGE p AS PROCEDURE q(); END",
    "CREATE DATABASE d",
    "CREATE SCHEMA IF NOT EXISTS d CHARACTER SET utf8mb4",
    "ALTER DATABASE d CHARACTER SET utf8mb4",
    "DROP DATABASE d",
    "CREATE USER u IDENTIFIED BY 'x'",
    "CREATE USER 'u'@'%' IDENTIFIED WITH 'mysql_native_password' AS '*X'",
    "ALTER USER u IDENTIFIED BY 'x'",
    "RENAME USER u TO v",
    "DROP USER u",
    "SET PASSWORD FOR u = 'x'",
    "GRANT SELECT ON items TO u",
    "REVOKE ALL PRIVILEGES, GRANT OPTION FROM u",
    "CREATE ROLE r",
    "DROP ROLE r",
    "SET DEFAULT ROLE ALL TO u",
    "ANALYZE TABLE items",
    "ANALYZE NO_WRITE_TO_BINLOG TABLE items",
    "OPTIMIZE TABLE items",
    "REPAIR TABLE items",
    "CHECK TABLE items",
    "FLUSH TABLES",
    "FLUSH PRIVILEGES",
    "FLUSH TABLES items WITH READ LOCK",
    "CREATE SEQUENCE s",
    "ALTER SEQUENCE s RESTART 5",
    "DROP SEQUENCE s",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h')",
    "DROP SERVER s",
    "CREATE TABLESPACE t ADD DATAFILE 't.ibd'",
    "DROP TABLESPACE t",
    "CREATE UNDO TABLESPACE u ADD DATAFILE 'u.ibu'",
    "CREATE LOGFILE GROUP g ADD UNDOFILE 'u'",
    "ALTER INSTANCE ROTATE INNODB MASTER KEY",
    "CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x' DEFINITION 'y'",
    "INSTALL PLUGIN p SONAME 'p.so'",
    "UNINSTALL PLUGIN p",
    "CREATE RESOURCE GROUP g TYPE = USER",
    "INSERT INTO items VALUES (1)",
    "UPDATE items SET note = 'x'",
    "DELETE FROM items",
    "REPLACE INTO items VALUES (1)",
    "LOAD DATA INFILE 'x' INTO TABLE items",
    "CALL p()",
    "# Dumm",
    "/* only a comment */",
    "/*!40000 ALTER TABLE `items` DISABLE KEYS */",
    "/*!40101 SET NAMES utf8 */",
    "",
    "CREATE EXTERNAL TABLE x (id int)",
    "IMPORT TABLE FROM 'x.sdi'",
];
