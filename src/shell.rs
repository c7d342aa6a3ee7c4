//! Commands that are there to be copied into a shell.

/// The command that runs a verb of this program again. `configuration`: what `--config` names it.
#[must_use]
pub fn command(verb: &str, configuration: &str, options: &str) -> String {
    let command = format!("chameleon-upgrade {verb} --config {} {options}", word(configuration));
    command.trim_end().to_owned()
}

/// A word as a shell takes it.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_word_for_what_it_is() {
        assert_eq!(word("shop_1"), "shop_1");
        assert_eq!(word("/etc/pg/a.yml"), "/etc/pg/a.yml");
        assert_eq!(word("my shop"), "'my shop'");
        assert_eq!(word("it's"), "'it'\\''s'");
        assert_eq!(word("$(x)"), "'$(x)'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_command_names_the_configuration() {
        assert_eq!(command("rollback", "default", ""), "chameleon-upgrade rollback --config default");
        assert_eq!(
            command("cleanup", "/my shop.yml", "--drop"),
            "chameleon-upgrade cleanup --config '/my shop.yml' --drop"
        );
    }
}
