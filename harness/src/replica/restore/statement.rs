//! Which statement of a dump is what, and which failure of it is ordinary on a server that isn't production's: its roles,
//! settings and extensions need not exist here. Everything else is a failure of the restore.

/// What a statement of a dump is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// An owner or privilege: here everything belongs to one role.
    Owner,
    /// A database: here there is one already.
    Database,
    /// A setting of the session.
    Setting(String),
    /// Something old that is to make way; here there is nothing.
    Drop,
    /// A comment.
    Comment,
    /// The schema that every database has.
    PublicSchema,
    /// What only a superuser may make, or what must be installed: an extension, an event trigger, a publication.
    Outside,
    /// A row security policy, which names roles.
    Policy,
    /// Anything else.
    Other,
}

/// Things that belong to the server, or reach beyond the database.
const OUTSIDE: &[&[&str]] = &[
    &["EXTENSION"],
    &["EVENT", "TRIGGER"],
    &["PUBLICATION"],
    &["SUBSCRIPTION"],
    &["SERVER"],
    &["FOREIGN", "DATA", "WRAPPER"],
    &["USER", "MAPPING"],
    &["LANGUAGE"],
    &["TRUSTED", "LANGUAGE"],
    &["PROCEDURAL", "LANGUAGE"],
    &["TRUSTED", "PROCEDURAL", "LANGUAGE"],
    &["TRANSFORM"],
    &["ACCESS", "METHOD"],
];

impl Statement {
    /// What `text` is.
    pub(super) fn of(text: &str) -> Self {
        let upper = text.to_ascii_uppercase();
        let words: Vec<&str> =
            upper.split(|it: char| it.is_whitespace() || it == '=').filter(|it| !it.is_empty()).collect();
        let words: Vec<&str> = words.iter().map(|it| it.trim_matches('\'')).collect();
        match words.as_slice() {
            ["GRANT" | "REVOKE", ..]
            | ["ALTER", "DEFAULT", "PRIVILEGES", ..]
            | ["SET", "SESSION", "AUTHORIZATION", ..] => Self::Owner,
            ["ALTER", rest @ ..] if gives_an_owner(rest) => Self::Owner,
            ["CREATE" | "DROP" | "ALTER", "DATABASE", ..] | ["COMMENT", "ON", "DATABASE", ..] => {
                Self::Database
            }
            ["SET", name, ..] => Self::Setting(name.to_ascii_lowercase()),
            ["COMMENT", "ON", ..] => Self::Comment,
            ["SECURITY", "LABEL", ..] => Self::Outside,
            ["CREATE", "SCHEMA", "PUBLIC"] => Self::PublicSchema,
            ["CREATE" | "ALTER", rest @ ..] if is_outside(rest) => Self::Outside,
            ["CREATE", "OR", "REPLACE", rest @ ..] if is_outside(rest) => Self::Outside,
            ["CREATE" | "ALTER", "POLICY", ..] => Self::Policy,
            ["DROP", ..] => Self::Drop,
            ["ALTER", "TABLE" | "DOMAIN", .., "DROP", "CONSTRAINT", _] => Self::Drop,
            ["ALTER", "TABLE", .., "DROP", "DEFAULT"] => Self::Drop,
            _ => Self::Other,
        }
    }

    /// Whether it is left out without being tried.
    pub(super) fn is_for_another_server(&self) -> bool {
        matches!(self, Self::Owner | Self::Database)
    }

    /// Whether its failing with `sqlstate` is ordinary on another server than production's.
    pub(super) fn may_fail_with(&self, sqlstate: &str) -> bool {
        const REFUSED: &str = "42501";
        /// Table, object, function, schema, column.
        const UNKNOWN: [&str; 5] = ["42P01", "42704", "42883", "3F000", "42703"];
        let unknown = UNKNOWN.contains(&sqlstate);
        match self {
            Self::Setting(name) => {
                // One of a later version; a tablespace or a kind of table that isn't here.
                sqlstate == "42704" || (sqlstate == "22023" && name.starts_with("default_table"))
            }
            Self::Drop => unknown,
            Self::Comment => unknown || sqlstate == REFUSED,
            Self::PublicSchema => sqlstate == "42P06",
            // Also: not supported, no such file, no such version.
            Self::Outside => unknown || [REFUSED, "0A000", "58P01", "22023"].contains(&sqlstate),
            Self::Policy => sqlstate == "42704",
            Self::Owner | Self::Database | Self::Other => false,
        }
    }
}

/// `… OWNER TO NAME` at the end.
fn gives_an_owner(words: &[&str]) -> bool {
    let owner = words.windows(2).rposition(|two| two == ["OWNER", "TO"]);
    owner.is_some_and(|at| {
        words.len() == at + 3 || words.get(at + 2).is_some_and(|name| name.starts_with('"'))
    })
}

fn is_outside(words: &[&str]) -> bool {
    OUTSIDE.iter().any(|what| words.starts_with(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_another_server_may_lack_may_fail() {
        for (text, sqlstate, may) in [
            ("SET transaction_timeout = 0", "42704", true),
            ("SET default_tablespace = fast", "22023", true),
            ("SET client_encoding = 'X'", "22023", false),
            ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", "0A000", true),
            ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", "57014", false),
            ("CREATE EVENT TRIGGER e ON ddl_command_end\n EXECUTE FUNCTION f()", "42501", true),
            ("CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE plperl", "58P01", true),
            ("CREATE SCHEMA public", "42P06", true),
            ("CREATE SCHEMA shop", "42P06", false),
            ("COMMENT ON EXTENSION plpgsql IS 'x'", "42501", true),
            ("DROP TABLE shop.orders", "42P01", true),
            ("DROP TABLE shop.orders", "2BP01", false),
            ("ALTER TABLE ONLY shop.orders DROP CONSTRAINT orders_pkey", "3F000", true),
            ("ALTER TABLE ONLY shop.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id)", "42P01", false),
            ("ALTER TABLE ONLY shop.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id)", "23505", false),
            ("CREATE TABLE shop.orders (server integer)", "42704", false),
            ("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE x", "42704", false),
            ("CREATE POLICY p ON shop.orders TO analyst USING (true)", "42704", true),
            ("CREATE INDEX i ON shop.orders (a)", "42P01", false),
        ] {
            assert_eq!(Statement::of(text).may_fail_with(sqlstate), may, "{text} {sqlstate}");
        }
    }

    #[test]
    fn owners_and_databases_are_for_another_server() {
        for text in [
            "ALTER TABLE sch_chameleon.t_sources OWNER TO usr_replica",
            "ALTER FUNCTION f(integer, text)\n OWNER TO \"usr of mine\"",
            "GRANT ALL ON SCHEMA shop TO analyst",
            "REVOKE ALL ON TABLE t FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b",
            "SET SESSION AUTHORIZATION 'usr'",
            "CREATE DATABASE victim WITH TEMPLATE = template0",
            "DROP DATABASE victim",
            "ALTER DATABASE victim SET search_path TO 'x'",
        ] {
            assert!(Statement::of(text).is_for_another_server(), "{text}");
        }
        assert!(!Statement::of("ALTER TABLE t ADD owner text").is_for_another_server());
    }
}
