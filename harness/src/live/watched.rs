//! The daemon of 2.0.21 as it runs in service, with its log in a file, while our `watch` looks at it and something happens.

use super::LiveError;
use super::half;
use super::in_service::InService;
use super::passage::Passage;
use super::rival::Rival;
use super::run::{LiveRun, must_end_within, timeout};
use super::scenario::{MySqlIs, Watched};
use crate::chameleon::home::Home;
use crate::chameleon::sessions;
use crate::chameleon::version2::Chameleon2;
use crate::process::group::StartedProgram;
use crate::server::quoting::literal;
use serde_json::Value;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a daemon may take to come to its end and say so (it looks at its processes every ten rounds), and we to see it.
const TIMEOUT: Duration = Duration::from_secs(90);
/// So much MySQL sends to a daemon that reads a batch, in bytes.
const READING: u64 = 1 << 20;
/// How soon an end of the daemon must be named.
const NAMED_WITHIN: Duration = Duration::from_secs(10);
/// The daemon loses now and then why it has ended, and writes this instead.
const LOST_TRACE: &str = "Stack trace not available";
/// Now and then half of it does not hear that it is to end, and `watch` writes this. Then it is started again.
const HALF: &str = "only the process that reads is left";
/// What ends it in the middle of a round, and at the beginning of one does not: then it was to go on.
const IN_THE_MIDDLE: &str = "has ended by an error";
/// So often it is started.
const ATTEMPTS: usize = 4;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const END_TIMEOUT: Duration = Duration::from_secs(60);

impl<'a> LiveRun<'a> {
    pub(super) fn daemon_starts(&mut self, source: &'a str) -> Result<(), LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let mut daemon = Chameleon2::new(&self.programs.chameleon2, self.processes, &home).start(source)?;
        // A source is found consistent when the batch after the one that passed its point has been read.
        for _ in 0..2 {
            self.catch_up(source, &mut daemon)?;
        }
        self.in_service.insert(source, InService { home, daemon });
        Ok(())
    }

    pub(super) fn daemon_stops(&mut self, source: &str) -> Result<(), LiveError> {
        let not_there = || LiveError::Scenario(format!("no daemon of {source} was started"));
        let InService { home, daemon } = self.in_service.remove(source).ok_or_else(not_there)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        Ok(chameleon2.stop(vec![(source, daemon)], &mut self.client)?)
    }

    pub(super) fn watched(&mut self, watched: &Watched) -> Result<(), LiveError> {
        let source = self.scenario.upgraded.keys().next().map(String::as_str).unwrap_or_default();
        let mut configuration = self.configuration(&self.scenario.upgraded, &watched.with)?;
        configuration["log_dest"] = Value::from("file");
        let passage = match watched.mysql_is {
            Some(MySqlIs::Forgotten | MySqlIs::ForgottenReading) => {
                Some(Passage::open(self.first_server()?.0.host())?)
            }
            _ => None,
        };
        if let Some(passage) = &passage {
            configuration["sources"][source]["db_conn"]["host"] = Value::from(passage.host().to_string());
            if watched.mysql_is == Some(MySqlIs::ForgottenReading) {
                passage.will_forget_at(READING);
            }
        }
        let accounts = [
            (&watched.mysql_account, &["sources", source, "db_conn"][..]),
            (&watched.postgres_role, &["pg_conn"]),
        ];
        for (name, keys) in accounts {
            let connection = keys.iter().fold(&mut configuration, |value, key| &mut value[*key]);
            for key in ["user", "password"] {
                if let Some(name) = name {
                    connection[key] = Value::from(name.as_str());
                }
            }
        }
        let home = self.home_of(&configuration)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        for attempt in 1..=ATTEMPTS {
            let mut daemon = match watched.stopped {
                true => None,
                false => Some(chameleon2.start_in_service(source, watched.as_it_is)?),
            };
            if let (Some(daemon), false) = (&mut daemon, watched.ends_at_once) {
                // What has ended it may end it at each start.
                self.catch_up(source, daemon).or_else(|why| if attempt == 1 { Err(why) } else { Ok(()) })?;
            }
            let rival = match watched.rival {
                Some(server_id) => Some(Rival::start(self.first_server()?.0, server_id)?),
                None => None,
            };
            let looked = self.looked(watched, (&home, source), daemon.as_mut(), passage.as_ref());
            drop(rival);
            let is_well = watched.goes_on || watched.exit == 0;
            if let (Ok(()), true, Some(daemon)) = (&looked, is_well, &mut daemon) {
                self.catch_up(source, daemon)?;
                self.come_to_rest(source, daemon)?;
            }
            self.ended(daemon, &chameleon2, source)?;
            match looked {
                Err(why) if attempt < ATTEMPTS && met_by_chance(watched, &why.to_string()) => {}
                looked => return looked,
            }
        }
        Ok(())
    }

