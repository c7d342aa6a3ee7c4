//! Where libpq takes a connection's settings from, in its order: the configuration (pg_chameleon's connection string), the
//! service file, the environment, what is usual; and for each host a password from the password file when nothing else
//! said one. (PostgreSQL's documentation of libpq, "Parameter Key Words", "Environment Variables", "The Password File",
//! "The Connection Service File".)

use super::environment::{Environment, SOCKET_FOLDER};
use super::origin::{Origin, PlaceError};
use super::password_file::{self, Contents, Wanted};
use super::service_file::{self, Service};
use crate::config::{MisreadPassword, Password, PostgresConnection, SETTINGS, SSL_MODES, SslMode, variable};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::config::ChannelBinding;

const USUAL_PORT: u16 = 5432;

/// All that a connection needs.
#[derive(Debug)]
pub(super) struct Places {
    pub hosts: Vec<Host>,
    pub user: String,
    pub database: String,
    pub options: Option<String>,
    pub channel_binding: ChannelBinding,
    pub attributes: SessionAttributes,
    /// How long one host may take; what is usual when none.
    pub timeout: Option<Duration>,
    pub methods: Option<Methods>,
    pub tls: Tls,
    /// What was said of libpq's settings beside these, wherever, by the variables that say it.
    pub variables: Vec<(&'static str, String)>,
    /// What was passed over on the way, in words.
    pub passed_over: Option<String>,
    pub misread_password: Option<MisreadPassword>,
}

/// One host of the list.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// As it was named.
    pub name: String,
    /// The address that is to be used instead of asking for the name's.
    pub address: Option<IpAddr>,
    pub port: u16,
    pub password: Option<(Password, Origin)>,
}

impl Host {
    /// Whether it is the folder of a socket.
    pub fn is_socket(&self) -> bool {
        self.address.is_none() && is_socket(&self.name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, self.port) {
            (Some(address), port) if address.to_string() != self.name && !self.name.is_empty() => {
                write!(f, "{}:{port} ({address})", self.name)
            }
            (Some(address), port) => write!(f, "{address}:{port}"),
            (None, port) => write!(f, "{}:{port}", self.name),
        }
    }
}

fn is_socket(host: &str) -> bool {
    host.starts_with(['/', '@'])
}

/// What kind of server is wanted: libpq's `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionAttributes {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl SessionAttributes {
    const ALL: [(&str, SessionAttributes); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];
}

/// The ways of proving who one is that a server may ask for: libpq's `require_auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Methods {
    names: Vec<String>,
    /// Whether the names are those that may not be.
    except: bool,
}

impl Methods {
    const ALL: [&str; 6] = ["none", "password", "md5", "gss", "sspi", "scram-sha-256"];

    fn parse(text: &str) -> Option<Self> {
        let except = text.starts_with('!');
        let names = text.split(',').map(|name| {
            let name = name.trim();
            let name = if except { name.strip_prefix('!')? } else { name };
            Self::ALL.contains(&name).then(|| name.to_owned())
        });
        Some(Self { names: names.collect::<Option<_>>()?, except })
    }

    /// Whether a server may ask for it.
    pub fn allow(&self, method: &str) -> bool {
        self.names.iter().any(|name| name == method) != self.except
    }
}

/// The settings of TLS.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub mode: SslMode,
    pub roots: Option<Roots>,
    /// A file of lists of revoked certificates, and a folder of such files.
    pub revoked: Option<PathBuf>,
    pub revoked_folder: Option<PathBuf>,
    /// The client's certificate and its key, which need not be there.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Whether the host is named to the server before anything is encrypted.
    pub names_host: bool,
    pub oldest: Protocol,
    pub newest: Protocol,
}

/// The certificates that vouch for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those in the file.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    V1_2,
    V1_3,
}

/// What was said, wherever.
struct Given<'a> {
    connection: &'a PostgresConnection,
    service: Service,
    environment: &'a Environment,
}

