//! The words of a statement, as MySQL reads them.

/// What stands between spaces and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bare word: a keyword, a name or a number.
    Word(String),
    /// A name in quotes, or, where no name can stand, a text.
    Quoted(String),
    Sign(char),
}

impl Token {
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(crate) fn is_one_of(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// The tokens of a statement, one by one: most callers look at the first few. Comments are left out; what stands in a comment
/// for the server (`/*!40000 … */`) is code.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while let Some(letter) = rest.chars().next() {
            let behind = &rest[letter.len_utf8()..];
            if let Some(code) = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!")) {
                rest = code.trim_start_matches(|letter: char| letter.is_ascii_digit());
            } else if rest.starts_with("/*") {
                rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            } else if rest.starts_with("*/") {
                rest = &rest[2..];
            } else if letter == '#' || begins_a_comment(rest) {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
            } else if matches!(letter, '`' | '"' | '\'') {
                let (name, after) = quoted(behind, letter);
                rest = after;
                return Some(Token::Quoted(name));
            } else if is_of_a_word(letter) {
                let end = rest.find(|letter: char| !is_of_a_word(letter)).unwrap_or(rest.len());
                let word = rest[..end].to_owned();
                rest = &rest[end..];
                return Some(Token::Word(word));
            } else {
                rest = behind;
                if !letter.is_whitespace() {
                    return Some(Token::Sign(letter));
                }
            }
        }
        None
    })
}

/// Two dashes, and a space behind them: else they are two signs.
fn begins_a_comment(text: &str) -> bool {
    text.strip_prefix("--").is_some_and(|behind| !behind.starts_with(|it: char| !it.is_ascii_whitespace()))
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// What stands before the closing quote, in which a doubled one is one, and what comes behind it.
pub(crate) fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut name = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && quote != '`' {
            name.extend(letters.next());
        } else if letter != quote {
            name.push(letter);
        } else if letters.as_str().starts_with(quote) {
            letters.next();
            name.push(quote);
        } else {
            break;
        }
    }
    (name, letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out_and_code_in_them_is_not() {
        let shown = |text: &str| {
            let one = |token: Token| match token {
                Token::Word(word) => word,
                Token::Quoted(name) => format!("<{name}>"),
                Token::Sign(sign) => sign.to_string(),
            };
            tokens(text).map(one).collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("a/* x */b # y\n c -- z\n d --e", "a b c d - - e"),
            ("a --\nb --", "a b"),
            ("/*!40000 a */ /*M!100100 b */ c", "a b c"),
            ("`a``b`.\"c d\"='it\\'s ''x'''", "<a`b> . <c d> = <it's 'x'>"),
            ("$a_1,é;", "$a_1 , é ;"),
            ("`never closed", "<never closed>"),
            ("/* never closed", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
