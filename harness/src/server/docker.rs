//! The kind `docker`: PostgreSQL in a container, made by testcontainers from the official image or any other
//! that takes the same settings. The port on this machine is fixed, so that a restart doesn't change it.

use super::{Address, Server, ServerError, port};
use crate::process::supervisor::Supervisor;
use crate::process::tools;
use secrecy::{ExposeSecret, SecretString};
use std::env;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use testcontainers::bollard::models::HostConfig;
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, ContainerRequest, GenericImage, ImageExt};

/// How long a start, with recovery from a crash, may take.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const SUPERUSER: &str = "postgres";
const POSTGRES_PORT: u16 = 5432;
/// Quick, and ready for many tests at once.
const SETTINGS: [&str; 4] =
    ["fsync=off", "full_page_writes=off", "max_connections=200", "dynamic_shared_memory_type=mmap"];

/// How a server in a container is to be.
#[derive(Debug, Clone, Default)]
pub struct DockerOptions {
    /// The image with its tag; else that of [`tools::docker_image`].
    pub image: Option<String>,
    /// Further settings of PostgreSQL, as names and values.
    pub settings: Vec<(String, String)>,
}

/// A server in a container; see [`docker`].
pub struct DockerServer {
    address: Address,
    command: PathBuf,
    name: String,
    frozen: bool,
    // Dropped in this order: the supervisor sees to what the container's own drop has missed.
    container: Container<GenericImage>,
    _supervisor: Supervisor,
}

/// Starts a container with PostgreSQL in it. It goes, with its volumes, when the value or the program does.
///
/// # Errors
/// [`ServerError`] when there is no engine, the image can't be had, or PostgreSQL doesn't start in it.
pub fn docker(options: &DockerOptions) -> Result<DockerServer, ServerError> {
    let command = tools::docker()?;
    let image = match &options.image {
        Some(image) => image.clone(),
        None => tools::docker_image()?,
    };
    let server = port::retry(|port| match create(&command, &image, port, options) {
        Err(ServerError::Docker { reason, .. }) if reason.contains("already allocated") => Ok(None),
        result => result.map(Some),
    })?;
    server.wait_until_ready()?;
    Ok(server)
}

fn create(
    command: &Path,
    image: &str,
    port: u16,
    options: &DockerOptions,
) -> Result<DockerServer, ServerError> {
    let name = format!("chameleon-harness-{:016x}", rand::random::<u64>());
    let password = SecretString::from(format!("{:032x}", rand::random::<u128>()));
    let failed = |error: testcontainers::TestcontainersError| ServerError::Docker {
        doing: format!("start a container of the image {image}"),
        reason: in_full(&error),
    };
    let mut supervisor = Supervisor::start(include_str!("docker.sh"), [command.as_os_str(), name.as_ref()])?;
    let container = request(image, &name, port, &password, options).start().map_err(failed)?;
    supervisor.tell("created")?;
    let host = container.get_host().map_err(failed)?.to_string();
    let address = Address {
        host: if host == "localhost" { Ipv4Addr::LOCALHOST.to_string() } else { host },
        port,
        user: SUPERUSER.to_owned(),
        password,
        maintenance_database: SUPERUSER.to_owned(),
    };
    Ok(DockerServer {
        address,
        command: command.to_owned(),
        name,
        frozen: false,
        container,
        _supervisor: supervisor,
    })
}

fn request(
    image: &str,
    name: &str,
    port: u16,
    password: &SecretString,
    options: &DockerOptions,
) -> ContainerRequest<GenericImage> {
    let (repository, tag) = split_image(image);
    let settings = options.settings.iter().map(|(name, value)| format!("{name}={value}"));
    let settings = SETTINGS.map(str::to_owned).into_iter().chain(settings);
    let server =
        ["postgres".to_owned()].into_iter().chain(settings.flat_map(|setting| ["-c".to_owned(), setting]));
    GenericImage::new(repository, tag)
        .with_container_name(name)
        .with_env_var("POSTGRES_PASSWORD", password.expose_secret())
        .with_env_var("POSTGRES_INITDB_ARGS", "--encoding=UTF8 --locale=C --no-sync")
        .with_cmd(server)
        .with_mapped_port(port, POSTGRES_PORT.tcp())
        .with_host_config_modifier(keep_to_this_machine)
        .with_startup_timeout(START_TIMEOUT)
}