impl Given<'_> {
    fn find(&self, keyword: &'static str) -> Option<(String, Origin)> {
        if let Some(value) = self.connection.settings.get(keyword) {
            return Some((value.clone(), Origin::Configuration));
        }
        if let Some(value) = self.service.settings.get(keyword) {
            return Some((value.clone(), Origin::Service(self.service.file.clone())));
        }
        let name = variable(keyword)?;
        self.environment.variable(name).map(|value| (value.to_owned(), Origin::Variable(name)))
    }

    /// One that is as good as not said when it is empty.
    fn filled(&self, keyword: &'static str) -> Option<(String, Origin)> {
        self.find(keyword).filter(|(value, _)| !value.is_empty())
    }

    /// All that was said, but for what names the server.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let chosen = ["hostaddr", "service", "sslmode", "target_session_attrs"];
        let others = SETTINGS.into_iter().filter(|(keyword, _)| !chosen.contains(keyword));
        others.filter_map(|(keyword, variable)| Some((variable, self.find(keyword)?.0))).collect()
    }

    fn path(&self, keyword: &'static str) -> Option<PathBuf> {
        self.filled(keyword).map(|(path, _)| path.into())
    }

    fn one_of<T: Copy>(
        &self,
        keyword: &'static str,
        all: &[(&str, T)],
        usual: T,
        expected: &'static str,
    ) -> Result<T, PlaceError> {
        let Some((value, origin)) = self.find(keyword) else { return Ok(usual) };
        let found = all.iter().find(|(name, _)| *name == value).map(|(_, it)| *it);
        found.ok_or(PlaceError::Value { keyword, value, origin, expected })
    }
}

/// Puts together what was said everywhere.
///
/// # Errors
/// [`PlaceError`].
pub(super) fn resolve(
    connection: &PostgresConnection,
    environment: &Environment,
) -> Result<Places, PlaceError> {
    let nothing = Given { connection, service: Service::default(), environment };
    let service = match nothing.find("service") {
        Some((name, _)) => service_file::find(&name, environment)?,
        None => Service::default(),
    };
    let said = Given { service, ..nothing };
    let mut hosts = hosts(&said)?;
    not_possible(&said, &hosts)?;
    let passed_over = find_passwords(&said, &mut hosts);
    Ok(Places {
        hosts,
        user: connection.user.clone(),
        database: connection.database.clone(),
        options: said.filled("options").map(|(options, _)| options),
        channel_binding: said.one_of(
            "channel_binding",
            &[
                ("disable", ChannelBinding::Disable),
                ("prefer", ChannelBinding::Prefer),
                ("require", ChannelBinding::Require),
            ],
            ChannelBinding::Prefer,
            "disable, prefer or require",
        )?,
        attributes: said.one_of(
            "target_session_attrs",
            &SessionAttributes::ALL,
            SessionAttributes::Any,
            "any, read-write, read-only, primary, standby or prefer-standby",
        )?,
        timeout: timeout(&said)?,
        methods: methods(&said)?,
        tls: tls(&said)?,
        variables: said.variables(),
        passed_over,
        misread_password: connection.misread_password,
    })
}

/// What libpq could do and nothing here can.
fn not_possible(said: &Given<'_>, hosts: &[Host]) -> Result<(), PlaceError> {
    let modes = [("disable", false), ("prefer", false), ("require", true)];
    let gss = said.one_of("gssencmode", &modes, false, "disable, prefer or require")?;
    let gss = said.find("gssencmode").filter(|_| gss).map(|(_, origin)| PlaceError::Unsupported {
        what: "encryption by GSSAPI (gssencmode require)",
        origin,
        remedy: "Take it out there for this run, and have the connection encrypted by TLS: sslmode in pg_conn of the \
                 configuration.",
    });
    let peer = said.filled("requirepeer").filter(|_| hosts.iter().any(Host::is_socket));
    let peer = peer.map(|(_, origin)| PlaceError::Unsupported {
        what: "to look who runs the server behind a socket (requirepeer)",
        origin,
        remedy: "Take it out there for this run, once you know that nobody else can make files in the folder of the socket.",
    });
    gss.or(peer).map_or(Ok(()), Err)
}

fn hosts(said: &Given<'_>) -> Result<Vec<Host>, PlaceError> {
    let PostgresConnection { host, port, .. } = said.connection;
    let addresses = match said.filled("hostaddr") {
        Some((value, origin)) => Some((addresses(&value, &origin)?, origin)),
        None => None,
    };
    let names: Vec<&str> = match &addresses {
        Some((addresses, _)) if host.is_empty() => vec![""; addresses.len()],
        _ => host.split(',').collect(),
    };
    if let Some((addresses, origin)) = &addresses
        && addresses.len() != names.len()
    {
        let (what, count, origin) = ("addresses (hostaddr)", addresses.len(), origin.clone());
        return Err(PlaceError::Lists { what, count, hosts: names.len(), origin });
    }
    let ports: Vec<&str> = port.split(',').collect();
    if ports.len() > 1 && ports.len() != names.len() {
        let (count, origin) = (ports.len(), Origin::Configuration);
        return Err(PlaceError::Lists { what: "ports", count, hosts: names.len(), origin });
    }
    let host = |(number, name): (usize, &&str)| {
        let address = addresses.as_ref().and_then(|(addresses, _)| addresses[number]);
        let name = if name.is_empty() && address.is_none() { SOCKET_FOLDER } else { name };
        let port = ports.get(number).unwrap_or(&ports[0]);
        Host {
            name: name.to_owned(),
            address,
            port: port.trim().parse().unwrap_or(USUAL_PORT),
            password: None,
        }
    };
    Ok(names.iter().enumerate().map(host).collect())
}

