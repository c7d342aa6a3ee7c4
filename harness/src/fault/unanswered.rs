//! What the server still owes: the messages sent to it, in order, each with the answer that the protocol
//! promises (PostgreSQL's manual, "Message Flow"). From this the proxy knows for certain when the server is
//! done with a message, and which answers belong to messages of the proxy's own.

use super::message::MessageKind;
use std::collections::VecDeque;

/// Which part of an answer the client gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relay {
    /// All of it: the client's own message.
    All,
    /// Only an error.
    Error,
    /// Only the end of it.
    Ready,
}

/// What the answer to a message ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    ParseComplete,
    BindComplete,
    CloseComplete,
    RowDescription,
    CommandComplete,
    ReadyForQuery,
    /// CopyDone and CopyFail: no answer of their own, but the end of a copy that may begin before them.
    Copy,
}

impl Ending {
    /// None for messages that aren't answered.
    fn of(kind: MessageKind) -> Option<Self> {
        match kind {
            MessageKind::Query | MessageKind::FunctionCall | MessageKind::Sync => Some(Self::ReadyForQuery),
            MessageKind::Parse => Some(Self::ParseComplete),
            MessageKind::Bind => Some(Self::BindComplete),
            MessageKind::Close => Some(Self::CloseComplete),
            MessageKind::Describe => Some(Self::RowDescription),
            MessageKind::Execute => Some(Self::CommandComplete),
            MessageKind::CopyDone | MessageKind::CopyFail => Some(Self::Copy),
            MessageKind::Flush | MessageKind::CopyData | MessageKind::Terminate | MessageKind::Unknown => {
                None
            }
        }
    }

    /// True when a backend message of this type ends the answer (errors and ReadyForQuery apart).
    fn is(self, tag: u8) -> bool {
        match self {
            Self::ParseComplete => tag == b'1',
            Self::BindComplete => tag == b'2',
            Self::CloseComplete => tag == b'3',
            // RowDescription or NoData; before it, for a statement, ParameterDescription.
            Self::RowDescription => matches!(tag, b'T' | b'n'),
            // CommandComplete, EmptyQueryResponse or PortalSuspended.
            Self::CommandComplete => matches!(tag, b'C' | b'I' | b's'),
            Self::ReadyForQuery | Self::Copy => false,
        }
    }
}

/// A message sent to the server and not yet answered.
#[derive(Debug)]
struct Awaited {
    kind: MessageKind,
    ending: Ending,
    relay: Relay,
    /// The fault that makes this message fail, by its place in the proxy's list.
    fault: Option<usize>,
}

/// What is to be done with a backend message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The client is to see it.
    pub(super) relay: bool,
    /// The fault that asked for this error.
    pub(super) fault: Option<usize>,
}

/// The messages that the server has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    queue: VecDeque<Awaited>,
    /// After an error within extended messages the server discards everything until a Sync.
    discarding: bool,
    /// The server reads the data of a COPY; it ignores Flush and Sync meanwhile.
    copying: bool,
}

impl Unanswered {
    /// Notes a message of the client that was sent to the server as it is.
    pub(super) fn sent(&mut self, kind: MessageKind) {
        self.sent_as(kind, Relay::All, None);
    }

    /// Notes a message that was sent to the server, and what the client sees of its answer.
    pub(super) fn sent_as(&mut self, kind: MessageKind, relay: Relay, fault: Option<usize>) {
        let ignored = match kind {
            MessageKind::Sync if self.copying => true,
            MessageKind::Sync => {
                self.discarding = false;
                false
            }
            MessageKind::CopyDone | MessageKind::CopyFail if self.copying => {
                self.copying = false;
                true
            }
            _ => self.discarding,
        };
        if let Some(ending) = Ending::of(kind).filter(|_| !ignored) {
            self.queue.push_back(Awaited { kind, ending, relay, fault });
            self.drop_idle_copy_ends();
        }
    }

    /// Lays the error that the running COPY will end with at the door of `fault`.
    pub(super) fn blame_copy(&mut self, fault: usize) {
        if let Some(front) = self.queue.front_mut() {
            front.fault = Some(fault);
        }
    }