    fn looked(
        &mut self,
        watched: &Watched,
        (home, source): (&Home, &str),
        mut daemon: Option<&mut StartedProgram>,
        passage: Option<&Passage>,
    ) -> Result<(), LiveError> {
        let arguments =
            ["watch", "--every", "1s"].into_iter().chain(watched.arguments.iter().map(String::as_str));
        let is_timed = watched.arguments.iter().any(|argument| argument == "--for" || argument == "--until");
        let more: &[&str] = if is_timed { &[] } else { &["--for", "1h"] };
        let command = self.ours(home, arguments.chain(more.iter().copied()))?;
        // Before `watch` begins, which reads MySQL's log by the same way.
        if let (Some(MySqlIs::ForgottenReading), Some(passage)) = (watched.mysql_is, passage) {
            passage.wait_until_it_forgets()?;
        }
        let mut watch = self.processes.start("chameleon-upgrade watch", command)?;
        if watched.disk_is_full {
            self.on_the_disk("cat /dev/zero >FILLER || true")?;
        }
        self.mysql(&watched.mysql)?;
        if let Some(statements) = &watched.postgres {
            self.client.batch_execute(statements).map_err(LiveError::sql("run on PostgreSQL"))?;
        }
        if watched.kill
            && let Some(daemon) = &mut daemon
        {
            daemon.kill()?;
            sessions::end_of_daemons(&mut self.client)?;
        }
        if watched.reads_on_alone
            && let Some(daemon) = &mut daemon
            && let Err(why) = self.reads_on_alone(source, daemon)
        {
            watch.kill()?;
            return Err(why);
        }
        self.mysql_becomes(watched.mysql_is, passage)?;
        let seen = Self::seen(watched, &mut watch, daemon, is_timed);
        self.mysql_is_well(watched.mysql_is)?;
        if watched.disk_is_full {
            self.on_the_disk("rm FILLER")?;
        }
        self.mysql(&watched.mysql_afterwards)?;
        if let Some(after) = &watched.postgres_afterwards {
            self.client.batch_execute(after).map_err(LiveError::sql("run on PostgreSQL"))?;
        }
        seen
    }

    /// Runs a command about a file on the disk of the replica's database, as its server: nobody else sees that disk.
    fn on_the_disk(&mut self, command: &str) -> Result<(), LiveError> {
        let place = "SELECT pg_tablespace_location(dattablespace) FROM pg_database WHERE datname = current_database()";
        let place = self.client.query_one(place, &[]).map_err(LiveError::sql("look for the disk"))?;
        let command = command.replace("FILLER", &format!("{}/filler", place.get::<_, &str>(0)));
        let program = literal(&format!("cat >/dev/null; {command}"));
        let run = self.client.batch_execute(&format!("COPY (SELECT 1) TO PROGRAM {program}"));
        run.map_err(LiveError::sql("run a command as the server"))
    }

    fn mysql_becomes(&mut self, what: Option<MySqlIs>, passage: Option<&Passage>) -> Result<(), LiveError> {
        match (what, passage) {
            (Some(MySqlIs::Killed), _) => self.first_server()?.0.kill(),
            (Some(MySqlIs::Frozen), _) => self.first_server()?.0.freeze(),
            (Some(MySqlIs::Forgotten), Some(passage)) => passage.forget(),
            _ => {}
        }
        Ok(())
    }

    fn mysql_is_well(&mut self, what: Option<MySqlIs>) -> Result<(), LiveError> {
        let (mysql, software, options) = self.first_server()?;
        match what {
            Some(MySqlIs::Killed) => mysql.start_again(software, &options)?,
            Some(MySqlIs::Frozen) => mysql.thaw(),
            Some(MySqlIs::Forgotten | MySqlIs::ForgottenReading) | None => {}
        }
        Ok(())
    }

    /// Waits until `watch` has seen it, and ended.
    fn seen(
        watched: &Watched,
        watch: &mut StartedProgram,
        mut daemon: Option<&mut StartedProgram>,
        is_timed: bool,
    ) -> Result<(), LiveError> {
        if !is_timed {
            let mut deadline = Instant::now() + TIMEOUT;
            while watched.says.iter().any(|text| !watch.output().contains(text)) {
                let half = !watched.reads_on_alone && watch.output().contains(HALF);
                if half || watch.ended()?.is_some() || Instant::now() > deadline {
                    break;
                }
                if let Some(ended) = &mut daemon
                    && ended.ended()?.is_some()
                {
                    deadline = deadline.min(Instant::now() + NAMED_WITHIN);
                    daemon = None;
                }
                sleep(POLL_INTERVAL);
            }
            watch.interrupt();
        }
        must_end_within(timeout(&watched.arguments), watch, watched.exit, &watched.says)?;
        let output = watch.output();
        match watched.silent.iter().find(|text| output.contains(*text)) {
            Some(text) => Err(watch.failure(&format!("said {text:?}")).into()),
            None => Ok(()),
        }
    }

    /// The daemon is stopped, if it runs still; and the source can be started again.
    pub(super) fn ended(
        &mut self,
        daemon: Option<StartedProgram>,
        chameleon2: &Chameleon2<'_>,
        source: &str,
    ) -> Result<(), LiveError> {
        if let Some(mut daemon) = daemon {
            if daemon.ended()?.is_none() {
                daemon.interrupt();
                // Seen: now and then it hangs in its handler of the signal. Then it is killed, as by its administrator.
                let _killed_in_the_end = daemon.wait(END_TIMEOUT);
            }
            sessions::end_of_daemons(&mut self.client)?;
            sessions::wait_for_the_end(&mut self.client)?;
        }
        if self.status_of(source)? == "stopped" {
            return Ok(());
        }
        Ok(chameleon2.enable_replica(source)?)
    }
}

/// Whether the daemon is started again because of this, which says nothing of what is watched.
fn met_by_chance(watched: &Watched, why: &str) -> bool {
    let chances = [LOST_TRACE, HALF, half::HEARD];
    chances.iter().any(|it| why.contains(it)) || watched.goes_on && why.contains(IN_THE_MIDDLE)
}