fn addresses(value: &str, origin: &Origin) -> Result<Vec<Option<IpAddr>>, PlaceError> {
    let each = value.split(',').map(|address| match address {
        "" => Ok(None),
        address => address.parse().map(Some).map_err(|_| PlaceError::Value {
            keyword: "hostaddr",
            value: address.to_owned(),
            origin: origin.clone(),
            expected: "an address in numbers",
        }),
    });
    each.collect()
}

/// Gives each host its password, and says what was passed over.
fn find_passwords(said: &Given<'_>, hosts: &mut [Host]) -> Option<String> {
    let PostgresConnection { user, password, database, .. } = said.connection;
    // An empty one that is said keeps the service and the environment from being asked.
    let password = match password {
        Some(password) => Some((password.clone(), Origin::Configuration)),
        None => match said.service.settings.get("password") {
            Some(password) => Some((password.clone().into(), Origin::Service(said.service.file.clone()))),
            None => {
                let variable = said.environment.variable("PGPASSWORD");
                variable.map(|it| (it.to_owned().into(), Origin::Variable("PGPASSWORD")))
            }
        },
    };
    if let Some(password) = password.filter(|(password, _)| !password.expose().is_empty()) {
        hosts.iter_mut().for_each(|host| host.password = Some(password.clone()));
        return None;
    }
    let file = said.path("passfile").or_else(|| said.environment.at_home(".pgpass"))?;
    let lines = match password_file::read(&file) {
        Contents::Lines(lines) => lines,
        Contents::Missing => return None,
        Contents::PassedOver(reason) => {
            return Some(format!("the password file {} is not used: {reason}", file.display()));
        }
    };
    for host in hosts {
        let name = match (&*host.name, host.address) {
            ("", Some(address)) => address.to_string(),
            (SOCKET_FOLDER, None) => "localhost".to_owned(),
            (name, _) => name.to_owned(),
        };
        let wanted = Wanted { host: &name, port: &host.port.to_string(), database, user };
        let found = password_file::find(&lines, wanted).filter(|password| !password.is_empty());
        host.password = found.map(|it| (it.into(), Origin::PasswordFile(file.clone())));
    }
    None
}

fn timeout(said: &Given<'_>) -> Result<Option<Duration>, PlaceError> {
    let keyword = "connect_timeout";
    let Some((value, origin)) = said.find(keyword) else { return Ok(None) };
    match value.trim().parse::<i32>() {
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds.max(2).unsigned_abs().into()))),
        Ok(_) => Ok(None),
        Err(_) => Err(PlaceError::Value { keyword, value, origin, expected: "a number of seconds" }),
    }
}

fn methods(said: &Given<'_>) -> Result<Option<Methods>, PlaceError> {
    let keyword = "require_auth";
    let Some((value, origin)) = said.filled(keyword) else { return Ok(None) };
    let expected = "a list, with commas, of none, password, md5, gss, sspi and scram-sha-256, each or none of them after a !";
    Methods::parse(&value).map(Some).ok_or(PlaceError::Value { keyword, value, origin, expected })
}

fn tls(said: &Given<'_>) -> Result<Tls, PlaceError> {
    let environment = said.environment;
    let at_home = |name: &str| environment.at_home(&format!(".postgresql/{name}"));
    let roots = match said.path("sslrootcert").or_else(|| at_home("root.crt")) {
        Some(path) if path.as_os_str() == "system" => Some(Roots::System),
        path => path.map(Roots::File),
    };
    let certificate = match said.filled("sslcertmode") {
        Some((mode, _)) if mode == "disable" => None,
        _ => said.path("sslcert").or_else(|| at_home("postgresql.crt")),
    };
    let protocols = "TLSv1.2 or TLSv1.3";
    let oldest = [
        ("", Protocol::V1_2),
        ("TLSv1", Protocol::V1_2),
        ("TLSv1.1", Protocol::V1_2),
        ("TLSv1.2", Protocol::V1_2),
        ("TLSv1.3", Protocol::V1_3),
    ];
    let newest = [("", Protocol::V1_3), ("TLSv1.2", Protocol::V1_2), ("TLSv1.3", Protocol::V1_3)];
    Ok(Tls {
        mode: mode(said, roots == Some(Roots::System))?,
        roots,
        revoked: said.path("sslcrl").or_else(|| at_home("root.crl")),
        revoked_folder: said.path("sslcrldir"),
        certificate,
        key: said.path("sslkey").or_else(|| at_home("postgresql.key")),
        names_host: said.one_of("sslsni", &[("0", false), ("1", true), ("", true)], true, "0 or 1")?,
        oldest: said.one_of("ssl_min_protocol_version", &oldest, Protocol::V1_2, protocols)?,
        newest: said.one_of("ssl_max_protocol_version", &newest, Protocol::V1_3, protocols)?,
    })
}

