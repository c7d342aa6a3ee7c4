//! Reads a plain dump as a sequence of statements and rows, without psql: what is a command of psql to do (`\!`, `\connect`,
//! `\copy`, `\i`) is never done. The server's own rules say where a statement ends: quotes, dollar quotes, comments,
//! parentheses, bodies of SQL functions.

use std::io::{self, BufRead};
use std::mem;
use std::sync::Arc;

/// The last line of every dump that `pg_dump` has finished, and of every script of `pg_restore`.
const COMPLETE: &[u8] = b"-- PostgreSQL database dump complete";
/// The first line of what `pg_dumpall` writes.
const CLUSTER: &[u8] = b"-- PostgreSQL database cluster dump";

/// What the comment above a part of a dump says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// TABLE, TABLE DATA, CONSTRAINT, INDEX, …
    pub(super) kind: String,
    /// Its schema; none for what is in none.
    pub(super) schema: Option<String>,
    /// Its name.
    pub(super) name: String,
}

impl Entry {
    /// Of `-- Name: NAME; Type: TYPE; Schema: SCHEMA; Owner: OWNER`.
    fn of_comment(comment: &[u8]) -> Option<Self> {
        let comment = String::from_utf8_lossy(comment);
        let comment = comment.strip_prefix("-- ")?;
        let rest = comment.strip_prefix("Name: ").or_else(|| comment.strip_prefix("Data for Name: "))?;
        let (rest, _owner) = rest.rsplit_once("; Owner: ")?;
        let (rest, schema) = rest.rsplit_once("; Schema: ")?;
        let (name, kind) = rest.rsplit_once("; Type: ")?;
        let schema = if kind == "SCHEMA" { Some(name) } else { Some(schema).filter(|it| *it != "-") };
        Some(Self { kind: kind.to_owned(), schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    /// As a message names it.
    pub(super) fn title(&self) -> String {
        match &self.schema {
            Some(schema) if self.kind != "SCHEMA" => format!("{} {schema}.{}", self.kind, self.name),
            _ => format!("{} {}", self.kind, self.name),
        }
    }
}

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Without the semicolon, in the script's encoding.
    pub(super) text: Vec<u8>,
    /// The line it begins in.
    pub(super) line: u64,
    /// The part of the dump it belongs to.
    pub(super) entry: Option<Arc<Entry>>,
}

/// What comes next in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A statement.
    Statement(Statement),
    /// A `COPY … FROM stdin`, whose rows follow: each is to be read by [`Script::row`].
    Copy(Statement),
}

/// Why a script can't be gone through.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    /// It ends before its end.
    #[error(
        "it is cut off: it ends at line {0} without pg_dump's last line. Make it again, or copy it again"
    )]
    Cut(u64),
    /// A command of psql.
    #[error(
        "line {line} is a command of psql ({command}), which a dump of one database does not need and which is not obeyed. \
         Make the dump with pg_dump --format=custom --file FILE DATABASE"
    )]
    Command {
        /// Where it stands.
        line: u64,
        /// Its beginning.
        command: String,
    },
    /// Several databases.
    #[error(
        "it is of more than one database (pg_dumpall makes such). Make one of the replica's database alone: \
         pg_dump --format=custom --file FILE DATABASE"
    )]
    Cluster,
}

/// Within what the next byte stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Statement,
    Literal { backslashes: bool },
    Identifier,
    Dollar(Vec<u8>),
    Comment(u32),
}

/// A script that is being read.
pub(super) struct Script<R> {
    input: R,
    line: Vec<u8>,
    /// How far the line has been read.
    at: usize,
    number: u64,
    text: Vec<u8>,
    began: u64,
    within: Within,
    parentheses: u32,
    /// The first words, as far as they tell whether this makes a routine.
    words: Vec<Vec<u8>>,
    /// How deep in the body of an SQL routine.
    body: u32,
    standard_strings: bool,
    entry: Option<Arc<Entry>>,
    /// Those that were met since they were last asked for.
    met: Vec<Arc<Entry>>,
    /// The database that a dump made with --create goes over to.
    connected: Option<String>,
    complete: bool,
}

