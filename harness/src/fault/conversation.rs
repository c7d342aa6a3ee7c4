//! One connection through the proxy, without its sockets: whole messages go in, bytes for either side come
//! out. Here messages are counted, faults meet their places, and each kind of fault is carried out.

use super::message::{
    Message, MessageKind, put_bind, put_copy_fail, put_execute, put_flush, put_parse, put_query,
};
use super::step::{COMMIT_STEP, Mark, recognise};
use super::transcript::{Due, SharedRun, StepMessage};
use super::unanswered::{Relay, Unanswered};
use super::{Action, Effect, Resume, SqlState};
use bytes::BytesMut;

/// The one SQLSTATE with which a server ends a COPY because its client asks for it.
const COPY_FAILS_WITH: &str = "57014";

/// A counted message of the client.
struct Arrival {
    message: Message,
    kind: MessageKind,
    number: u64,
    step: Option<StepMessage>,
    mark: Option<Mark>,
}

/// What the session is doing.
enum Phase {
    /// Messages pass.
    Open,
    /// A fault waits until the server has answered all that came before its message.
    Settling(Arrival, Due),
    /// An action runs while the message is held.
    Holding { arrival: Arrival, fault: usize },
    /// The server has the message; the client is to be cut off as soon as all of it was sent.
    CuttingClient { number: u64, fault: usize },
    /// The client is cut off; the server works on the message.
    FinishingAlone,
    /// The server has the message; its answer will be lost.
    LosingAnswer { number: u64, fault: usize },
    /// The connection ends when what is left was sent.
    Over,
}

/// An error that the server was asked to raise.
struct Raising {
    number: u64,
    sqlstate: SqlState,
}

/// See the module.
pub(super) struct Conversation {
    run: SharedRun,
    connection: u32,
    authenticated: bool,
    in_transaction: bool,
    step: Option<StepMessage>,
    unanswered: Unanswered,
    phase: Phase,
    raising: Option<Raising>,
    action: Option<Action>,
    /// Bytes on their way to the client.
    pub(super) to_client: BytesMut,
    /// Bytes on their way to the server.
    pub(super) to_server: BytesMut,
}

impl Conversation {
    /// A connection whose client has sent `startup`, its startup message.
    pub(super) fn new(run: SharedRun, connection: u32, startup: &[u8]) -> Self {
        Self {
            run,
            connection,
            authenticated: false,
            in_transaction: false,
            step: None,
            unanswered: Unanswered::default(),
            phase: Phase::Open,
            raising: None,
            action: None,
            to_client: BytesMut::new(),
            to_server: BytesMut::from(startup),
        }
    }

    /// True when the next message of the client may be given to [`Conversation::frontend`].
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// True when nothing is left to do but to send what is left.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// True when the client is to be cut off once all bytes for both sides were sent.
    pub(super) fn is_cutting_client(&self) -> bool {
        matches!(self.phase, Phase::CuttingClient { .. })
    }

    /// The action of a fault that has just come to its place; to be run at once.
    pub(super) fn take_action(&mut self) -> Option<Action> {
        self.action.take()
    }

    /// Takes a message of the client.
    pub(super) fn frontend(&mut self, message: Message) {
        if !self.authenticated {
            // Passwords: they pass, and leave no trace.
            self.to_server.extend_from_slice(message.as_bytes());
            return;
        }
        let kind = MessageKind::of(message.tag());
        let sql = message.sql();
        let mark = sql.as_deref().filter(|_| kind == MessageKind::Query).and_then(recognise);
        let step = self.advance_step(mark.as_ref());
        let number = self.run.lock().saw(self.connection, kind, step.clone(), sql.as_deref());
        self.arrived(Arrival { message, kind, number, step, mark });
    }

    /// The place of the next message in its step.
    fn advance_step(&mut self, mark: Option<&Mark>) -> Option<StepMessage> {
        if let Some(Mark::Begins(name)) = mark {
            self.step = Some(StepMessage { name: name.clone(), number: 0 });
        }
        if let Some(step) = &mut self.step {
            step.number += 1;
        }
        match mark {
            Some(Mark::Commits) => {
                self.step.take().map(|_| StepMessage { name: COMMIT_STEP.to_owned(), number: 1 })
            }
            Some(Mark::RollsBack) => self.step.take(),
            _ => self.step.clone(),
        }
    }