    /// True when the server has answered everything, or waits for the data of a COPY.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty() || self.copying
    }

    /// True while the server discards messages after an error, until a Sync.
    pub(super) fn is_discarding(&self) -> bool {
        self.discarding
    }

    /// True while the server reads the data of a COPY.
    pub(super) fn is_copying(&self) -> bool {
        self.copying
    }

    /// Takes note of a backend message: what it ends, and for whom it is.
    pub(super) fn answered(&mut self, tag: u8) -> Answer {
        let relay = self.queue.front().map_or(Relay::All, |front| front.relay);
        let mut fault = None;
        let relay = match tag {
            // Notices, parameters and notifications come at any time and are no part of an answer.
            b'N' | b'S' | b'A' => true,
            b'E' => {
                fault = self.failed();
                relay != Relay::Ready
            }
            b'Z' => {
                self.ready();
                relay != Relay::Error
            }
            b'G' => {
                self.copy_begins();
                relay == Relay::All
            }
            _ => {
                if self.queue.front().is_some_and(|front| front.ending.is(tag)) {
                    self.queue.pop_front();
                }
                relay == Relay::All
            }
        };
        self.drop_idle_copy_ends();
        Answer { relay, fault }
    }

    /// An error ends a COPY and, among extended messages, everything up to the next Sync.
    fn failed(&mut self) -> Option<usize> {
        self.copying = false;
        let front = self.queue.front_mut()?;
        let fault = front.fault.take();
        if front.ending != Ending::ReadyForQuery {
            match self.queue.iter().position(|awaited| awaited.kind == MessageKind::Sync) {
                Some(sync) => drop(self.queue.drain(..sync)),
                None => {
                    self.queue.clear();
                    self.discarding = true;
                }
            }
        }
        fault
    }

    fn ready(&mut self) {
        if let Some(end) = self.queue.iter().position(|awaited| awaited.ending == Ending::ReadyForQuery) {
            self.queue.drain(..=end);
        }
    }

    /// The server ignores the Syncs that it meets before the end of the data, which may be under way already.
    fn copy_begins(&mut self) {
        let after_front = 1.min(self.queue.len());
        let end = self.queue.iter().position(|awaited| awaited.ending == Ending::Copy);
        let mut position = 0;
        self.queue.retain(|awaited| {
            let before_end = end.is_none_or(|end| position <= end);
            let ignored = position >= after_front
                && before_end
                && (awaited.kind == MessageKind::Sync || awaited.ending == Ending::Copy);
            position += 1;
            !ignored
        });
        self.copying = end.is_none();
    }

    /// CopyDone and CopyFail without a COPY are ignored by the server.
    fn drop_idle_copy_ends(&mut self) {
        while self.queue.front().is_some_and(|front| front.ending == Ending::Copy) {
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MessageKind::{Bind, CopyData, CopyDone, Describe, Execute, Parse, Query, Sync};
    use super::*;

    fn answer(unanswered: &mut Unanswered, tags: &[u8]) -> Vec<Answer> {
        tags.iter().map(|tag| unanswered.answered(*tag)).collect()
    }

    fn after(sent: &[MessageKind], answered: &[u8]) -> Unanswered {
        let mut unanswered = Unanswered::default();
        sent.iter().for_each(|kind| unanswered.sent(*kind));
        answer(&mut unanswered, answered);
        unanswered
    }

    #[test]
    fn a_query_is_answered_when_the_server_is_ready() {
        assert!(!after(&[Query], b"TDDCTDC").is_settled());
        assert!(after(&[Query], b"TDDCTDCZ").is_settled());
        assert!(!after(&[Query, Query], b"CZ").is_settled());
        assert!(after(&[Query], b"EZ").is_settled());
    }

    #[test]
    fn each_extended_message_has_an_answer_of_its_own() {
        let sent = [Parse, Describe, Bind, Execute];
        assert!(!after(&sent, b"1tT2D").is_settled());
        assert!(after(&sent, b"1tT2DC").is_settled());
        assert!(!after(&[Parse, Sync], b"1").is_settled());
        assert!(after(&[Parse, Sync], b"1Z").is_settled());
    }

    #[test]
    fn an_error_settles_extended_messages_up_to_the_sync() {
        let discarding = after(&[Parse, Bind, Execute], b"1E");
        assert!(discarding.is_settled() && discarding.is_discarding());
        let pipelined = after(&[Parse, Sync, Query], b"E");
        assert!(!pipelined.is_settled() && !pipelined.is_discarding());
        assert!(after(&[Parse, Sync, Query], b"EZCZ").is_settled());
    }

    #[test]
    fn syncs_within_a_copy_are_not_answered() {
        let mut unanswered = after(&[Bind, Execute, Sync], b"2G");
        assert!(unanswered.is_copying() && unanswered.is_settled());
        [Sync, CopyData, Sync, CopyDone, Sync].iter().for_each(|kind| unanswered.sent(*kind));
        assert!(!unanswered.is_settled());
        answer(&mut unanswered, b"CZ");
        assert!(unanswered.is_settled());
    }

    #[test]
    fn a_copy_may_be_sent_before_its_beginning_is_answered() {
        let mut unanswered = after(&[Bind, Execute, Sync, CopyData, CopyDone, Sync], b"2G");
        assert!(!unanswered.is_copying() && !unanswered.is_settled());
        answer(&mut unanswered, b"CZ");
        assert!(unanswered.is_settled());
    }

    #[test]
    fn the_end_of_a_copy_that_never_began_is_not_waited_for() {
        let mut unanswered = after(&[Bind, Execute, Sync], b"2EZ");
        [CopyData, CopyDone].iter().for_each(|kind| unanswered.sent(*kind));
        assert!(unanswered.is_settled());
        unanswered.sent(Sync);
        assert!(!unanswered.is_settled());
    }

    #[test]
    fn of_an_injected_message_only_the_error_is_relayed() {
        let mut unanswered = Unanswered::default();
        unanswered.sent(Parse);
        unanswered.sent_as(Parse, Relay::Error, Some(4));
        unanswered.sent_as(Execute, Relay::Error, Some(4));
        unanswered.sent(Sync);
        let seen = answer(&mut unanswered, b"11EZ");
        assert_eq!(seen.iter().map(|answer| answer.relay).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(seen.iter().map(|answer| answer.fault).collect::<Vec<_>>(), [None, None, Some(4), None]);
    }

    #[test]
    fn an_error_out_of_the_blue_leaves_nothing_to_wait_for() {
        let idle = after(&[], b"E");
        assert!(idle.is_settled() && !idle.is_discarding());
    }
}