/// Nobody else's business, unless the engine is on another machine.
fn keep_to_this_machine(config: &mut HostConfig) {
    let engine_is_here = env::var("DOCKER_HOST").map_or(true, |host| host.starts_with("unix:"));
    let bindings = config.port_bindings.iter_mut().flat_map(|ports| ports.values_mut()).flatten().flatten();
    for binding in bindings.filter(|_| engine_is_here) {
        binding.host_ip = Some(Ipv4Addr::LOCALHOST.to_string());
    }
}

/// `registry:5000/postgres:16` is `registry:5000/postgres` and `16`.
fn split_image(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

/// With the causes, which the library's errors leave to their sources.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl DockerServer {
    /// The container's name.
    #[must_use]
    pub fn container_name(&self) -> &str {
        &self.name
    }

    /// Runs `docker` with `arguments` and the container's name.
    fn docker(&self, doing: &str, arguments: &[&str]) -> Result<String, ServerError> {
        let output = Command::new(&self.command)
            .args(arguments)
            .arg(&self.name)
            .output()
            .map_err(ServerError::io(format!("run {}", self.command.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ServerError::Docker { doing: format!("{doing} the container {}", self.name), reason })
    }

    fn is_running(&self) -> Result<bool, ServerError> {
        let state = self.docker("inspect", &["container", "inspect", "--format", "{{.State.Running}}"])?;
        Ok(state.trim() == "true")
    }

    fn wait_until_ready(&self) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while let Err(error) = self.address.connect(&self.address.maintenance_database) {
            if !self.is_running()? {
                return Err(self.not_started("the container has ended"));
            }
            if Instant::now() > deadline {
                return Err(self.not_started(&error.to_string()));
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn not_started(&self, what: &str) -> ServerError {
        let end = |log: testcontainers::core::error::Result<Vec<u8>>| {
            let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(20)..].join("\n")
        };
        let log = format!("{}\n{}", end(self.container.stdout_to_vec()), end(self.container.stderr_to_vec()));
        ServerError::NotStarted { server: "PostgreSQL", what: what.to_owned(), log }
    }

    /// Sends `signal` to the server and waits for its end.
    fn end_by(&mut self, signal: &str) -> Result<(), ServerError> {
        self.thaw()?;
        if self.is_running()? {
            self.docker("signal", &["kill", "--signal", signal])?;
            self.docker("wait for", &["wait"])?;
        }
        Ok(())
    }
}

impl Server for DockerServer {
    fn address(&self) -> &Address {
        &self.address
    }

    fn stop(&mut self) -> Result<(), ServerError> {
        // PostgreSQL's fast shutdown.
        self.end_by("INT")
    }

    fn kill(&mut self) -> Result<(), ServerError> {
        // The postmaster is the container's first process: with it go all the others.
        self.end_by("KILL")
    }

    fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.docker("start", &["start"])?;
        self.wait_until_ready()
    }

    fn freeze(&mut self) -> Result<(), ServerError> {
        if !self.frozen && self.is_running()? {
            self.docker("pause", &["pause"])?;
            self.frozen = true;
        }
        Ok(())
    }

    fn thaw(&mut self) -> Result<(), ServerError> {
        if self.frozen {
            self.docker("unpause", &["unpause"])?;
            self.frozen = false;
        }
        Ok(())
    }

    fn binaries(&self) -> Option<&Path> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_before_the_last_slash_is_a_port() {
        assert_eq!(split_image("postgres:16"), ("postgres", "16"));
        assert_eq!(split_image("postgres"), ("postgres", "latest"));
        assert_eq!(split_image("registry:5000/postgres"), ("registry:5000/postgres", "latest"));
        assert_eq!(split_image("registry:5000/postgres:16"), ("registry:5000/postgres", "16"));
    }
}
