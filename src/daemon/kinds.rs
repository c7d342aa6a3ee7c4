//! The types that the daemon of pg_chameleon 2.0.21 makes of MySQL's, and which defaults PostgreSQL takes for them.

use super::grammar::{Column, Default};

/// A type of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Bigint,
    Boolean,
    Numeric,
    Double,
    Varchar,
    Char,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    Json,
    Enum,
}

impl Kind {
    /// What a type of MySQL becomes; none when the daemon doesn't know it.
    pub(super) fn of(mysql: &str) -> Option<Self> {
        Some(match mysql {
            "tinyint" | "smallint" | "int" | "integer" | "bit" | "year" => Self::Integer,
            "mediumint" | "bigint" => Self::Bigint,
            "bool" | "boolean" => Self::Boolean,
            "decimal" => Self::Numeric,
            "float" | "double" => Self::Double,
            "varchar" => Self::Varchar,
            "char" => Self::Char,
            "tinytext" | "text" | "mediumtext" | "longtext" | "set" => Self::Text,
            "tinyblob" | "blob" | "mediumblob" | "longblob" | "binary" | "varbinary" | "geometry"
            | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "geometrycollection" => Self::Bytea,
            "date" => Self::Date,
            "time" => Self::Time,
            "datetime" | "timestamp" => Self::Timestamp,
            "json" => Self::Json,
            "enum" => Self::Enum,
            _ => return None,
        })
    }

    /// Whether it needs its length.
    pub(super) fn has_length(self) -> bool {
        matches!(self, Self::Varchar | Self::Char | Self::Numeric)
    }

    /// Whether PostgreSQL takes `default` for a column of this type; none when that can't be told.
    pub(super) fn takes(self, default: &Default, column: &Column) -> Option<bool> {
        match default {
            // PostgreSQL knows such numbers from 16 on.
            Default::Word(word) if is_of_another_base(word) => (!self.takes_numbers()).then_some(false),
            Default::Word(word) => Some(self.takes_word(&word.to_uppercase())),
            Default::Text(text) => {
                let Some(text) = as_postgresql_reads(text) else { return Some(false) };
                self.takes_text(&text, column)
            }
        }
    }

    fn takes_numbers(self) -> bool {
        matches!(
            self,
            Self::Varchar
                | Self::Char
                | Self::Text
                | Self::Integer
                | Self::Bigint
                | Self::Boolean
                | Self::Numeric
                | Self::Double
        )
    }

    fn takes_word(self, word: &str) -> bool {
        let is_text = matches!(self, Self::Varchar | Self::Char | Self::Text);
        match word {
            "NULL" => true,
            "TRUE" | "FALSE" => is_text || matches!(self, Self::Boolean | Self::Integer),
            "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" => {
                is_text || matches!(self, Self::Timestamp | Self::Date | Self::Time)
            }
            "LOCALTIME" | "CURRENT_TIME" => is_text || self == Self::Time,
            "CURRENT_DATE" => is_text || matches!(self, Self::Date | Self::Timestamp),
            "CURRENT_USER" | "SESSION_USER" | "USER" | "CURRENT_ROLE" => is_text,
            number if number.bytes().all(|it| it.is_ascii_digit()) => match number.parse::<i64>() {
                Ok(value) if i32::try_from(value).is_ok() => {
                    is_text
                        || matches!(
                            self,
                            Self::Integer | Self::Bigint | Self::Boolean | Self::Numeric | Self::Double
                        )
                }
                Ok(_) => is_text || matches!(self, Self::Bigint | Self::Numeric | Self::Double),
                Err(_) => is_text || matches!(self, Self::Numeric | Self::Double),
            },
            number if is_with_exponent(number) => {
                let value = number.parse::<f64>().unwrap_or(f64::INFINITY);
                let fits = match self {
                    Self::Integer => value <= f64::from(i32::MAX),
                    Self::Bigint => value < 9.2e18,
                    Self::Numeric | Self::Double => true,
                    _ => false,
                };
                is_text || fits
            }
            _ => false,
        }
    }

