//! What differs from run to run in what commands show, and so is no difference: times, durations, sizes, addresses, server
//! processes, and where lines are broken. What else differs is one.

/// The words of what was shown, without what differs from run to run.
#[must_use]
pub fn masked(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| line_masked(line).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// What is measured in these is another from run to run.
const UNITS: [&str; 9] = [" s", " ms", " min", " B", " bytes", " kB", " KiB", " MiB", " GiB"];

/// Before the number of a process.
const PROCESS: &str = "process ";

/// Rules of tables, which are as long as the widest cell, become one.
fn line_masked(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line.trim_end();
    while let Some(letter) = rest.chars().next() {
        let length = number_length(rest);
        // A digit in a name, such as version1, belongs to it.
        let in_a_name = masked.chars().next_back().is_some_and(|it| it.is_alphanumeric() || it == '_');
        if length > 0 && !in_a_name {
            let (number, behind) = rest.split_at(length);
            masked.push_str(if differs(number, behind, &masked) { "0" } else { number });
            rest = behind;
            continue;
        }
        masked.push(letter);
        rest = &rest[letter.len_utf8()..];
        if matches!(letter, '─' | '╌' | '═') {
            rest = rest.trim_start_matches(letter);
        }
    }
    masked
}

/// The bytes of a number, of a time or of an address that a text begins with.
fn number_length(text: &str) -> usize {
    let letters = text.as_bytes();
    let is_digit = |at: usize| letters.get(at).is_some_and(u8::is_ascii_digit);
    let joins = |at: usize| {
        letters.get(at).is_some_and(|it| b".:-_+".contains(it))
            && is_digit(at + 1)
            && at > 0
            && is_digit(at - 1)
    };
    (0..).find(|at| !is_digit(*at) && !joins(*at)).unwrap_or_default()
}

/// Whether a number is another from run to run: an address, a time, what is measured, a server process.
fn differs(number: &str, behind: &str, before: &str) -> bool {
    let parts = |separator: char| number.split(separator).count();
    let measured = UNITS.iter().any(|unit| {
        behind.strip_prefix(unit).is_some_and(|more| !more.starts_with(|it: char| it.is_alphanumeric()))
    });
    parts('.') >= 4
        || parts('_') >= 4
        || number.contains(':')
        || parts('-') >= 3
        || measured
        || before.ends_with(PROCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> String {
        line_masked(line)
    }

    #[test]
    fn what_differs_from_run_to_run_is_none() {
        assert_eq!(one("at 127.3.41.9:3306, in 0.07 s"), one("at 127.200.4.10:3306, in 12.31 s"));
        assert_eq!(one("(server process 4711)"), one("(server process 12)"));
        assert_eq!(one("├╌╌╌╌┼╌╌┤"), one("├╌╌┼╌╌╌╌╌┤"));
        assert_eq!(one("2026-11-26 19:20:54+00"), one("2027-01-02 03:04:05+00"));
        assert_eq!(one("source 127_3_41_9:"), one("source 127_200_4_10:"));
        assert_eq!(
            masked(&["  a b".into(), "c".into()]),
            masked(&["  a".into(), String::new(), "  b c".into()])
        );
    }

    #[test]
    fn what_differs_is_a_difference() {
        assert_ne!(one("_sch_chameleon_version1"), one("_sch_chameleon_version2"));
        assert_ne!(one("1 error"), one("no error"));
        assert_ne!(one("3 tables"), one("2 tables"));
        assert_ne!(one("3 sources"), one("2 sources"));
        assert_ne!(one("2.0.10"), one("2.0.9"));
        assert_ne!(one("v1"), one("v2"));
    }
}
