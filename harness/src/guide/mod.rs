//! The users' guide, played: its pages are run, one after the other, on a real MySQL, a real pg_chameleon 1.8.2 and 2.0.21 and a
//! real PostgreSQL, as the day that it tells of. What each command shows must be what the page says. §guide

mod mask;
pub mod page;
mod play;

pub use mask::masked;
pub use page::Page;
pub use play::play;
