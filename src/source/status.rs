//! The variables that a server logs with a statement. mysql-replication, by which both versions of pg_chameleon read, ends
//! at one that it doesn't know: MySQL 9 logs such a one (21) with rows that are changed by logged statements, whatever
//! schema they are of (seen on 9.7 with mysql-replication 0.31 and 1.0.17).

/// How long the value of a variable is.
enum Length {
    Known(usize),
    /// It is cut off, or of a kind that no server writes any more: what follows can't be told.
    Lost,
    /// mysql-replication doesn't know it.
    Unknown,
}

/// The first variable that mysql-replication doesn't know.
pub(super) fn unknown(mut variables: &[u8]) -> Option<u8> {
    while let Some((&key, rest)) = variables.split_first() {
        match length(key, rest) {
            Length::Known(length) => variables = rest.get(length..)?,
            Length::Lost => return None,
            Length::Unknown => return Some(key),
        }
    }
    None
}

/// By the lists of both servers: MariaDB's own begin at 128.
fn length(key: u8, value: &[u8]) -> Length {
    let text_at = |place: usize| value.get(place).map(|length| place + 1 + usize::from(*length));
    let length = match key {
        16 | 19 | 20 => Some(1),
        7 | 8 | 18 => Some(2),
        13 | 128 => Some(3),
        0 | 3 | 10 => Some(4),
        4 => Some(6),
        1 | 9 | 17 | 129 => Some(8),
        5 | 6 => text_at(0),
        2 => text_at(0).map(|length| length + 1),
        11 => text_at(0).and_then(text_at),
        12 => names(value),
        14 | 15 => None,
        _ => return Length::Unknown,
    };
    length.map_or(Length::Lost, Length::Known)
}

/// The names of databases, each with a zero byte behind it: first how many, or that there are too many to list.
fn names(value: &[u8]) -> Option<usize> {
    const TOO_MANY: u8 = 254;
    let (&count, names) = value.split_first()?;
    let mut length = 1;
    for name in
        names.split_inclusive(|byte| *byte == 0).take(if count == TOO_MANY { 0 } else { count.into() })
    {
        length += name.len();
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_log_is_known_but_for_what_is_new() {
        // As MySQL 9.7 logs a definition, and an UPDATE that is logged as a statement.
        let mut variables = vec![0, 0, 0, 0, 0, 1, 32, 0, 160, 69, 0, 0, 0, 0, 6, 3];
        variables.extend(b"std");
        variables.extend([4, 255, 0, 255, 0, 255, 0, 12, 2]);
        variables.extend(b"my_shop\0elsewhere\0");
        variables.extend([17, 1, 0, 0, 0, 0, 0, 0, 0, 18, 255, 0, 19, 0, 20, 0, 128, 1, 2, 3]);
        assert_eq!(unknown(&variables), None);
        let known = variables.len();
        variables.extend([21, 1]);
        assert_eq!(unknown(&variables), Some(21));
        // Cut off anywhere before it, it says nothing.
        for end in 0..known {
            assert_eq!(unknown(&variables[..end]), None, "{end}");
        }
    }

    #[test]
    fn names_and_accounts_are_passed() {
        assert_eq!(unknown(&[11, 2, b'm', b'e', 1, b'%', 21]), Some(21));
        assert_eq!(unknown(&[2, 3, b's', b't', b'd', 0, 5, 1, b'Z', 21]), Some(21));
        assert_eq!(unknown(&[12, 254, 21]), Some(21));
        assert_eq!(unknown(&[]), None);
    }
}
