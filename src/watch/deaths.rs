//! The known ways in which the daemon of pg_chameleon 2.0.21 ends, by what it says then. §after-watch
//!
//! All of them were made to happen: docs/ddl.md, docs/log.md and scenarios/live (`watch_*`) show how.

/// A way in which it ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Death {
    /// Its name.
    pub id: &'static str,
    /// It is this one when any of these is in the trace, and it is none of those before it.
    says: &'static [&'static str],
    /// What happened.
    pub what: &'static str,
    /// What to do about it, before the replica is started again.
    pub remedy: &'static str,
}

/// All of them; the first that fits counts.
pub const ALL: &[Death] = &[
    Death {
        id: "statement",
        says: &["parsy.ParseError"],
        what: "its reading process can't parse a statement of MySQL's log, and begins at the same place at each start",
        remedy: "Which statement it is: mysqlbinlog shows the log from where the source reads on. To get past it: copy all tables \
                 anew with init_replica; or, as long as the 1.7 catalogue is kept, take the replica back (rollback), for 1.8.2 \
                 passes over it.",
    },
    Death {
        id: "binlog-purged",
        says: &[
            "Could not find first log file name",
            "could not find next log",
            // With GTIDs, by the version of MySQL.
            "purged required binary logs",
            "has purged binary logs",
        ],
        what: "MySQL has purged the binary log in which it was to read on",
        remedy: "What was in it is lost to the replica: copy all tables anew with init_replica, and have MySQL keep its logs longer \
                 (binlog_expire_logs_seconds, expire_logs_days).",
    },
    Death {
        id: "server-id",
        says: &["same server_uuid/server_id", "same server_id"],
        what: "another program reads MySQL's log under the same server id",
        remedy: "Give my_server_id of the source a number that nobody else has: each source, each replica of MySQL needs its own.",
    },
    Death {
        id: "mysql-version",
        says: &["MASTER STATUS", "SLAVE STATUS"],
        what: "MySQL 8.4 and later don't know statements that 2.0.21 needs (SHOW MASTER STATUS)",
        remedy: "2.0.21 can't replicate from this server: stay with MySQL 8.0 or MariaDB.",
    },
    Death {
        id: "gtids",
        says: &["GTID", "gtid"],
        what: "MySQL does not give it the log from the GTIDs that it has",
        remedy: "Set gtid_enable of the source to false, if the log is there from where the source reads on; else copy all tables \
                 anew with init_replica.",
    },
    Death {
        id: "binlog-unreadable",
        says: &["(1236,"],
        what: "MySQL can't send its log from where the source reads on",
        remedy: "See the error log of MySQL. Where the log is damaged there, copy all tables anew with init_replica.",
    },
    Death {
        id: "mysql-denied",
        says: &[
            "(1045,", "(1044,", "(1142,", "(1227,", "(1698,", "(1130,",
            // The account is locked: MySQL, MariaDB.
            "(3118,", "(4151,",
        ],
        what: "MySQL does not let its account in, or the account lacks a privilege",
        remedy: "Correct db_conn of the source, unlock the account, or grant it what the message names (REPLICATION SLAVE, REPLICATION \
                 CLIENT, SELECT). With on_error_read: continue the daemon asks again where it is not let in at the beginning of a round; in \
                 the middle of one it ends.",
    },
    Death {
        id: "mysql-lost",
        says: &["(2013,", "(2006,", "(2003,", "(2055,", "(0, '')", "(1053,", "(1927,"],
        what: "it lost its session with MySQL in the middle of something, or found no server, and on_error_read of the source is not \
               continue",
        remedy: "Make sure that MySQL is up and can be reached. With on_error_read: continue the daemon waits for a server that is \
                 away when it connects.",
    },
    Death {
        id: "disk-full",
        says: &["No space left on device", "DiskFull"],
        what: "there was no room left on a disk",
        remedy: "Make room where the message says. Rows that it could not store before it ended it may have thrown away: copy the \
                 tables anew that sch_chameleon.t_discarded_rows names (sync_tables).",
    },
    Death {
        id: "postgresql-timeout",
        says: &[
            "due to lock timeout",
            "due to statement timeout",
            "deadlock detected",
            "idle-in-transaction timeout",
        ],
        what: "PostgreSQL ended a statement of it, which had waited or run for too long",
        remedy: "See who holds locks on the tables of the replica (pg_stat_activity), and raise the timeout that the message names, or \
                 lift it for the role of pg_conn. Rows that it could not store before it ended it may have thrown away: copy the tables \
                 anew that sch_chameleon.t_discarded_rows names (sync_tables).",
    },
    Death {
        id: "postgresql-lost",
        says: &[
            "terminating connection",
            "server closed the connection",
            "connection already closed",
            "cursor already closed",
            "connection to server",
            "could not connect to server",
            "the database system is",
            "SSL connection has been closed",
        ],
        what: "it lost its session with PostgreSQL, or found no server; it does not connect again by itself",
        remedy: "Make sure that PostgreSQL is up and can be reached.",
    },
    Death {
        id: "postgresql-denied",
        says: &["permission denied", "InsufficientPrivilege"],
        what: "its role lacks a privilege in PostgreSQL",
        remedy: "Grant the role of pg_conn what the message names. Rows that it could not store before it ended it may have thrown \
                 away: copy the tables anew that sch_chameleon.t_discarded_rows names (sync_tables).",
    },
    Death {
        id: "replay-error",
        says: &["The replay process crashed"],
        what: "a row could not be applied, and on_error_replay of the source is exit",
        remedy: "Mend what the last error in sch_chameleon.t_error_log names; it goes on there at the next start.",
    },
    Death {
        id: "unknown-variable",
        // The second is what becomes of the first in mysql-replication, which stumbles over its own message.
        says: &["Unknown status variable in query event", "str.join() takes exactly one argument"],
        what: "its reading process met a statement that MySQL has logged with a variable that mysql-replication does not know, and \
               begins at the same place at each start",
        remedy: "On MySQL 9: have no session set binlog_format to STATEMENT or MIXED. On MariaDB 11: have every statement that names \
                 a character set name its collation too. Then copy all tables anew with init_replica, which begins behind it.",
    },
    Death {
        id: "configuration",
        says: &[
            "KeyError: 'batch_retention'",
            "KeyError: 'limit_tables'",
            "KeyError: 'my_server_id'",
            "KeyError: 'on_error_replay'",
            "KeyError: 'replay_max_rows'",
            "KeyError: 'replica_batch_size'",
            "KeyError: 'skip_tables'",
            "KeyError: 'skip_events'",
            "KeyError: 'sleep_loop'",
            "struct.error",
            "TypeError",
            "ValueError: sleep length",
            "IndexError: list index out of range",
            "has no attribute 'split'",
            "invalid input syntax for type interval",
            "to interval",
        ],
        what: "its configuration lacks a key, or has a value of another type than it takes",
        remedy: "Hold the configuration against the example of pg_chameleon (chameleon-upgrade init-config writes one).",
    },
    Death {
        id: "unknown-table",
        says: &["KeyError"],
        what: "its reading process met a table, a column or a type that it does not know: one that was dropped or renamed on MySQL \
               meanwhile, that its account may no longer see, a sequence, a versioned table, a type without a counterpart",
        remedy: "If the table is there, and the account of db_conn can't read it: grant it SELECT, and nothing is lost. Else it begins \
                 at the same place at each start. To get past it: copy all tables anew with init_replica, which begins behind it; or, \
                 as long as the 1.7 catalogue is kept, take the replica back (rollback).",
    },
];