fn mode(said: &Given<'_>, of_the_system: bool) -> Result<SslMode, PlaceError> {
    let keyword = "sslmode";
    let usual = if of_the_system { SslMode::VerifyFull } else { SslMode::default() };
    let Some((value, origin)) = said.find(keyword) else {
        // The variable of old.
        let required = said.environment.variable("PGREQUIRESSL").is_some_and(|it| it.starts_with('1'));
        return Ok(if required && !of_the_system { SslMode::Require } else { usual });
    };
    match SslMode::parse(&value) {
        Some(mode) if of_the_system && mode != SslMode::VerifyFull => {
            let expected = "verify-full where sslrootcert is system";
            Err(PlaceError::Value { keyword, value, origin, expected })
        }
        Some(mode) => Ok(mode),
        None => Err(PlaceError::Value { keyword, value, origin, expected: SSL_MODES }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn connection(host: &str, port: &str) -> PostgresConnection {
        PostgresConnection {
            host: host.to_owned(),
            port: port.to_owned(),
            user: "replica".to_owned(),
            password: None,
            database: "db".to_owned(),
            settings: [].into(),
            misread_password: None,
        }
    }

    fn hosts_of(
        connection: &PostgresConnection,
        variables: &[(&str, &str)],
        home: Option<&str>,
    ) -> Vec<String> {
        let environment = Environment::of(variables, home.map(AsRef::as_ref));
        let places = resolve(connection, &environment).unwrap();
        let shown = |host: &Host| {
            let password = host.password.as_ref().map(|(password, _)| format!(" {}", password.expose()));
            format!("{host}{}", password.unwrap_or_default())
        };
        places.hosts.iter().map(shown).collect()
    }

    /// As psql does it; that folders of sockets other than the usual one aren't `localhost` is compared with it.
    #[test]
    fn the_usual_socket_is_localhost_in_the_password_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".pgpass");
        fs::write(&file, "localhost:5432:db:replica:one\nother:*:*:*:two\n10.0.0.1:*:*:*:three\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let home = home.path().to_str();
        let of = |host, port| hosts_of(&connection(host, port), &[], home);
        assert_eq!(of("", "5432"), ["/var/run/postgresql:5432 one"]);
        assert_eq!(
            of("/var/run/postgresql,localhost,/tmp", ""),
            ["/var/run/postgresql:5432 one", "localhost:5432 one", "/tmp:5432"]
        );
        assert_eq!(of("other,,third", "1,2,"), ["other:1 two", "/var/run/postgresql:2", "third:5432"]);
        let addressed = [("PGHOSTADDR", "10.0.0.1,10.0.0.2")];
        assert_eq!(hosts_of(&connection("", "1"), &addressed, home), ["10.0.0.1:1 three", "10.0.0.2:1"]);
        assert_eq!(
            hosts_of(&connection("other,", "1"), &addressed, home),
            ["other:1 (10.0.0.1) two", "10.0.0.2:1"]
        );
        assert_eq!(hosts_of(&connection("other", "1"), &[], None), ["other:1"]);
    }

    #[test]
    fn methods_are_allowed_by_name_or_all_but_some() {
        let allow = |text: &str, method: &str| Methods::parse(text).map(|methods| methods.allow(method));
        assert_eq!(allow("md5,scram-sha-256", "md5"), Some(true));
        assert_eq!(allow("md5,scram-sha-256", "password"), Some(false));
        assert_eq!(allow("!password,!md5", "md5"), Some(false));
        assert_eq!(allow("!password,!md5", "none"), Some(true));
        assert_eq!(allow("!password,md5", "md5"), None);
        assert_eq!(allow("ldap", "md5"), None);
    }

    #[test]
    fn the_authorities_of_the_system_check_the_name_too() {
        let environment = Environment::of(&[("PGSSLROOTCERT", "system")], None);
        let places = resolve(&connection("h", "1"), &environment).unwrap();
        assert_eq!((places.tls.mode, places.tls.roots), (SslMode::VerifyFull, Some(Roots::System)));
        let weak = Environment::of(&[("PGSSLROOTCERT", "system"), ("PGSSLMODE", "require")], None);
        let refusal = resolve(&connection("h", "1"), &weak).unwrap_err().to_string();
        assert!(refusal.ends_with("it should be verify-full where sslrootcert is system"), "{refusal}");
    }
}
