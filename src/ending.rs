//! How a command ends: its exit code and its last line, which both say what state the replica is in.

/// The end of a command. §exit-codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Done, or nothing to do.
    Done(String),
    /// Something that should not happen.
    Unexpected(String),
    /// Wrong arguments or configuration.
    WrongUse(String),
    /// Refused: nothing was changed.
    Refused(String),
    /// Failed and rolled back: 1.7 is in place.
    RolledBack(String),
    /// Not known: the server could not be reached to find out.
    Unknown(String),
    /// Looked, and it is not as it should be.
    NotWell(String),
}

impl Ending {
    /// The exit code of the process.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Done(_) => 0,
            Self::Unexpected(_) => 1,
            Self::WrongUse(_) => 2,
            Self::Refused(_) => 3,
            Self::RolledBack(_) => 4,
            Self::Unknown(_) => 5,
            Self::NotWell(_) => 6,
        }
    }

    /// What to tell last.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Done(message)
            | Self::Unexpected(message)
            | Self::WrongUse(message)
            | Self::Refused(message)
            | Self::RolledBack(message)
            | Self::Unknown(message)
            | Self::NotWell(message) => message,
        }
    }

    /// The name of the ending in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Unexpected(_) => "unexpected_error",
            Self::WrongUse(_) => "wrong_use",
            Self::Refused(_) => "refused",
            Self::RolledBack(_) => "rolled_back",
            Self::Unknown(_) => "unknown",
            Self::NotWell(_) => "not_well",
        }
    }
}