    /// Lets a message pass, unless a fault has its place there.
    fn arrived(&mut self, arrival: Arrival) {
        let due = self.run.lock().due(arrival.number, arrival.step.as_ref());
        match due {
            None => self.forward(&arrival),
            Some(due) => {
                if !self.unanswered.is_settled() {
                    // Without it the server may keep the answers to extended messages to itself.
                    put_flush(&mut self.to_server);
                }
                self.phase = Phase::Settling(arrival, due);
                self.proceed();
            }
        }
    }

    fn forward(&mut self, arrival: &Arrival) {
        self.to_server.extend_from_slice(arrival.message.as_bytes());
        self.unanswered.sent(arrival.kind);
    }

    /// Sends a message and has the server answer it, whatever its kind.
    fn forward_for_answer(&mut self, arrival: &Arrival) {
        self.forward(arrival);
        if !self.unanswered.is_settled() {
            put_flush(&mut self.to_server);
        }
    }

    /// Takes a message of the server.
    pub(super) fn backend(&mut self, message: &Message) {
        let tag = message.tag();
        let relay = if self.authenticated {
            let answer = self.unanswered.answered(tag);
            if let Some(fault) = answer.fault {
                self.raised(fault, message.sqlstate());
            }
            answer.relay
        } else {
            self.authenticated = tag == b'R' && message.body() == [0; 4];
            true
        };
        if tag == b'Z' {
            self.in_transaction = message.body() == b"T";
        }
        if relay
            && !matches!(
                self.phase,
                Phase::LosingAnswer { .. }
                    | Phase::CuttingClient { .. }
                    | Phase::FinishingAlone
                    | Phase::Over
            )
        {
            self.to_client.extend_from_slice(message.as_bytes());
        }
        self.proceed();
    }

