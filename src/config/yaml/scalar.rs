//! What a scalar means: the rules of YAML 1.1's types (<https://yaml.org/type/>), as PyYAML applies
//! them. `yes` is a boolean, `010` is eight, `1:30` is ninety, `1e3` is text.

use std::fmt::Write as _;

/// A scalar with its meaning found out.
#[derive(Clone, PartialEq)]
pub enum Scalar {
    Null,
    Boolean(bool),
    /// In decimal, without a plus sign or leading zeros: YAML's integers have no bounds.
    Integer(String),
    Float(f64),
    /// A date, `YYYY-MM-DD`.
    Date(String),
    /// A date with a time, as written.
    DateTime(String),
    /// The `<<` that asks for a merge.
    Merge,
    Text(String),
}

impl Scalar {
    /// The text that Python's `str()` gives, which is what pg_chameleon hands to the servers'
    /// client libraries. Nothing for what no setting can be: null, a date with a time, a merge.
    pub fn python_text(&self) -> Option<String> {
        match self {
            Self::Null | Self::DateTime(_) | Self::Merge => None,
            Self::Boolean(true) => Some("True".to_owned()),
            Self::Boolean(false) => Some("False".to_owned()),
            Self::Integer(text) | Self::Date(text) | Self::Text(text) => Some(text.clone()),
            Self::Float(number) => Some(python_float(*number)),
        }
    }
}

/// The meaning of a plain scalar without a tag.
///
/// # Errors
/// The reason why PyYAML refuses it: some texts look like a number or a date and are none. It shows
/// none of the text, which may be a password.
pub fn resolve_plain(text: &str) -> Result<Scalar, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Scalar::Null),
        "<<" => return Ok(Scalar::Merge),
        "=" => return Err("a lone = has a meaning of its own in YAML 1.1: put it in quotes".to_owned()),
        _ => {}
    }
    if let Some(boolean) = boolean_as_written(text) {
        return Ok(Scalar::Boolean(boolean));
    }
    if is_integer(text) {
        return integer(text);
    }
    if is_float(text) {
        return float(text);
    }
    if is_timestamp(text) {
        return timestamp(text);
    }
    Ok(Scalar::Text(text.to_owned()))
}

/// The meaning of a scalar with an explicit tag, given without `tag:yaml.org,2002:`.
///
/// # Errors
/// The reason why the text is none of the tag's, or that the tag isn't known here.
pub fn construct(tag: &str, text: &str) -> Result<Scalar, String> {
    match tag {
        "str" => Ok(Scalar::Text(text.to_owned())),
        "int" => integer(text),
        "float" => float(text),
        "null" => Ok(Scalar::Null),
        "merge" => Ok(Scalar::Merge),
        "bool" => boolean_as_written(&text.to_lowercase())
            .map(Scalar::Boolean)
            .ok_or_else(|| "this is tagged !!bool and is none of yes, no, true, false, on, off".to_owned()),
        "timestamp" if is_timestamp(text) => timestamp(text),
        "timestamp" => Err("this is tagged !!timestamp and is no date".to_owned()),
        "map" | "seq" => Err("a tag for collections stands before a scalar: take it out".to_owned()),
        _ => Err(super::UNKNOWN_TAG.to_owned()),
    }
}

