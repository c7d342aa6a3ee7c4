//! Names of hosts, users and databases have no places of their own in a report; they stand in what programs have written:
//! `user@host`, URLs, `host=… user=…`, what PostgreSQL and MySQL call them in messages, and folders of users.

use super::pseudonyms::Kind;

/// What stands before a name, and what it is then the name of.
const BEFORE: [(&str, Kind); 24] = [
    ("host=", Kind::Host),
    ("host: ", Kind::Host),
    ("hostaddr=", Kind::Host),
    ("--host=", Kind::Host),
    ("--host ", Kind::Host),
    (" on host ", Kind::Host),
    ("the host ", Kind::Host),
    ("server at ", Kind::Host),
    ("user=", Kind::User),
    ("user: ", Kind::User),
    ("--username=", Kind::User),
    ("--username ", Kind::User),
    ("for user ", Kind::User),
    ("the user ", Kind::User),
    ("role \"", Kind::User),
    ("the account ", Kind::User),
    ("/home/", Kind::User),
    ("dbname=", Kind::Database),
    ("--dbname=", Kind::Database),
    ("--dbname ", Kind::Database),
    ("database=", Kind::Database),
    ("database: ", Kind::Database),
    ("database \"", Kind::Database),
    ("the database ", Kind::Database),
];

/// Words that follow what stands before a name, and are none.
const WORDS: [&str; 16] = [
    "is", "was", "of", "at", "on", "to", "has", "and", "that", "which", "in", "with", "the", "a", "could",
    "can",
];

/// Calls `add` with each name that the text holds.
pub(super) fn names(text: &str, add: &mut dyn FnMut(Kind, &str)) {
    for (before, kind) in BEFORE {
        for (place, _) in text.match_indices(before) {
            let name = name(&text[place + before.len()..]);
            // A sentence goes on; a value of a key is what it is.
            let is_value =
                before.ends_with(['=', '"', '/']) || before.ends_with(": ") || before.starts_with("--");
            let is_named = is_value
                || text[place + before.len()..].starts_with(['"', '\'', '`'])
                || looks_like_one(name);
            if is_named && !WORDS.contains(&name) {
                add(kind, name);
            }
        }
    }
    for (place, _) in text.match_indices('@') {
        let (user, host) = (ends_with(&text[..place]), name(&text[place + 1..]));
        if !user.is_empty() && !host.is_empty() && !host.bytes().all(|byte| byte.is_ascii_digit()) {
            add(Kind::User, user);
            add(Kind::Host, host);
        }
    }
    for (place, _) in text.match_indices("://") {
        let rest = &text[place + 3..];
        let end = rest
            .find(|letter: char| letter.is_whitespace() || "\"'`<>".contains(letter))
            .unwrap_or(rest.len());
        url(&rest[..end], add);
    }
    let outside = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '-');
    for word in text.split(outside).map(|word| word.trim_matches(['.', '-'])) {
        if is_address(word) || is_host_in_a_domain(word) {
            add(Kind::Host, word);
        }
    }
}

/// What stands behind `://`.
fn url(url: &str, add: &mut dyn FnMut(Kind, &str)) {
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    let (account, server) = authority.rsplit_once('@').unwrap_or(("", authority));
    add(Kind::User, account.split(':').next().unwrap_or_default());
    add(Kind::Host, name(server));
    if !account.is_empty() {
        add(Kind::Database, name(path));
    }
}

/// The name that a text begins with: what stands in quotes, or up to what is in no name.
fn name(text: &str) -> &str {
    let mut letters = text.chars();
    if let Some(quote) = letters.next().filter(|first| matches!(first, '"' | '\'' | '`')) {
        return letters.as_str().split(quote).next().unwrap_or_default();
    }
    let end = text.find(|letter: char| !is_of_a_name(letter)).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

/// The name that a text ends with.
fn ends_with(text: &str) -> &str {
    if let Some(quote) = text.chars().next_back().filter(|last| matches!(last, '"' | '\'' | '`')) {
        return text[..text.len() - 1].rsplit(quote).next().unwrap_or_default();
    }
    let begin = text.char_indices().rev().find(|(_, letter)| !is_of_a_name(*letter));
    &text[begin.map_or(0, |(place, letter)| place + letter.len_utf8())..]
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.$".contains(letter)
}

/// A name that no word of a sentence is.
fn looks_like_one(name: &str) -> bool {
    name.contains(['_', '.', '-']) || name.bytes().any(|byte| byte.is_ascii_digit())
}

/// An IPv4 address; versions of programs have fewer parts.
fn is_address(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

/// `db1.example.com`: three parts of letters, the last of them no number and no ending of a file.
fn is_host_in_a_domain(word: &str) -> bool {
    const DOMAINS: [&str; 18] = [
        "com", "org", "net", "io", "de", "eu", "uk", "fr", "it", "ch", "at", "nl", "internal", "local",
        "lan", "corp", "cloud", "invalid",
    ];
    let parts: Vec<_> = word.split('.').collect();
    let [.., last] = parts.as_slice() else { return false };
    parts.len() >= 2 && parts.iter().all(|part| !part.is_empty()) && DOMAINS.contains(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Kind, String)> {
        let mut found = Vec::new();
        names(text, &mut |kind, name| {
            if !name.is_empty() {
                found.push((kind, name.to_owned()));
            }
        });
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn hosts_users_and_databases_are_found() {
        for (text, hosts, users, databases) in [
            ("Access denied for user 'repl'@'10.0.0.7'", vec!["10.0.0.7"], vec!["repl"], vec![]),
            ("postgresql://app:***@db1:5432/sales", vec!["db1"], vec!["app"], vec!["sales"]),
            ("host=db1 user=u dbname='x y'", vec!["db1"], vec!["u"], vec!["x y"]),
            ("role \"app\" may not read; database \"d\"", vec![], vec!["app"], vec!["d"]),
            ("the database is read; the user must know", vec![], vec![], vec![]),
            (
                "connection to server at \"db-1.shop.internal\", port 5432",
                vec!["db-1.shop.internal"],
                vec![],
                vec![],
            ),
            ("/home/alice/.pg_chameleon/configuration/x.yml", vec![], vec!["alice"], vec![]),
            ("cut_after@17, PostgreSQL 17.4, mysql-bin.000042:4", vec![], vec![], vec![]),
        ] {
            let of = |kind: Kind| -> Vec<_> {
                found(text).into_iter().filter(|(other, _)| *other == kind).map(|(_, name)| name).collect()
            };
            assert_eq!(of(Kind::Host), hosts, "{text}");
            assert_eq!(of(Kind::User), users, "{text}");
            assert_eq!(of(Kind::Database), databases, "{text}");
        }
    }
}
