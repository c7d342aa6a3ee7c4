//! Every kind of fault at every message of a verb that changes what an upgrade has made, each on a copy of its own.

use crate::replica::{PROGRAM, demo_source, where_programs_are};
use chameleon_harness::chameleon::home::Configuration;
use chameleon_harness::fault::FaultDescription;
use chameleon_harness::record::properties;
use chameleon_harness::replica::attempt::{self, Attempt, Outcome};
use chameleon_harness::replica::template::ReplicaTemplate;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::replica::{Origin, Replica};
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{Kind, SharedServer};
use chameleon_harness::sweep::case::Case;
use postgres::Client;

/// They take turns, and all have theirs around the commit; with CHAMELEON_FAULTS the answer is lost at every message.
const KINDS: [&str; 5] =
    ["cut_after", "statement_fails:disk_full", "cut_before", "kill_client", "crash_server"];

/// How many of the last messages are around the commit.
const AROUND_THE_COMMIT: usize = 6;

/// A replica that has been upgraded, on a server that may be crashed.
pub struct Upgraded {
    template: ReplicaTemplate,
    configuration: Configuration,
    replica: Replica,
}

impl Upgraded {
    pub fn demo() -> Self {
        let mut upgraded = Self::of(|_| ());
        let mut replica = upgraded.replica.copy(&upgraded.configuration).unwrap();
        assert_eq!(upgraded.run(&mut replica, &["upgrade", "--yes"], &[]).code(), Some(0));
        upgraded.replica = replica;
        upgraded
    }

    /// The same, with what has happened since, as statements.
    pub fn and_then(sql: &str) -> Self {
        let upgraded = Self::demo();
        upgraded.client().batch_execute(sql).unwrap();
        upgraded
    }

    /// A replica of which `prepare` makes what it should be.
    pub fn of(prepare: impl FnOnce(&mut Client)) -> Self {
        let server = SharedServer::new(Kind::default().in_memory().start().unwrap());
        let template = ReplicaTemplate::new(server, &Origin::Seed(Seed::demo())).unwrap();
        let configuration: Configuration = vec![demo_source()].into();
        let replica = template.replica(&configuration).unwrap();
        prepare(&mut replica.superuser().unwrap());
        Self { template, configuration, replica }
    }

    /// A session on it.
    pub fn client(&self) -> Client {
        self.replica.superuser().unwrap()
    }

    /// A copy of it.
    pub fn copy(&self) -> Replica {
        self.replica.copy(&self.configuration).unwrap()
    }

    /// The program on a copy, with these faults.
    pub fn run(&self, replica: &mut Replica, arguments: &[&str], faults: &[FaultDescription]) -> Outcome {
        let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
        let attempt = Attempt {
            upgrader: &Upgrader::new(PROGRAM),
            arguments: &arguments,
            configuration: &self.configuration,
            faults,
            environment: &where_programs_are().into_iter().collect(),
            limit: attempt::LIMIT,
        };
        attempt::run(replica, self.template.server(), &attempt).unwrap()
    }

    /// Runs the verb with each; the kinds take turns, unless CHAMELEON_FAULTS asks for all. `judge` holds what is left against the
    /// exit code, and says whether the verb has done its work; where it has not, run again it does. At least once its answer
    /// must have been lost.
    pub fn in_turn_at_every_message(
        &self,
        verb: &[&str],
        judge: impl Fn(&Case, &Outcome, &mut Client) -> bool,
    ) {
        let cut = std::env::var_os("CHAMELEON_FAULTS").is_some();
        let copy = || self.copy();
        let undisturbed = self.run(&mut copy(), verb, &[]);
        assert_eq!(undisturbed.code(), Some(0), "{}", undisturbed.output);
        let messages = undisturbed.transcript.messages.len();
        assert!(messages > 10, "{messages}");
        let mut found_out = 0;
        for message in 1..=messages {
            let in_turn = if cut { 1 + message % (KINDS.len() - 1) } else { message % KINDS.len() };
            let kinds = KINDS.iter().enumerate().filter(|(number, _)| {
                (cut && *number == 0) || *number == in_turn || message + AROUND_THE_COMMIT > messages
            });
            for (_, kind) in kinds {
                let case: Case = format!("{kind}@{message}").parse().unwrap();
                let mut replica = copy();
                let outcome = self.run(&mut replica, verb, &case.faults());
                let goodbye = message == messages;
                assert!(goodbye || outcome.transcript.all_happened().is_ok(), "{case}");
                let mut client = replica.superuser().unwrap();
                properties::await_end_of_sessions(&mut client).unwrap();
                let done = judge(&case, &outcome, &mut client);
                drop(client);
                found_out += usize::from(done && *kind == "cut_after" && outcome.code() == Some(0));
                if !done {
                    assert_eq!(self.run(&mut replica, verb, &[]).code(), Some(0), "{case}: run again");
                }
            }
        }
        assert!(found_out > 0, "an answer of the commit was lost");
    }
}