impl<R: BufRead> Script<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            at: 0,
            number: 0,
            text: Vec::new(),
            began: 0,
            within: Within::Statement,
            parentheses: 0,
            words: Vec::new(),
            body: 0,
            standard_strings: true,
            entry: None,
            met: Vec::new(),
            connected: None,
            complete: false,
        }
    }

    /// The next piece; none at the end of a script that is whole.
    pub(super) fn piece(&mut self) -> Result<Option<Piece>, ScriptError> {
        loop {
            if self.at >= self.line.len() && !self.next_line()? {
                let whole = self.complete && self.within == Within::Statement && self.text.is_empty();
                return if whole { Ok(None) } else { Err(ScriptError::Cut(self.number)) };
            }
            if self.scan()?
                && let Some(piece) = self.ended()
            {
                return Ok(Some(piece));
            }
        }
    }

    /// The parts of the dump that were met since this was last called, those without any statement too.
    pub(super) fn met(&mut self) -> Vec<Arc<Entry>> {
        mem::take(&mut self.met)
    }

    /// The next row of a COPY with its line feed; none after the last one.
    pub(super) fn row(&mut self) -> Result<Option<&[u8]>, ScriptError> {
        if !self.next_line()? {
            return Err(ScriptError::Cut(self.number));
        }
        self.at = self.line.len();
        Ok(if matches!(self.line.as_slice(), b"\\.\n" | b"\\.\r\n") { None } else { Some(&self.line) })
    }

    fn next_line(&mut self) -> Result<bool, io::Error> {
        self.line.clear();
        self.at = 0;
        self.number += 1;
        Ok(self.input.read_until(b'\n', &mut self.line)? > 0)
    }

    /// Reads on to the end of the line or of the statement; whether that is the statement's.
    fn scan(&mut self) -> Result<bool, ScriptError> {
        while let Some(&byte) = self.line.get(self.at) {
            match &self.within {
                Within::Statement => {
                    if self.top(byte)? {
                        return Ok(true);
                    }
                }
                Within::Literal { backslashes } => {
                    let escaped = *backslashes && byte == b'\\';
                    let doubled = self.line[self.at..].starts_with(b"''");
                    self.take(if escaped || doubled { 2 } else { 1 });
                    if byte == b'\'' && !doubled {
                        self.within = Within::Statement;
                    }
                }
                Within::Identifier => {
                    self.take(1);
                    if byte == b'"' {
                        self.within = Within::Statement;
                    }
                }
                Within::Dollar(tag) => {
                    let length = tag.len();
                    if self.line[self.at..].starts_with(tag) {
                        self.take(length);
                        self.within = Within::Statement;
                    } else {
                        self.take(1);
                    }
                }
                Within::Comment(depth) => {
                    let (depth, rest) = (*depth, &self.line[self.at..]);
                    if rest.starts_with(b"*/") {
                        self.take(2);
                        self.within = if depth == 1 { Within::Statement } else { Within::Comment(depth - 1) };
                    } else if rest.starts_with(b"/*") {
                        self.take(2);
                        self.within = Within::Comment(depth + 1);
                    } else {
                        self.take(1);
                    }
                }
            }
        }
        Ok(false)
    }

    /// A byte outside of quotes and comments; whether it ends the statement.
    fn top(&mut self, byte: u8) -> Result<bool, ScriptError> {
        let rest = &self.line[self.at..];
        let follows_a_word = self.at > 0 && is_word(self.line[self.at - 1]);
        match byte {
            b'\'' => {
                let backslashes = !self.standard_strings || self.escapes();
                self.within = Within::Literal { backslashes };
                self.take(1);
            }
            b'"' => {
                self.within = Within::Identifier;
                self.take(1);
            }
            b'$' if !follows_a_word => match dollar_tag(rest) {
                Some(tag) => {
                    let length = tag.len();
                    self.within = Within::Dollar(tag.to_vec());
                    self.take(length);
                }
                None => self.take(1),
            },
            b'-' if rest.starts_with(b"--") => self.comment()?,
            b'/' if rest.starts_with(b"/*") => {
                self.within = Within::Comment(1);
                self.take(2);
            }
            b'(' => {
                self.parentheses += 1;
                self.take(1);
            }
            b')' => {
                self.parentheses = self.parentheses.saturating_sub(1);
                self.take(1);
            }
            b'\\' => self.command()?,
            b';' if self.parentheses == 0 && self.body == 0 => {
                self.at += 1;
                return Ok(true);
            }
            _ if is_word(byte) && !byte.is_ascii_digit() && !follows_a_word => {
                let length = rest.iter().take_while(|&&it| is_word(it)).count();
                let word = rest[..length].to_ascii_lowercase();
                self.take(length);
                self.word(word);
            }
            _ => self.take(1),
        }
        Ok(false)
    }

    /// Whether the literal that begins here is one with an E before it.
    fn escapes(&self) -> bool {
        let before = &self.line[..self.at];
        matches!(before.last(), Some(b'e' | b'E'))
            && !before.len().checked_sub(2).is_some_and(|at| is_word(before[at]))
    }

    /// As psql does: the semicolons between BEGIN and END of a routine's body end no statement.
    fn word(&mut self, word: Vec<u8>) {
        let makes_a_routine = || {
            let words: Vec<&[u8]> = self.words.iter().map(Vec::as_slice).collect();
            matches!(words.as_slice(), [b"create", b"function" | b"procedure", ..])
                || matches!(words.as_slice(), [b"create", b"or", b"replace", b"function" | b"procedure", ..])
        };
        if self.parentheses == 0 && makes_a_routine() {
            match word.as_slice() {
                b"begin" => self.body += 1,
                b"case" if self.body > 0 => self.body += 1,
                b"end" => self.body = self.body.saturating_sub(1),
                _ => {}
            }
        }
        if self.words.len() < 4 {
            self.words.push(word);
        }
    }

    /// The rest of the line is a comment.
    fn comment(&mut self) -> Result<(), ScriptError> {
        let comment = self.line[self.at..].trim_ascii_end().to_vec();
        if !self.text.is_empty() {
            let length = self.line.len() - self.at;
            self.take(length);
            return Ok(());
        }
        self.at = self.line.len();
        if comment == CLUSTER {
            return Err(ScriptError::Cluster);
        }
        if comment == COMPLETE {
            self.complete = true;
        } else if let Some(entry) = Entry::of_comment(&comment) {
            let entry = Arc::new(entry);
            self.met.push(Arc::clone(&entry));
            self.entry = Some(entry);
        }
        Ok(())
    }

    /// The rest of the line is a command of psql.
    fn command(&mut self) -> Result<(), ScriptError> {
        let command = String::from_utf8_lossy(&self.line[self.at..]).trim_end().to_owned();
        let name = command.split_whitespace().next().unwrap_or_default();
        let stands_alone = self.text.is_empty() && is_blank(&self.line[..self.at]);
        match name {
            // They bracket a dump since August 2025, so that psql obeys nothing within it.
            "\\restrict" | "\\unrestrict" if stands_alone => {}
            // A dump made with --create goes over to the database that it creates, once more when it has set something of
            // it: here everything goes to our own.
            "\\connect" if stands_alone => match &self.connected {
                Some(first) if *first != command => return Err(ScriptError::Cluster),
                Some(_) => {}
                None => self.connected = Some(command),
            },
            _ => {
                let command = command.chars().take(40).collect();
                return Err(ScriptError::Command { line: self.number, command });
            }
        }
        self.at = self.line.len();
        Ok(())
    }

    fn take(&mut self, length: usize) {
        let end = (self.at + length).min(self.line.len());
        if self.text.is_empty() {
            if is_blank(&self.line[self.at..end]) {
                self.at = end;
                return;
            }
            self.began = self.number;
        }
        self.text.extend_from_slice(&self.line[self.at..end]);
        self.at = end;
    }

    /// The statement that has been read; none when it is empty.
    fn ended(&mut self) -> Option<Piece> {
        self.words.clear();
        self.body = 0;
        let mut text = mem::take(&mut self.text);
        text.truncate(text.trim_ascii_end().len());
        if text.is_empty() {
            return None;
        }
        self.complete = false;
        let upper = text.to_ascii_uppercase();
        if upper.starts_with(b"SET STANDARD_CONFORMING_STRINGS") {
            let value = String::from_utf8_lossy(&upper).into_owned();
            self.standard_strings = !value.contains("OFF");
        }
        let statement = Statement { text, line: self.began, entry: self.entry.clone() };
        let copies = upper.starts_with(b"COPY ") && upper.windows(11).any(|it| it == b" FROM STDIN");
        Some(if copies { Piece::Copy(statement) } else { Piece::Statement(statement) })
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty()
}

