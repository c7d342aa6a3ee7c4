//! The rows of a table in a few numbers, made inside the server: how many there are, and what tells them from others
//! whatever their order.

use super::Table;
use crate::names::{SCHEMA, quote_identifier};
use tokio_postgres::{Client, Error};

/// What decides how a value is written, whatever the role or the database says; until the transaction is undone.
const AS_TEXT: &str = "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC';
    SET bytea_output = 'hex'; SET extra_float_digits = 3";

/// How a row is digested. A digest that is to be compared is made in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Md5,
    Sha256,
}

impl Method {
    /// The one that the server, and any newer one, can do: version 10 has no other than md5, which later ones may forbid.
    pub async fn of(client: &Client) -> Result<Self, Error> {
        let old = "SELECT current_setting('server_version_num')::int < 110000";
        let is_old = client.query_typed_one(old, &[]).await?.try_get(0)?;
        Ok(if is_old { Self::Md5 } else { Self::Sha256 })
    }
}

/// Counts the rows of a table, and digests them where that is asked for.
///
/// # Errors
/// What PostgreSQL answers.
pub(super) async fn count(client: &Client, table: &mut Table, method: Option<Method>) -> Result<(), Error> {
    let name = format!("{SCHEMA}.{}", quote_identifier(&table.name));
    let digest = match method {
        None => {
            let query = format!("SELECT count(*) FROM ONLY {name}");
            table.rows = client.query_typed_one(&query, &[]).await?.try_get::<_, i64>(0)?.unsigned_abs();
            return Ok(());
        }
        Some(Method::Md5) => "md5(a_row_of_it::text)",
        Some(Method::Sha256) => {
            "encode(sha256(convert_to(a_row_of_it::text, current_setting('server_encoding'))), 'hex')"
        }
    };
    client.batch_execute(AS_TEXT).await?;
    // Two parts of each row's digest, added up: sums don't depend on the order.
    let query = format!(
        "SELECT count(*), concat_ws(' ', sum(('x' || left(digest, 15))::bit(60)::bigint),
                                         sum(('x' || right(digest, 15))::bit(60)::bigint))
         FROM (SELECT {digest} AS digest FROM ONLY {name} AS a_row_of_it) AS digests"
    );
    let row = client.query_typed_one(&query, &[]).await?;
    table.rows = row.try_get::<_, i64>(0)?.unsigned_abs();
    table.digest = Some(row.try_get(1)?);
    Ok(())
}
