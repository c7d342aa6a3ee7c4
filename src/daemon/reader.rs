//! A statement letter by letter, as the daemon of pg_chameleon 2.0.21 sees it: told from the outside, by what it makes of
//! statements (tests/statements), and held to that.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// So many comments of C it takes out, and no more.
const COMMENTS: usize = 16;

/// What the daemon leaves of a statement before it reads it: it takes out comments of C that begin and end in one line,
/// with what servers take as code in them, and then those that begin with two dashes and end with their line. It does so in
/// texts and names as well.
pub(super) fn without_comments(text: &str) -> String {
    without(&without(text, "/*", "*/", COMMENTS), "--", "\n", usize::MAX)
}

/// Without what begins and ends so in one line, for so many times.
fn without(text: &str, begin: &str, end: &str, times: usize) -> String {
    let mut left = String::new();
    let mut rest = text;
    let mut taken = 0;
    while taken < times
        && let Some((before, behind)) = rest.split_once(begin)
    {
        left.push_str(before);
        match behind.split_once(end) {
            Some((comment, after)) if !comment.contains('\n') => {
                rest = after;
                taken += 1;
            }
            _ => {
                left.push_str(begin);
                rest = behind;
            }
        }
    }
    left.push_str(rest);
    left
}

/// A text and how far it has been read. What reads something leaves the reader where it was when that isn't there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn is_at_the_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn go_to_the_end(&mut self) {
        self.rest = "";
    }

    /// Reads up to the next such sign, or to the end.
    pub(super) fn go_to(&mut self, sign: char) {
        self.rest = self.rest.find(sign).map_or("", |at| &self.rest[at..]);
    }

    /// Reads all of it or nothing.
    pub(super) fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = *self;
        let found = read(self);
        if found.is_none() {
            *self = before;
        }
        found
    }

    /// Whether that was there, and was read.
    pub(super) fn has(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> bool {
        self.whole(read).is_some()
    }

    fn of(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !belongs(letter)).unwrap_or(self.rest.len());
        let (found, rest) = self.rest.split_at(end);
        self.rest = rest;
        found
    }

    /// At least one space.
    pub(super) fn space(&mut self) -> Option<()> {
        (!self.of(is_space).is_empty()).then_some(())
    }

    /// Spaces, if there are any.
    pub(super) fn spaces(&mut self) {
        self.of(is_space);
    }

    pub(super) fn sign(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// A sign, with spaces on either side or none.
    pub(super) fn spaced(&mut self, sign: char) -> Option<()> {
        self.whole(|it| {
            it.spaces();
            it.sign(sign)?;
            it.spaces();
            Some(())
        })
    }

    /// The letters of a keyword, whatever comes behind them: `COLUMN` is read of `column_name`.
    pub(super) fn letters(&mut self, keyword: &str) -> Option<()> {
        let end = self.rest.char_indices().nth(keyword.len()).map_or(self.rest.len(), |(at, _)| at);
        let (found, rest) = self.rest.split_at(end);
        found.chars().flat_map(char::to_uppercase).eq(keyword.chars()).then(|| self.rest = rest)
    }

    /// Keywords, with space between them.
    pub(super) fn keywords(&mut self, keywords: &[&str]) -> Option<()> {
        self.whole(|it| {
            keywords.iter().enumerate().try_for_each(|(number, keyword)| {
                if number > 0 {
                    it.space()?;
                }
                it.letters(keyword)
            })
        })
    }

    /// Keywords with space before each.
    pub(super) fn then(&mut self, keywords: &[&str]) -> Option<()> {
        self.whole(|it| {
            it.space()?;
            it.keywords(keywords)
        })
    }

    /// Any of these keywords.
    pub(super) fn any_of(&mut self, keywords: &[&str]) -> Option<()> {
        keywords.iter().find_map(|keyword| self.letters(keyword))
    }

    /// A word or a number.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let word = self.of(is_of_a_word);
        (!word.is_empty()).then_some(word)
    }

    /// A name: a word, or words and spaces in backquotes; other signs it knows in no name.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        self.word().or_else(|| {
            self.whole(|it| {
                it.sign('`')?;
                let name = it.of(|letter| is_of_a_word(letter) || is_space(letter));
                it.sign('`')?;
                (!name.is_empty()).then_some(name)
            })
        })
    }

    /// Space and a name.
    pub(super) fn then_name(&mut self) -> Option<&'a str> {
        self.whole(|it| {
            it.space()?;
            it.name()
        })
    }

    /// Digits, or nothing.
    pub(super) fn digits(&mut self) -> &'a str {
        self.of(char::is_numeric)
    }

    /// Anything but parentheses.
    pub(super) fn outside_parentheses(&mut self) -> Option<()> {
        (!self.of(|letter| !"()".contains(letter)).is_empty()).then_some(())
    }

    /// What stands in quotes, as it is written. A quote behind a backslash does not end it; a doubled one does.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        ['\'', '"'].into_iter().find_map(|quote| {
            let inside = self.rest.strip_prefix(quote)?;
            let mut letters = inside.char_indices().peekable();
            while let Some((at, letter)) = letters.next() {
                if letter == quote {
                    self.rest = &inside[at + 1..];
                    return Some(&inside[..at]);
                }
                if letter == '\\' {
                    letters.next_if(|(_, next)| *next == quote);
                }
            }
            None
        })
    }

    /// Things of a kind with something between them, or none at all.
    pub(super) fn list<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Option<T>,
        between: impl Fn(&mut Self) -> Option<()>,
    ) -> Vec<T> {
        let mut found: Vec<T> = self.whole(&one).into_iter().collect();
        if !found.is_empty() {
            found.extend(std::iter::from_fn(|| {
                self.whole(|it| {
                    between(it)?;
                    one(it)
                })
            }));
        }
        found
    }
}

/// What Python takes for a space.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// What Python takes for a part of a word: no marks, which many scripts write vowels with.
fn is_of_a_word(letter: char) -> bool {
    letter == '_'
        || letter.is_ascii_alphanumeric()
        || !letter.is_ascii()
            && matches!(
                letter.general_category_group(),
                GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
            )
}
