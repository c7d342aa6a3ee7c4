//! How far something has come with a source, while it goes on.

use indicatif::ProgressBar;

/// On a terminal a bar; elsewhere a line now and then.
pub(super) struct Bar {
    pub(super) source: String,
    pub(super) bar: ProgressBar,
    /// The last tenth that was told, where there is no terminal.
    pub(super) told: u64,
}
