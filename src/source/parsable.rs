//! Which statements pg_chameleon 2.0.21's read daemon can parse. At one that it can't, of a session whose default database is
//! a replicated schema, it ends, at every start: whether the statement concerns a table or not.
//!
//! This is told from the outside, by what the real parser makes of statements (see the tests, which ask it). What is not
//! known is said to be doubtful, never to be well.

use crate::window::Parse;

/// What a clause of ALTER TABLE may begin with.
const CLAUSES: [&str; 5] = ["ADD", "CHANGE", "DROP", "MODIFY", "RENAME"];

/// Words in definitions of tables and columns at which the parser fails in some places.
const DOUBTFUL: [&str; 12] = [
    "AS",
    "CHECK",
    "CONSTRAINT",
    "EXISTS",
    "GENERATED",
    "IF",
    "LIKE",
    "PARTITION",
    "REFERENCES",
    "SELECT",
    "USING",
    "WITH",
];

/// What is between two words.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word in capitals, or a number.
    Word(String),
    /// A name in backquotes.
    Name,
    /// What stands in quotes.
    Literal {
        /// Whether a quote within it is written twice, or behind a backslash.
        escaped: bool,
    },
    Sign(char),
}

/// What the daemon's parser makes of a statement; none when it can parse it.
pub(super) fn parse(text: &str) -> Option<Parse> {
    if ["BEGIN", "COMMIT"].contains(&text.trim().to_uppercase().as_str()) {
        return None;
    }
    let tokens = tokens(&without_comments(text));
    let words: Vec<_> = tokens.iter().map(word).collect();
    match words.as_slice() {
        [] => None,
        ["CREATE", "TABLE", ..] => create_table(&tokens[2..]),
        ["CREATE", "INDEX", ..] | ["CREATE", "UNIQUE" | "FULLTEXT" | "SPATIAL", "INDEX", ..] => {
            doubtful_index(&tokens)
        }
        ["DROP", "TABLE", ..] => drop_table(&tokens[2..]),
        ["DROP", "INDEX", ..] => simple(&tokens[2..], |it| matches!(it, ["", "ON", ""])),
        ["TRUNCATE", "TABLE", ..] => simple(&tokens[2..], |it| matches!(it, [""] | ["", ".", ""])),
        ["TRUNCATE", ..] => simple(&tokens[1..], |it| matches!(it, [""] | ["", ".", ""])),
        ["ALTER", "TABLE", ..] => alter_table(&tokens[2..]),
        _ => Some(Parse::Fails),
    }
}

/// As the parser does it: comments of C are taken out where they begin and end in one line, with what servers take as code in
/// them, and then those that begin with two dashes and end with their line. What else is in a comment, it tries to parse.
fn without_comments(text: &str) -> String {
    without(&without(text, "/*", "*/"), "--", "\n")
}

/// Without everything from `begin` to the `end` that follows it, as long as no line ends before that.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(begin) {
        left.push_str(before);
        match behind.split_once(end) {
            Some((comment, after)) if !comment.contains('\n') => rest = after,
            _ => {
                left.push_str(begin);
                rest = behind;
            }
        }
    }
    left.push_str(rest);
    left
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '`' => {
                letters.by_ref().find(|letter| *letter == '`');
                tokens.push(Token::Name);
            }
            '\'' | '"' => {
                let mut escaped = false;
                while let Some(next) = letters.next() {
                    if next == '\\' || next == letter && letters.peek() == Some(&letter) {
                        escaped = true;
                        letters.next();
                    } else if next == letter {
                        break;
                    }
                }
                tokens.push(Token::Literal { escaped });
            }
            letter if letter.is_alphanumeric() || letter == '_' || letter == '$' => {
                let mut word = String::from(letter);
                while let Some(next) = letters.next_if(|it| it.is_alphanumeric() || *it == '_' || *it == '$')
                {
                    word.push(next);
                }
                tokens.push(Token::Word(word.to_uppercase()));
            }
            letter if letter.is_whitespace() => {}
            letter => tokens.push(Token::Sign(letter)),
        }
    }
    tokens
}

/// The word that a token is; nothing for a name in backquotes or for what stands in quotes.
fn word(token: &Token) -> &str {
    match token {
        Token::Word(word) => word,
        Token::Sign('.') => ".",
        Token::Sign(_) => ",",
        Token::Name | Token::Literal { .. } => "",
    }
}

/// A statement that is nothing but words, of which those that `shape` has as empty are names.
fn simple(tokens: &[Token], shape: impl Fn(&[&str]) -> bool) -> Option<Parse> {
    let shapes: Vec<_> = tokens
        .iter()
        .map(|token| match word(token) {
            known @ ("ON" | "IF" | "EXISTS" | "." | ",") => known,
            _ => "",
        })
        .collect();
    if shape(&shapes) { None } else { Some(Parse::MayFail) }
}

fn drop_table(tokens: &[Token]) -> Option<Parse> {
    let name = if matches!(tokens, [first, second, ..] if word(first) == "IF" && word(second) == "EXISTS") {
        &tokens[2..]
    } else {
        tokens
    };
    // One table, without its schema and without more words.
    (name.len() != 1).then_some(Parse::Fails)
}

fn create_table(tokens: &[Token]) -> Option<Parse> {
    let words: Vec<_> = tokens.iter().map(word).collect();
    let rest = if words.starts_with(&["IF", "NOT", "EXISTS"]) { &tokens[3..] } else { tokens };
    match rest {
        [_, Token::Sign('('), inside @ ..] => doubtful(inside),
        _ => Some(Parse::Fails),
    }
}

fn doubtful_index(tokens: &[Token]) -> Option<Parse> {
    let exotic = tokens.iter().any(|token| ["USING", "IF", "DESC", "ASC", "COMMENT"].contains(&word(token)));
    exotic.then_some(Parse::MayFail)
}

fn alter_table(tokens: &[Token]) -> Option<Parse> {
    let qualified = matches!(tokens, [_, Token::Sign('.'), ..]);
    let clauses = clauses(tokens.get(if qualified { 3 } else { 1 }..).unwrap_or_default());
    let begins = |clause: &&[Token]| clause.first().is_some_and(|first| CLAUSES.contains(&word(first)));
    if !clauses.iter().all(begins) {
        return Some(Parse::Fails);
    }
    clauses.iter().find_map(|clause| {
        let words: Vec<_> = clause.iter().map(word).collect();
        match words.as_slice() {
            ["RENAME", "COLUMN" | "AS", ..] => Some(Parse::Fails),
            ["RENAME", ..] if qualified => Some(Parse::Fails),
            _ => doubtful(clause),
        }
    })
}

/// What stands between the commas that are in no parentheses.
fn clauses(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                _ => {}
            }
            depth == 0 && *token == Token::Sign(',')
        })
        .collect()
}

/// A definition of columns is well when it has nothing of what the parser fails at in some places.
fn doubtful(tokens: &[Token]) -> Option<Parse> {
    let strange = |token: &Token| match token {
        Token::Word(word) => DOUBTFUL.contains(&word.as_str()),
        Token::Literal { escaped } => *escaped,
        Token::Sign(sign) => !"(),=".contains(*sign),
        Token::Name => false,
    };
    // A default is a word or something in quotes: no function, no expression, no bits.
    let default = tokens.windows(3).any(|three| {
        word(&three[0]) == "DEFAULT"
            && (matches!(three[1], Token::Sign(_))
                || matches!(three[2], Token::Sign('(' | '.') | Token::Literal { .. }))
    });
    (default || tokens.iter().any(strange)).then_some(Parse::MayFail)
}

#[cfg(test)]
mod tests;
