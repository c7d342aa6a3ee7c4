//! What a program that uses libpq itself (`pg_dump`) is told, so that it comes to the server that a session is on, in the
//! same way and as the same role. All but the keepalives goes by variables of its environment, the password too: arguments can be seen
//! by everybody on the machine (§passwords), and a service file would go before variables, so none is named.

use super::environment::SOCKET_FOLDER;
use super::places::{Host, Places};
use super::route::{KEEPALIVE, Route};
use crate::config::{Password, variables};
use std::net::SocketAddr;
use tokio::process::Command;

/// So that a network that is silently lost ends a program as soon as it ends our own sessions: what libpq takes from the system is two
/// hours. No variable says it, so it goes by an argument, which names no database.
#[must_use]
pub fn keepalives() -> [String; 2] {
    let (idle, interval, count) = KEEPALIVE;
    let (idle, interval) = (idle.as_secs(), interval.as_secs());
    let said = format!(
        "keepalives=1 keepalives_idle={idle} keepalives_interval={interval} keepalives_count={count}"
    );
    ["--dbname".to_owned(), said]
}

/// What a session was made with, for others.
#[derive(Debug, Clone)]
pub struct Handover {
    /// Where the server is: a name, an address, or the folder of a socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// libpq's variables, but for these and the password.
    variables: Vec<(&'static str, String)>,
    password: Option<Password>,
}

impl Handover {
    pub(super) fn of(places: &Places, host: &Host, route: &Route) -> Self {
        let mut variables = places.variables.clone();
        if let Route::Tcp(address) = route {
            variables.push(("PGHOSTADDR", SocketAddr::ip(address).to_string()));
        }
        // The host has been chosen.
        variables.extend([
            ("PGSSLMODE", places.tls.mode.to_string()),
            ("PGTARGETSESSIONATTRS", "any".to_owned()),
            ("PGAPPNAME", "chameleon-upgrade".to_owned()),
        ]);
        let name = match (&*host.name, host.address) {
            ("", Some(address)) => address.to_string(),
            ("", None) => SOCKET_FOLDER.to_owned(),
            (name, _) => name.to_owned(),
        };
        Self {
            host: name,
            port: host.port,
            user: places.user.clone(),
            database: places.database.clone(),
            variables,
            password: host.password.as_ref().map(|(password, _)| password.clone()),
        }
    }

    /// Has `command` come to the same server.
    pub fn give(&self, command: &mut Command) {
        command.args(keepalives());
        for name in variables().chain(["PGSERVICEFILE", "PGLOADBALANCEHOSTS", "PGCLIENTENCODING"]) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PGHOST", &self.host).env("PGPORT", self.port.to_string());
        command.env("PGUSER", &self.user).env("PGDATABASE", &self.database);
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password.expose());
        }
    }
}
