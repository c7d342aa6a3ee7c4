//! The messages of PostgreSQL's protocol from the client, cut out of a stream of bytes.

use super::Unwritable;
use super::literal::{Parameter, written};
use std::collections::HashMap;
use tokio_postgres::types::Type;

/// A letter and a length stand before each message.
const HEAD: usize = 5;

/// A statement that was parsed: its text, and the types of its parameters.
#[derive(Debug, Clone)]
struct Parsed {
    text: String,
    types: Vec<u32>,
}

/// What is left of the stream, and what was prepared and bound so far.
#[derive(Default)]
pub(super) struct Messages {
    rest: Vec<u8>,
    parsed: HashMap<Vec<u8>, Parsed>,
    bound: HashMap<Vec<u8>, Result<String, Unwritable>>,
}

impl Messages {
    /// The statements that these bytes complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Result<String, Unwritable>> {
        self.rest.extend_from_slice(bytes);
        let mut statements = Vec::new();
        while let Some((kind, body)) = self.next() {
            match self.message(kind, &mut Body(&body)) {
                Some(Ok(statement)) => statements.extend(statement),
                Some(Err(error)) => statements.push(Err(error)),
                None => statements.push(Err(Unwritable::Message(kind))),
            }
        }
        statements
    }

    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let &[kind, a, b, c, d, ..] = &*self.rest else { return None };
        // The length counts itself, and not the letter.
        let end = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?.max(HEAD - 1) + 1;
        let body = self.rest.get(HEAD..end)?.to_vec();
        self.rest.drain(..end);
        Some((kind, body))
    }

    /// What a message says; none when it can't be read.
    fn message(
        &mut self,
        kind: u8,
        body: &mut Body<'_>,
    ) -> Option<Result<Option<Result<String, Unwritable>>, Unwritable>> {
        match kind {
            b'Q' => return Some(Ok(Some(Ok(written(body.text()?, None))))),
            b'P' => {
                let (name, text) = (body.bytes_to_nul()?.to_vec(), body.text()?.to_owned());
                let types = (0..body.count()?).map(|_| body.number()).collect::<Option<_>>()?;
                self.parsed.insert(name, Parsed { text, types });
            }
            b'B' => {
                let (portal, statement) = (body.bytes_to_nul()?.to_vec(), body.bytes_to_nul()?);
                let Parsed { text, types } = self.parsed.get(statement)?.clone();
                // Whether as text or in binary: this program's driver sends all in binary.
                for _ in 0..body.count()? {
                    body.count()?;
                }
                let values = (0..body.count()?).map(|_| body.value()).collect::<Option<Vec<_>>>()?;
                let literals: Result<Vec<_>, _> = types
                    .iter()
                    .zip(values)
                    .map(|(oid, value)| {
                        let kind = Type::from_oid(*oid).ok_or(Unwritable::Parameter(*oid))?;
                        Parameter { kind: &kind, value }.literal()
                    })
                    .collect();
                self.bound.insert(portal, literals.map(|literals| written(&text, Some(&literals))));
            }
            b'E' => return Some(Ok(Some(self.bound.get(body.bytes_to_nul()?)?.clone()))),
            // Describe, close, sync, flush, terminate: they do nothing.
            b'D' | b'C' | b'S' | b'H' | b'X' => {}
            other => return Some(Err(Unwritable::Message(other))),
        }
        Some(Ok(None))
    }
}

/// What is left of a message.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes_to_nul(&mut self) -> Option<&'a [u8]> {
        let length = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(length)?;
        self.take(1)?;
        Some(text)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes_to_nul()?).ok()
    }

    fn count(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A value, which may be NULL.
    fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.number()? {
            u32::MAX => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], &length[..], body].concat()
    }

    /// Parse, bind, describe, execute and sync of `SELECT $1`, with a bigint.
    fn extended(value: i64) -> Vec<u8> {
        let parse = [b"\0SELECT $1\0\0\x01", &20_u32.to_be_bytes()[..]].concat();
        let bind = [b"\0\0\0\x01\0\x01\0\x01\0\0\0\x08", &value.to_be_bytes()[..], b"\0\x01\0\x01"].concat();
        [
            message(b'P', &parse),
            message(b'B', &bind),
            message(b'D', b"S\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'S', b""),
        ]
        .concat()
    }

    #[test]
    fn statements_come_out_however_the_stream_is_cut() {
        let stream = [message(b'Q', b"BEGIN\0"), extended(42), message(b'Q', b"COMMIT;\0")].concat();
        let expected = ["BEGIN;", "SELECT 42::bigint;", "COMMIT;"];
        for size in 1..=stream.len() {
            let mut messages = Messages::default();
            let taken: Vec<_> = stream.chunks(size).flat_map(|bytes| messages.take(bytes)).collect();
            assert_eq!(taken.into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected, "{size}");
        }
    }

    #[test]
    fn what_is_no_statement_is_told_and_the_next_one_is_taken() {
        let unknown = [b"\0SELECT $1\0\0\x01", &999_999_u32.to_be_bytes()[..]].concat();
        let stream = [
            message(b'd', b"a row"),
            message(b'P', &unknown),
            message(b'B', b"\0\0\0\0\0\x01\0\0\0\x01x\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'B', b"\0"),
            message(b'Q', b"SELECT 1\0"),
        ]
        .concat();
        let expected = [
            Err(Unwritable::Message(b'd')),
            Err(Unwritable::Parameter(999_999)),
            Err(Unwritable::Message(b'B')),
            Ok("SELECT 1;".to_owned()),
        ];
        assert_eq!(Messages::default().take(&stream), expected);
    }
}
