//! A password that can't be printed (§passwords: they never appear in output, logs, reports or
//! process titles).

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A password of the configuration. It is wiped from memory when dropped, and prints as `[hidden]`.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The password itself, for the one place that hands it to a server.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_exposed_only_when_asked() {
        let password = Password::from("s3cret".to_owned());
        assert_eq!(password.expose(), "s3cret");
        assert_eq!(format!("{password} {password:?} {password:#?}"), "[hidden] [hidden] [hidden]");
    }
}