/// Each word in three capitalisations; the spec's single letters `y` and `n` are text in PyYAML.
fn boolean_as_written(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn without_sign(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

/// Whether `text` has at least one character and only such as `allowed`.
fn only(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn is_integer(text: &str) -> bool {
    let digits = without_sign(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return only(binary, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return only(hexadecimal, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return octal.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_'));
    }
    let mut groups = digits.split(':');
    groups.next().is_some_and(is_leading_group) && groups.all(is_sexagesimal_digit)
}

/// `[0-9][0-9_]*`
fn is_leading_group(group: &str) -> bool {
    group.starts_with(|first: char| first.is_ascii_digit()) && only(group, digit_or_underscore)
}

/// `[0-5]?[0-9]`
fn is_sexagesimal_digit(group: &str) -> bool {
    match group.as_bytes() {
        [ones] => ones.is_ascii_digit(),
        [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
        _ => false,
    }
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let number = without_sign(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, rest)) = number.split_once('.') else { return false };
    if whole.is_empty() {
        // PyYAML knows no sign before a leading point: -.5 is text.
        let signed = number.len() != text.len();
        return !signed
            && rest.starts_with(|first: char| first.is_ascii_digit())
            && is_fraction_with_exponent(rest);
    }
    let mut groups = whole.split(':');
    if !groups.next().is_some_and(is_leading_group) {
        return false;
    }
    let mut sexagesimal = groups.peekable();
    if sexagesimal.peek().is_some() {
        return sexagesimal.all(is_sexagesimal_digit) && rest.bytes().all(digit_or_underscore);
    }
    is_fraction_with_exponent(rest)
}

/// `[0-9_]*([eE][-+][0-9]+)?`: without its sign it is no exponent, so `1.0e3` is text.
fn is_fraction_with_exponent(rest: &str) -> bool {
    let exponent = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    match exponent.strip_prefix(['e', 'E']) {
        None => exponent.is_empty(),
        Some(signed) => {
            signed.strip_prefix(['-', '+']).is_some_and(|digits| only(digits, |byte| byte.is_ascii_digit()))
        }
    }
}

fn integer(text: &str) -> Result<Scalar, String> {
    let plain = text.replace('_', "");
    let magnitude = magnitude(without_sign(&plain))
        .ok_or_else(|| "this reads as a whole number and is none: put it in quotes".to_owned())?;
    let negative = plain.starts_with('-') && magnitude != "0";
    Ok(Scalar::Integer(if negative { format!("-{magnitude}") } else { magnitude }))
}

/// An unsigned integer of any of YAML's bases, in decimal.
fn magnitude(digits: &str) -> Option<String> {
    if let Some(binary) = digits.strip_prefix("0b") {
        return in_base(binary, 2);
    }
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return in_base(hexadecimal, 16);
    }
    if digits == "0" {
        return Some("0".to_owned());
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return in_base(octal, 8);
    }
    if digits.contains(':') {
        return sexagesimal_integer(digits).map(|number| number.to_string());
    }
    only(digits, |byte| byte.is_ascii_digit()).then(|| digits.to_owned())
}

fn in_base(digits: &str, base: u32) -> Option<String> {
    // from_str_radix would take a sign of its own.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u128::from_str_radix(digits, base).ok().map(|number| number.to_string())
}

fn sexagesimal_integer(digits: &str) -> Option<u128> {
    digits.split(':').try_fold(0_u128, |sum, group| {
        let group: u128 = only(group, |byte| byte.is_ascii_digit()).then(|| group.parse().ok())??;
        sum.checked_mul(60)?.checked_add(group)
    })
}

fn float(text: &str) -> Result<Scalar, String> {
    let plain = text.replace('_', "").to_lowercase();
    let magnitude = match without_sign(&plain) {
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        digits if digits.contains(':') => sexagesimal_float(digits),
        digits => digits.parse().ok(),
    };
    let magnitude =
        magnitude.ok_or_else(|| "this reads as a number and is none: put it in quotes".to_owned())?;
    Ok(Scalar::Float(if plain.starts_with('-') { -magnitude } else { magnitude }))
}

/// Summed from the last group to the first, as PyYAML does, so that rounding is the same.
fn sexagesimal_float(digits: &str) -> Option<f64> {
    let mut base = 1.0;
    let mut sum = 0.0;
    for group in digits.rsplit(':') {
        sum += group.parse::<f64>().ok()? * base;
        base *= 60.0;
    }
    Some(sum)
}

/// A float as Python prints it: the shortest digits that read back as the same number, with an
/// exponent below 1e-4 and from 1e16 on.
fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    let mut text = number.to_string();
    if !text.contains('.') {
        let _ = write!(text, ".0");
    }
    text
}

/// Reads a text from its front, one expected piece after another.
struct Pieces<'t>(&'t str);

impl Pieces<'_> {
    /// Takes between `least` and `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> bool {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        self.0 = &self.0[count..];
        count >= least
    }

    fn one_of(&mut self, set: &[char]) -> bool {
        let rest = self.0.strip_prefix(set);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }
}

fn is_date(text: &str) -> bool {
    let mut date = Pieces(text);
    date.digits(4, 4)
        && date.one_of(&['-'])
        && date.digits(2, 2)
        && date.one_of(&['-'])
        && date.digits(2, 2)
        && date.0.is_empty()
}

fn is_timestamp(text: &str) -> bool {
    is_date(text) || is_date_with_time(text)
}

fn is_date_with_time(text: &str) -> bool {
    let mut at = Pieces(text);
    let date = at.digits(4, 4)
        && at.one_of(&['-'])
        && at.digits(1, 2)
        && at.one_of(&['-'])
        && at.digits(1, 2)
        && (at.one_of(&['T', 't']) || at.blanks());
    let time = date
        && at.digits(1, 2)
        && at.one_of(&[':'])
        && at.digits(2, 2)
        && at.one_of(&[':'])
        && at.digits(2, 2);
    if !time {
        return false;
    }
    if at.one_of(&['.']) {
        at.digits(0, usize::MAX);
    }
    at.0.is_empty() || is_zone(at)
}

fn is_zone(mut at: Pieces<'_>) -> bool {
    at.blanks();
    if at.one_of(&['Z']) {
        return at.0.is_empty();
    }
    at.one_of(&['-', '+'])
        && at.digits(1, 2)
        && (at.0.is_empty() || (at.one_of(&[':']) && at.digits(2, 2) && at.0.is_empty()))
}

fn timestamp(text: &str) -> Result<Scalar, String> {
    if !is_date(text) {
        return Ok(Scalar::DateTime(text.to_owned()));
    }
    // Python's years begin at 1.
    let exists = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && !text.starts_with("0000");
    exists
        .then(|| Scalar::Date(text.to_owned()))
        .ok_or_else(|| "this reads as a date and is none: put it in quotes".to_owned())
}
