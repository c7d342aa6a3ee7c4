//! The drill of a backup: it is restored on a throwaway server as it would be in earnest, with the roles that it needs, and
//! what is there then is held against the database, table by table.

use super::digest::{self, Method};
use super::programs::Programs;
use super::running::Running;
use super::throwaway::Throwaway;
use super::{BackupError, Maker, Table};
use crate::config::store::Beside;
use crate::names::{SCHEMA, quote_identifier};
use std::process::Stdio;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

impl Maker<'_> {
    /// Restores the file on a server of its own, and compares with `tables`, whose digests were made by `method`.
    pub(super) async fn try_out(
        &self,
        programs: &Programs,
        file: &Beside,
        encoding: &str,
        roles: &[String],
        (tables, method): (&[Table], Option<Method>),
    ) -> Result<(), BackupError> {
        let objects = objects(self.client).await?;
        let server = Throwaway::start(programs, encoding).await.map_err(BackupError::Throwaway)?;
        let compared = async {
            let client = server.connect().await.map_err(BackupError::Throwaway)?;
            create(&client, roles).await?;
            let mut command = self.pg_restore(file)?;
            // Where a table lies on the disk is a matter of the server.
            command.args(["--exit-on-error", "--single-transaction", "--no-tablespaces", "--no-password"]);
            server.give(command.arg("--dbname").arg(Throwaway::DATABASE).stdout(Stdio::null()));
            Running::start(&mut command)?.finish().await?;
            compare(&client, &objects, tables, method).await
        };
        let compared = compared.await;
        server.stop().await;
        compared
    }
}

/// What each role may do is a matter of the server too.
async fn create(client: &Client, roles: &[String]) -> Result<(), Error> {
    for role in roles.iter().filter(|role| *role != Throwaway::SUPERUSER) {
        client.batch_execute(&format!("CREATE ROLE {}", quote_identifier(role))).await?;
    }
    Ok(())
}

async fn compare(
    client: &Client,
    wanted: &[(String, i64)],
    tables: &[Table],
    method: Option<Method>,
) -> Result<(), BackupError> {
    let found = objects(client).await?;
    if let Some((kind, _)) =
        wanted.iter().chain(&found).find(|it| !(wanted.contains(it) && found.contains(it)))
    {
        return Err(BackupError::Restored(format!("the number of {kind}")));
    }
    for table in tables {
        let mut restored = table.clone();
        digest::count(client, &mut restored, method).await?;
        if restored != *table {
            return Err(BackupError::Restored(format!("the table {SCHEMA}.{}", table.name)));
        }
    }
    Ok(())
}

async fn objects(client: &Client) -> Result<Vec<(String, i64)>, Error> {
    let rows = client.query_typed(include_str!("objects.sql"), &[(&SCHEMA, Type::TEXT)]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
