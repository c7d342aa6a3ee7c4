//! The steps of an upgrade, as its messages show them: a step begins with the simple query `SAVEPOINT <step>`
//! and lasts until the next one or the end of the transaction; a COMMIT after steps is one of its own, `commit`. What a
//! message means is decided by its text alone, never by when an answer came, so that two equal runs have equal steps.

/// The step that a COMMIT after other steps is.
pub(super) const COMMIT_STEP: &str = "commit";

/// What a simple query does to the step its connection is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// A step begins, with this message as its first.
    Begins(String),
    /// The transaction is to be committed; this message is a step of its own.
    Commits,
    /// The transaction is to be rolled back; this message is the last of the step.
    RollsBack,
}

/// Recognises a query that consists of one such statement; everything else is within a step.
pub(super) fn recognise(sql: &str) -> Option<Mark> {
    let statement = sql.trim().trim_end_matches(';').trim_end();
    let (verb, rest) = statement.split_once(char::is_whitespace).unwrap_or((statement, ""));
    let rest = rest.trim();
    let plain =
        rest.is_empty() || rest.eq_ignore_ascii_case("work") || rest.eq_ignore_ascii_case("transaction");
    match verb.to_ascii_lowercase().as_str() {
        "savepoint" => identifier(rest).map(Mark::Begins),
        "commit" | "end" if plain => Some(Mark::Commits),
        "rollback" | "abort" if plain => Some(Mark::RollsBack),
        _ => None,
    }
}

/// The name that an identifier means; none when `text` is more than one.
fn identifier(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        let name = quoted.replace("\"\"", "\"");
        return (!name.is_empty()).then_some(name);
    }
    let bare = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    (!text.is_empty() && text.chars().all(bare)).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn savepoints_begin_steps() {
        for (sql, step) in [
            ("SAVEPOINT lock", "lock"),
            ("  savepoint\n Install ; ", "install"),
            ("SAVEPOINT \"the \"\"Step\"", "the \"Step"),
            ("SAVEPOINT store_sources;", "store_sources"),
        ] {
            assert_eq!(recognise(sql), Some(Mark::Begins(step.to_owned())), "{sql}");
        }
    }

    #[test]
    fn only_whole_ends_of_a_transaction_end_steps() {
        assert_eq!(recognise("COMMIT"), Some(Mark::Commits));
        assert_eq!(recognise("end work;"), Some(Mark::Commits));
        assert_eq!(recognise("ROLLBACK ;"), Some(Mark::RollsBack));
        assert_eq!(recognise("abort transaction"), Some(Mark::RollsBack));
        for within in [
            "ROLLBACK TO lock",
            "ROLLBACK TO SAVEPOINT lock",
            "RELEASE SAVEPOINT lock",
            "COMMIT PREPARED 'x'",
            "COMMIT AND CHAIN",
            "SAVEPOINT a; SELECT 1",
            "SAVEPOINT",
            "SELECT 'SAVEPOINT x'",
            "DO $$BEGIN COMMIT; END$$",
            "",
        ] {
            assert_eq!(recognise(within), None, "{within}");
        }
    }
}