/// Whether it can be within a name.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// `$$` or `$name$`.
fn dollar_tag(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().skip(1).position(|&byte| byte == b'$')? + 1;
    let name = &rest[1..end];
    let fits = name.iter().all(|&byte| is_word(byte)) && !name.first().is_some_and(u8::is_ascii_digit);
    fits.then(|| &rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "\n--\n-- PostgreSQL database dump complete\n--\n\n";

    fn read(text: &str) -> Result<Vec<String>, ScriptError> {
        let mut script = Script::new(text.as_bytes());
        let mut pieces = Vec::new();
        while let Some(piece) = script.piece()? {
            match piece {
                Piece::Statement(statement) => pieces.push(String::from_utf8(statement.text).unwrap()),
                Piece::Copy(statement) => {
                    let mut rows = 0;
                    while script.row()?.is_some() {
                        rows += 1;
                    }
                    pieces.push(format!("{} with {rows} rows", String::from_utf8(statement.text).unwrap()));
                }
            }
        }
        Ok(pieces)
    }

    fn whole(text: &str) -> Vec<String> {
        read(&format!("{text}{END}")).unwrap()
    }

    #[test]
    fn a_statement_ends_where_the_server_says() {
        for statement in [
            "SELECT 'a;b', 'it''s;', E'\\';', \"a;\"\"b\"",
            "SELECT E'\\\\', 1",
            "SELECT E'it''s \\';', 1",
            "SELECT 'ends with \\', 1",
            "SELECT $$;$$, $a$ $$;'$a$, a$b$c",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql\n    BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 ELSE 2 END;\n SELECT 2;\nEND",
            "SELECT /* ; /* ; */ ; */ 1 -- ;\n, 2",
            "SELECT 'two\nlines;'",
            "SELECT 'é;', \"ü;\"",
        ] {
            assert_eq!(
                whole(&format!("SELECT 0;{statement};\nSELECT 3;\n")),
                ["SELECT 0", statement, "SELECT 3"]
            );
        }
        let off = "SET standard_conforming_strings = off;\nSELECT '\\';';\nSET standard_conforming_strings = on;\nSELECT '\\';";
        assert_eq!(whole(off).len(), 4);
    }

    #[test]
    fn rows_are_no_statements() {
        let text =
            "COPY t (a) FROM stdin;\n\\\\.\n-- no;\n\\! rm\n\\.\n\nSELECT 1;\nCOPY u FROM stdin;\n\\.\n";
        assert_eq!(
            whole(text),
            ["COPY t (a) FROM stdin with 3 rows", "SELECT 1", "COPY u FROM stdin with 0 rows"]
        );
    }

    #[test]
    fn the_comment_above_tells_what_it_is() {
        let text = "--\n-- Name: a; b; Type: TABLE; Schema: s; Owner: me; Tablespace: x\n--\n\nSELECT 1;\nSELECT 2;\n\
                    -- Name: s; Type: SCHEMA; Schema: -; Owner: me\nSELECT 3;\n\
                    -- Data for Name: t; Type: TABLE DATA; Schema: s; Owner: -\nSELECT 4;\n";
        let text = format!("{text}{END}");
        let mut script = Script::new(text.as_bytes());
        let mut titles = Vec::new();
        while let Some(Piece::Statement(statement)) = script.piece().unwrap() {
            titles.push((statement.line, statement.entry.unwrap().title()));
        }
        let expected = [(5, "TABLE s.a; b"), (6, "TABLE s.a; b"), (8, "SCHEMA s"), (10, "TABLE DATA s.t")];
        assert_eq!(titles, expected.map(|(line, title)| (line, title.to_owned())));
    }

    #[test]
    fn commands_of_psql_are_not_obeyed() {
        for command in [
            "\\! rm -rf /",
            "\\i /etc/passwd",
            "\\copy t from program 'x'",
            "\\o /tmp/x",
            "\\setenv A b",
            "\\c victim",
            "\\gexec",
            "  \\! x",
            "SELECT 1 \\g /tmp/x",
            "SELECT 1; \\! x",
            "SELECT 'x' \\gexec",
            "\\connect one\n\\connect two",
        ] {
            let text = format!("SELECT 0;\n{command}\n{END}");
            let refused = matches!(read(&text), Err(ScriptError::Command { .. } | ScriptError::Cluster));
            assert!(refused, "{command}: {:?}", read(&text));
        }
        assert_eq!(
            whole("\\restrict x\nSELECT 1;\n\\unrestrict x\n\\connect d\n\\restrict x\n"),
            ["SELECT 1"]
        );
        let cluster = read("--\n-- PostgreSQL database cluster dump\n--\nSELECT 1;\n");
        assert!(matches!(cluster, Err(ScriptError::Cluster)));
    }

    #[test]
    fn a_script_is_whole_or_cut() {
        let text = format!("SELECT 1;\nCOPY t FROM stdin;\n1\n\\.\nSELECT $$a\nb$$;\n{END}\\unrestrict x\n");
        assert!(read(&text).is_ok());
        let complete = text.find("dump complete").unwrap() + "dump complete".len();
        for cut in 0..complete {
            assert!(matches!(read(&text[..cut]), Err(ScriptError::Cut(_))), "{cut}");
        }
        assert!(
            matches!(read(&format!("{text}SELECT 2;\n")), Err(ScriptError::Cut(_))),
            "two dumps, half of one"
        );
    }
}
