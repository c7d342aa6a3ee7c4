//! All that is made from what came of a rehearsal: the page, the JUnit file, the console's text, what two rehearsals differ
//! in, many of them as a table, and the same without its names. Each is a pure function of the report, and the same report
//! gives the same bytes.

pub mod anonymise;
pub mod characters;
pub mod compare;
pub mod faults;
pub mod file;
pub mod fleet;
pub mod html;
pub mod junit;
pub mod secrets;
pub mod text;
pub mod wording;

pub use anonymise::anonymised;
pub use compare::comparison;
pub use fleet::fleet;
pub use html::html;
pub use junit::junit;
pub use text::text;