    fn takes_text(self, text: &str, column: &Column) -> Option<bool> {
        let trimmed = text.trim_matches(|it: char| it.is_ascii_whitespace());
        Some(match self {
            Self::Varchar | Self::Char | Self::Text => true,
            Self::Integer => trimmed.parse::<i32>().is_ok(),
            Self::Bigint => trimmed.parse::<i64>().is_ok(),
            Self::Numeric | Self::Double => is_number(trimmed),
            Self::Boolean => is_boolean(trimmed),
            Self::Bytea => !text.replace("\\\\", "").contains('\\'),
            Self::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
            Self::Enum => column.labels.iter().any(|it| as_postgresql_reads(it).as_deref() == Some(text)),
            Self::Date => return date(trimmed),
            Self::Timestamp => match trimmed.split_once([' ', 'T']) {
                None => return date(trimmed),
                Some((day, time)) => match (date(day), time_of_day(time)) {
                    (Some(day), Some(time)) => day && time,
                    (Some(false), _) | (_, Some(false)) => false,
                    _ => return None,
                },
            },
            Self::Time => return time_of_day(trimmed),
        })
    }
}

/// What PostgreSQL reads of a text between the quotes that the daemon puts around it; none where a quote in it ends it too
/// early.
pub(super) fn as_postgresql_reads(text: &str) -> Option<String> {
    let read = text.replace("''", "\0");
    (!read.contains('\'')).then(|| read.replace('\0', "'"))
}

/// `0x41`, `0b01`.
fn is_of_another_base(number: &str) -> bool {
    let lower = number.to_ascii_lowercase();
    let of = |prefix: &str, base| {
        let digits = lower.strip_prefix(prefix);
        digits.is_some_and(|it| !it.is_empty() && it.chars().all(|digit| digit.is_digit(base)))
    };
    of("0x", 16) || of("0b", 2) || of("0o", 8)
}

fn is_with_exponent(number: &str) -> bool {
    number.split_once('E').is_some_and(|(digits, exponent)| {
        [digits, exponent].into_iter().all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
    })
}

fn is_number(text: &str) -> bool {
    let digits = text.bytes().any(|it| it.is_ascii_digit());
    digits && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `t`, `no`, `1`, …: PostgreSQL takes what is the beginning of one word only.
fn is_boolean(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    begins("true", 1)
        || begins("false", 1)
        || begins("yes", 1)
        || begins("no", 1)
        || begins("on", 2)
        || begins("off", 2)
        || text == "1"
        || text == "0"
}

/// Whether PostgreSQL takes a date, of the forms that every setting of it takes alike.
fn date(text: &str) -> Option<bool> {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let parts: Vec<&str> = match text.split(['-', '/']).collect::<Vec<_>>().as_slice() {
        [one] if one.len() == 8 && digits(one) => vec![&one[..4], &one[4..6], &one[6..]],
        [year, month, day] if year.len() == 4 && [month, day].iter().all(|it| it.len() <= 2) => {
            vec![year, month, day]
        }
        _ => return None,
    };
    if !parts.iter().all(|it| digits(it)) {
        return None;
    }
    let number = |at: usize| parts[at].parse::<u32>().unwrap_or_default();
    let year = i32::try_from(number(0)).unwrap_or_default();
    Some(year > 0 && chrono::NaiveDate::from_ymd_opt(year, number(1), number(2)).is_some())
}

/// Whether PostgreSQL takes a time of day. MySQL's go beyond a day, and below nothing.
fn time_of_day(text: &str) -> Option<bool> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = text.trim_start_matches('-').split(':').collect();
    let digits = |it: &str| !it.is_empty() && it.len() <= 3 && it.bytes().all(|it| it.is_ascii_digit());
    if !matches!(parts.len(), 2 | 3)
        || !parts.iter().all(|it| digits(it))
        || !fraction.bytes().all(|it| it.is_ascii_digit())
    {
        return None;
    }
    let number = |at: usize| parts.get(at).and_then(|it| it.parse::<u32>().ok()).unwrap_or_default();
    let (hours, minutes, seconds) = (number(0), number(1), number(2));
    let is_midnight = hours == 24 && minutes == 0 && seconds == 0 && fraction.bytes().all(|it| it == b'0');
    Some(!text.starts_with('-') && (hours < 24 || is_midnight) && minutes < 60 && seconds < 60)
}
