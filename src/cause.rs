//! What went wrong, in words for an administrator, with the error that it came of.

use std::error::Error;
use std::fmt;

/// A cause as it is told. The error that it came of stays with it, where there is one, for whoever follows `source`.
#[derive(Debug)]
pub struct Cause {
    words: String,
    error: Option<Box<dyn Error + Send + Sync>>,
}

impl Cause {
    /// In these words, of this error.
    pub fn of(words: impl Into<String>, error: impl Error + Send + Sync + 'static) -> Self {
        Self { words: words.into(), error: Some(Box::new(error)) }
    }
}

impl<W: Into<String>> From<W> for Cause {
    fn from(words: W) -> Self {
        Self { words: words.into(), error: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let error: &(dyn Error + 'static) = self.error.as_deref()?;
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_stays_with_its_words() {
        let cause = Cause::of("the disk is full", std::io::Error::from_raw_os_error(28));
        assert_eq!(cause.to_string(), "the disk is full");
        let source =
            cause.source().and_then(|error| error.downcast_ref::<std::io::Error>()).expect("its error");
        assert_eq!(source.raw_os_error(), Some(28));
        assert!(Cause::from("nobody knows").source().is_none());
    }
}
