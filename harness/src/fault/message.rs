//! Whole messages of PostgreSQL's frontend/backend protocol, version 3 (its manual, "Message Formats"): a type
//! byte, a length that counts itself, a body. Only as much of the bodies is read as faults need.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type byte and the length.
const HEADER: usize = 5;
/// The server's own limit on a message (`PQ_LARGE_MESSAGE_LIMIT`, 1 GiB − 1).
const LONGEST: usize = (1 << 30) - 1;

/// The bytes aren't messages of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of type {tag:#04x} and length {length} is not one of PostgreSQL's protocol 3")]
pub(super) struct Malformed {
    tag: u8,
    length: u32,
}

/// One whole message, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    bytes: Bytes,
}

impl Message {
    /// Takes the first whole message out of `buffer`; none when it hasn't all arrived.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        match Self::length(buffer)? {
            Some(length) if buffer.len() >= length => {
                Ok(Some(Self { bytes: buffer.split_to(length).freeze() }))
            }
            _ => Ok(None),
        }
    }

    /// True when [`Message::take`] has something to take, or to complain of.
    pub(super) fn is_waiting(buffer: &[u8]) -> bool {
        match Self::length(buffer) {
            Ok(Some(length)) => buffer.len() >= length,
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// The length of the message that `buffer` begins with, type byte and all.
    fn length(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(mut header) = buffer.get(..HEADER) else { return Ok(None) };
        let tag = header.get_u8();
        let length = header.get_u32();
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        if tag.is_ascii_alphanumeric() && (4..=LONGEST).contains(&whole) {
            Ok(Some(1 + whole))
        } else {
            Err(Malformed { tag, length })
        }
    }

    pub(super) fn tag(&self) -> u8 {
        self.bytes[0]
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SQL of a Query or Parse.
    pub(super) fn sql(&self) -> Option<String> {
        let text = match MessageKind::of(self.tag()) {
            MessageKind::Query => terminated(self.body()).0,
            MessageKind::Parse => terminated(terminated(self.body()).1).0,
            _ => return None,
        };
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// The SQLSTATE of an ErrorResponse.
    pub(super) fn sqlstate(&self) -> Option<String> {
        let mut fields = self.body();
        while let Some((&field, rest)) = fields.split_first().filter(|(field, _)| **field != 0) {
            let (value, others) = terminated(rest);
            if field == b'C' {
                return Some(String::from_utf8_lossy(value).into_owned());
            }
            fields = others;
        }
        None
    }
}

/// Splits at the first zero byte.
fn terminated(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// What a frontend message is, by its name in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MessageKind {
    /// A simple query: SQL, answered by all its results.
    Query,
    /// Prepares a statement.
    Parse,
    /// Gives a prepared statement its parameters.
    Bind,
    /// Asks what a statement or portal takes and returns.
    Describe,
    /// Runs a portal.
    Execute,
    /// Forgets a statement or portal.
    Close,
    /// Asks for the answers so far.
    Flush,
    /// Ends a sequence of extended messages, and the transaction when no block is open.
    Sync,
    /// Calls a function by its OID.
    FunctionCall,
    /// Data of a COPY from the client.
    CopyData,
    /// The end of a COPY from the client.
    CopyDone,
    /// The client gives up its COPY.
    CopyFail,
    /// A good-bye.
    Terminate,
    /// Anything else; the server will object.
    Unknown,
}

impl MessageKind {
    pub(super) fn of(tag: u8) -> Self {
        match tag {
            b'Q' => Self::Query,
            b'P' => Self::Parse,
            b'B' => Self::Bind,
            b'D' => Self::Describe,
            b'E' => Self::Execute,
            b'C' => Self::Close,
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'F' => Self::FunctionCall,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail,
            b'X' => Self::Terminate,
            _ => Self::Unknown,
        }
    }
}

/// Appends a message to `out`.
fn put(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    let mut content = BytesMut::new();
    body(&mut content);
    out.put_u8(tag);
    // What the proxy writes itself is a few hundred bytes.
    out.put_u32(u32::try_from(content.len() + 4).unwrap_or(u32::MAX));
    out.put_slice(&content);
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

pub(super) fn put_query(out: &mut BytesMut, sql: &str) {
    put(out, b'Q', |body| put_text(body, sql));
}

/// Parse of a statement without parameters, under `name`.
pub(super) fn put_parse(out: &mut BytesMut, name: &str, sql: &str) {
    put(out, b'P', |body| {
        put_text(body, name);
        put_text(body, sql);
        body.put_u16(0);
    });
}

/// Bind of the statement `name`, without parameters, to a portal of the same name.
pub(super) fn put_bind(out: &mut BytesMut, name: &str) {
    put(out, b'B', |body| {
        put_text(body, name);
        put_text(body, name);
        body.put_slice(&[0; 6]);
    });
}

pub(super) fn put_execute(out: &mut BytesMut, portal: &str) {
    put(out, b'E', |body| {
        put_text(body, portal);
        body.put_u32(0);
    });
}

pub(super) fn put_flush(out: &mut BytesMut) {
    put(out, b'H', |_| ());
}

pub(super) fn put_copy_fail(out: &mut BytesMut, reason: &str) {
    put(out, b'f', |body| put_text(body, reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_only_when_all_of_it_is_there() {
        let mut whole = BytesMut::new();
        put_query(&mut whole, "SELECT 1");
        put_flush(&mut whole);
        let mut arrived = BytesMut::new();
        let mut taken = Vec::new();
        for byte in &whole {
            assert!(!Message::is_waiting(&arrived));
            arrived.put_u8(*byte);
            if let Some(message) = Message::take(&mut arrived).unwrap() {
                taken.push(MessageKind::of(message.tag()));
            }
        }
        assert_eq!(taken, [MessageKind::Query, MessageKind::Flush]);
    }

    #[test]
    fn bytes_of_another_protocol_are_refused() {
        for wrong in [&b"\x16\x03\x01\x02\x00"[..], b"Q\x00\x00\x00\x03", b"Q\xff\xff\xff\xff"] {
            assert!(Message::take(&mut BytesMut::from(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sql_is_read_from_query_and_parse() {
        let mut bytes = BytesMut::new();
        put_query(&mut bytes, "SELECT 'é'");
        put_parse(&mut bytes, "name", "SELECT 2");
        let first = Message::take(&mut bytes).unwrap().unwrap();
        let second = Message::take(&mut bytes).unwrap().unwrap();
        assert_eq!(first.sql().as_deref(), Some("SELECT 'é'"));
        assert_eq!(second.sql().as_deref(), Some("SELECT 2"));
    }
}
