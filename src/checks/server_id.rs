//! No two new sources on one MySQL server have the same my_server_id: the server takes the second reader for the first one
//! come back, and ends the stream of the first. (Seen: two daemons with 20,000 rows each to read; one ended with MariaDB's
//! error 4052, "already connected". With little to read they don't meet, and all is well.)

use super::{Check, Examined, Finding, Severity};
use crate::examination::Replica;

pub(super) const CHECK: Check = Check {
    id: "server-id",
    about: "No two new sources on one MySQL server have the same my_server_id",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let replicas = &facts.replicas;
    let twice = replicas.iter().enumerate().filter_map(|(number, replica)| {
        let earlier = replicas[..number].iter().find(|other| alike(other, replica))?;
        Some(finding(earlier, replica))
    });
    twice.collect()
}

fn alike(one: &Replica, other: &Replica) -> bool {
    one.id == other.id && one.server.1 == other.server.1 && host(&one.server.0) == host(&other.server.0)
}

/// The server of this machine has two names.
fn host(name: &str) -> String {
    let name = name.to_lowercase();
    if name == "localhost" { "127.0.0.1".to_owned() } else { name }
}

fn finding(earlier: &Replica, replica: &Replica) -> Finding {
    let (host, port) = &replica.server;
    CHECK.error(format!(
            "The sources {} and {} of the configuration read from the same server ({host}:{port}) with the same my_server_id {}: \
             where both have something to read at a time, MySQL ends the stream of one, and its daemon ends.",
            earlier.source, replica.source, replica.id
        ),
        format!("Give {} another my_server_id, which no other replica of that server has.", replica.source),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(host: &str, port: u16, id: u32) -> Replica {
        Replica { source: "a".to_owned(), server: (host.to_owned(), port), id }
    }

    #[test]
    fn a_server_knows_its_readers_by_their_ids() {
        let one = replica("db", 3306, 100);
        assert!(alike(&one, &replica("DB", 3306, 100)));
        assert!(!alike(&one, &replica("db", 3306, 101)));
        assert!(!alike(&one, &replica("db", 3307, 100)), "another server");
        assert!(!alike(&one, &replica("other", 3306, 100)), "another server");
        assert!(alike(&replica("localhost", 1, 2), &replica("127.0.0.1", 1, 2)));
    }
}