/// Which of them this trace is, by its errors. The lines of the program in it are no errors, nor are the statements that PostgreSQL shows.
#[must_use]
pub fn known(trace: &str) -> Option<&'static Death> {
    let is_of_an_error = |line: &&str| !line.starts_with([' ', '\t']) && !line.starts_with("CONTEXT:");
    let errors: Vec<_> = trace.lines().filter(is_of_an_error).collect();
    let says = |text: &&str| errors.iter().any(|line| line.contains(text));
    ALL.iter().find(|death| death.says.iter().any(says))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_counts() {
        let id = |trace: &str| known(trace).map(|death| death.id);
        assert_eq!(id("parsy.ParseError: expected one of ';' at 0:0"), Some("statement"));
        assert_eq!(
            id(
                "pymysql.err.OperationalError: (1236, 'Could not find first log file name in binary log index file')"
            ),
            Some("binlog-purged")
        );
        assert_eq!(
            id("pymysql.err.OperationalError: (1236, 'log event entry exceeded')"),
            Some("binlog-unreadable")
        );
        assert_eq!(
            id(
                "OperationalError: (1236, 'Cannot replicate because the source purged required binary logs. The GTID set sent by')"
            ),
            Some("binlog-purged")
        );
        assert_eq!(id("KeyError: 'gone'"), Some("unknown-table"));
        assert_eq!(id("KeyError: 'sleep_loop'"), Some("configuration"));
        assert_eq!(
            id("psycopg2.errors.AdminShutdown: terminating connection due to administrator command"),
            Some("postgresql-lost")
        );
        assert_eq!(id("Exception: something else"), None);
    }

    #[test]
    fn neither_its_program_nor_a_statement_says_how_it_ended() {
        let trace = "Traceback (most recent call last):
  File \"pg_lib.py\", line 1, in save_master_status
    a_call(of, its, program, with_a_gtid_set)
psycopg2.InterfaceError: cursor already closed
CONTEXT:  SQL statement \"INSERT INTO shop.items (data) VALUES ('parsy.ParseError');\"
";
        assert_eq!(known(trace).map(|death| death.id), Some("postgresql-lost"));
    }
}