    /// Goes on with a fault that waited for the server to be done.
    fn proceed(&mut self) {
        if !self.unanswered.is_settled() {
            return;
        }
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Settling(arrival, due) => self.carry_out(arrival, due),
            Phase::LosingAnswer { number, fault } => {
                self.run.lock().happened(fault, number);
                self.phase = Phase::Over;
            }
            Phase::FinishingAlone => self.phase = Phase::Over,
            phase => self.phase = phase,
        }
    }

    fn carry_out(&mut self, arrival: Arrival, due: Due) {
        let Due { index: fault, effect } = due;
        let number = arrival.number;
        match effect {
            Effect::StatementFails(sqlstate) => self.fail(&arrival, fault, sqlstate),
            Effect::CutBefore => {
                self.run.lock().happened(fault, number);
                self.phase = Phase::Over;
            }
            Effect::CutDuring => {
                self.forward_for_answer(&arrival);
                self.phase = Phase::CuttingClient { number, fault };
            }
            Effect::CutAfter => {
                self.forward_for_answer(&arrival);
                self.phase = Phase::LosingAnswer { number, fault };
                self.proceed();
            }
            Effect::Hold { action, .. } => {
                self.action = Some(action);
                self.phase = Phase::Holding { arrival, fault };
            }
        }
    }

    /// The client was cut off, as [`Conversation::is_cutting_client`] asked.
    pub(super) fn client_was_cut(&mut self) {
        if let Phase::CuttingClient { number, fault } = self.phase {
            self.run.lock().happened(fault, number);
            self.phase = Phase::FinishingAlone;
            self.proceed();
        }
    }

    /// The action has ended; `alive` when both client and server are still there.
    pub(super) fn action_ended(&mut self, outcome: Result<Resume, String>, alive: bool) {
        let Phase::Holding { arrival, fault } = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let resume = match outcome {
            Ok(resume) => {
                self.run.lock().happened(fault, arrival.number);
                resume
            }
            Err(why) => {
                self.run.lock().missed(fault, arrival.number, why);
                Resume::Forward
            }
        };
        if alive && resume == Resume::Forward {
            self.phase = Phase::Open;
            self.arrived(arrival);
        }
    }

    /// Has the server fail in place of a message. The server is settled: it takes what it is sent next.
    fn fail(&mut self, arrival: &Arrival, fault: usize, sqlstate: SqlState) {
        let number = arrival.number;
        let sql = raise(&sqlstate, number);
        if let Some(why) = self.cannot_fail(arrival.kind) {
            self.run.lock().missed(fault, number, why);
            self.forward(arrival);
            return;
        }
        self.raising = Some(Raising { number, sqlstate });
        match arrival.kind {
            _ if self.unanswered.is_copying() => self.fail_copy(number, fault),
            MessageKind::Query if self.in_transaction && arrival.mark == Some(Mark::Commits) => {
                self.fail_commit(fault, &sql);
            }
            MessageKind::Query | MessageKind::FunctionCall => {
                put_query(&mut self.to_server, &sql);
                self.unanswered.sent_as(MessageKind::Query, Relay::All, Some(fault));
            }
            MessageKind::Sync => {
                self.fail_extended(number, fault, &sql);
                self.forward(arrival);
            }
            _ => self.fail_extended(number, fault, &sql),
        }
    }

    fn cannot_fail(&self, kind: MessageKind) -> Option<&'static str> {
        match kind {
            MessageKind::Terminate | MessageKind::Unknown => Some("the message is not a statement"),
            _ if self.unanswered.is_discarding() => Some("the server was discarding messages after an error"),
            MessageKind::CopyData | MessageKind::CopyDone | MessageKind::CopyFail
                if !self.unanswered.is_copying() =>
            {
                Some("the server was not reading the data of a COPY")
            }
            _ => None,
        }
    }

    /// A COMMIT that fails leaves no transaction behind.
    fn fail_commit(&mut self, fault: usize, sql: &str) {
        put_query(&mut self.to_server, sql);
        self.unanswered.sent_as(MessageKind::Query, Relay::Error, Some(fault));
        put_query(&mut self.to_server, "ROLLBACK");
        self.unanswered.sent_as(MessageKind::Query, Relay::Ready, None);
    }

    /// Raises the error by extended messages, so that the server itself goes on to discard up to the Sync. The
    /// statement has a name of its own: the client's unnamed one stays.
    fn fail_extended(&mut self, number: u64, fault: usize, sql: &str) {
        let name = format!("chameleon_fault_{number}");
        put_parse(&mut self.to_server, &name, sql);
        put_bind(&mut self.to_server, &name);
        put_execute(&mut self.to_server, &name);
        put_flush(&mut self.to_server);
        for kind in [MessageKind::Parse, MessageKind::Bind, MessageKind::Execute] {
            self.unanswered.sent_as(kind, Relay::Error, Some(fault));
        }
    }

    /// While the server reads the data of a COPY, it can be made to fail only by the COPY itself.
    fn fail_copy(&mut self, number: u64, fault: usize) {
        put_copy_fail(&mut self.to_server, &format!("injected fault at message {number}"));
        put_flush(&mut self.to_server);
        self.unanswered.blame_copy(fault);
        self.unanswered.sent(MessageKind::CopyFail);
    }

    /// The server has raised an error for a fault.
    fn raised(&mut self, fault: usize, sqlstate: Option<String>) {
        let Some(raising) = self.raising.take() else { return };
        let got = sqlstate.unwrap_or_default();
        let mut run = self.run.lock();
        if got == raising.sqlstate.code() {
            run.happened(fault, raising.number);
        } else {
            let hint = match got.as_str() {
                "25P02" => ": the transaction had failed already",
                COPY_FAILS_WITH => ": within the data of a COPY there is no other",
                _ => "",
            };
            run.missed(fault, raising.number, format!("the server answered {got}{hint}"));
        }
    }
}

/// A statement that raises the error; it needs no object and no privilege but plpgsql's, which everyone has.
fn raise(sqlstate: &SqlState, number: u64) -> String {
    format!(
        "DO $fault$BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}', \
         MESSAGE = 'injected fault {sqlstate} at message {number}'; END$fault$"
    )
}
