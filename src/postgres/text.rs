//! Text as it is shown. A database in SQL_ASCII knows no characters, and may hold bytes that are no UTF-8.

use std::error::Error;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

/// A column of text. Bytes that are no UTF-8 are shown as U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
    }

    accepts!(TEXT, VARCHAR, NAME, BPCHAR);
}

/// The one column of these rows.
///
/// # Errors
/// It is no text.
pub fn texts<C: FromIterator<String>>(rows: &[Row]) -> Result<C, tokio_postgres::Error> {
    rows.iter().map(|row| Ok(row.try_get::<_, Text>(0)?.0)).collect()
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}
