//! The text of the new configuration. Every value that comes from an old file is in quotes; everything is ASCII.

use std::fmt::Write as _;

use super::super::yaml::quoted;
use super::OldConfiguration;
use super::settings::default_of;
use super::taken::{copy_mode, setting};

/// The configuration of these groups of files, each the source of that name.
pub(super) fn text(groups: &[Vec<&OldConfiguration>], names: &[String]) -> String {
    let files: Vec<_> = groups.iter().flatten().copied().collect();
    let mut text = String::new();
    // Writing into a text can't fail.
    _ = write(&mut text, &files, groups, names);
    text
}

fn write(
    text: &mut String,
    files: &[&OldConfiguration],
    groups: &[Vec<&OldConfiguration>],
    names: &[String],
) -> std::fmt::Result {
    writeln!(text, "# The configuration of pg_chameleon 2 for the replica of these configurations of")?;
    writeln!(text, "# pg_chameleon 1.x, from which chameleon-upgrade convert-config made it:")?;
    for file in files {
        writeln!(text, "#   {}", quoted(&file.file.display().to_string()))?;
    }
    writeln!(text, "# What each key is for: config-example.yml, by chameleon-upgrade init-config.")?;
    writeln!(text, "# In double quotes, \\xFC and the like are letters beyond ASCII.\n")?;

    for key in ["pid_dir", "log_dir", "log_dest", "log_level", "log_days_keep"] {
        writeln!(text, "{key}: {}", setting(files, key).unwrap_or(default_of(key)))?;
    }
    writeln!(text, "rollbar_key: ''\nrollbar_env: ''\n")?;
    type_overrides(text, files)?;
    pg_conn(text, files[0])?;
    writeln!(text, "sources:")?;
    for (group, name) in groups.iter().zip(names) {
        source(text, group, name)?;
    }
    Ok(())
}

/// 2.0.21 looks a table up by its schema on MySQL when it copies it, and by that in PostgreSQL when it is created later.
fn type_overrides(text: &mut String, files: &[&OldConfiguration]) -> std::fmt::Result {
    let mut types: Vec<(&str, &str, Option<Vec<String>>)> = Vec::new();
    for file in files {
        for it in file.type_override.iter().flat_map(|entry| &entry.value) {
            let schemas = [&file.my_database.value, &file.dest_schema.value];
            let tables = it.tables.as_ref().map(|names| {
                let of = |name| schemas.map(|schema| format!("{schema}.{name}"));
                names.iter().flat_map(of).collect::<Vec<String>>()
            });
            match types.iter_mut().find(|(mysql, _, _)| *mysql == it.mysql) {
                Some((_, _, Some(known))) => known.extend(tables.into_iter().flatten()),
                Some(_) => {}
                None => types.push((&it.mysql, &it.postgres, tables)),
            }
        }
    }
    // 2.0.21 looks at the first of the tables, so there must be one.
    types.retain(|(_, _, tables)| tables.as_ref().is_none_or(|tables| !tables.is_empty()));
    if types.is_empty() {
        return writeln!(text, "# MySQL's types are made to what they are by themselves.\ntype_override:\n");
    }
    writeln!(text, "type_override:")?;
    for (mysql, postgres, tables) in types {
        writeln!(text, "  {}:\n    override_to: {}\n    override_tables:", quoted(mysql), quoted(postgres))?;
        for table in tables.unwrap_or_else(|| vec!["*".to_owned()]) {
            writeln!(text, "      - {}", quoted(&table))?;
        }
    }
    writeln!(text)
}

fn pg_conn(text: &mut String, file: &OldConfiguration) -> std::fmt::Result {
    let it = &file.postgres;
    writeln!(text, "# PostgreSQL: the replica, and its catalogue sch_chameleon.\npg_conn:")?;
    writeln!(text, "  host: {}", quoted(&it.host.value))?;
    writeln!(text, "  port: {}", quoted(&it.port.value))?;
    writeln!(text, "  user: {}", quoted(&it.user.value))?;
    writeln!(text, "  password: {}", quoted(it.password.expose()))?;
    writeln!(text, "  database: {}", quoted(&it.database.value))?;
    writeln!(text, "  charset: {}\n", setting(&[file], "pg_charset").unwrap_or(default_of("pg_charset")))
}

fn source(text: &mut String, group: &[&OldConfiguration], name: &str) -> std::fmt::Result {
    let mysql = &group[0].mysql;
    let of = |key: &'static str| setting(group, key).unwrap_or(default_of(key));
    writeln!(text, "  {}:\n    type: mysql\n    db_conn:", quoted(name))?;
    writeln!(text, "      host: {}", quoted(&mysql.host.value))?;
    writeln!(text, "      # pg_chameleon 1.x took no notice of the port in its files, and used this one.")?;
    writeln!(text, "      port: '3306'\n      user: {}", quoted(&mysql.user.value))?;
    writeln!(text, "      password: {}", quoted(mysql.password.expose()))?;
    writeln!(text, "      charset: {}\n      connect_timeout: 10", of("my_charset"))?;
    writeln!(text, "    # Schemas on MySQL, and where they go in PostgreSQL.\n    schema_mappings:")?;
    for file in group {
        writeln!(text, "      {}: {}", quoted(&file.my_database.value), quoted(&file.dest_schema.value))?;
    }
    limit_tables(text, group)?;
    writeln!(text, "    skip_tables:\n    skip_events:\n      insert:\n      update:\n      delete:")?;
    writeln!(
        text,
        "    # Roles that may read the tables that are copied; pg_chameleon 1.x had no such key."
    )?;
    writeln!(text, "    grant_select_to:\n    lock_timeout: '120s'")?;
    for key in ["my_server_id", "replica_batch_size"] {
        writeln!(text, "    {key}: {}", of(key))?;
    }
    writeln!(text, "    replay_max_rows: 10000")?;
    for key in ["batch_retention", "copy_max_memory"] {
        writeln!(text, "    {key}: {}", of(key))?;
    }
    writeln!(text, "    copy_mode: {}", copy_mode(group).unwrap_or(default_of("copy_mode")))?;
    for key in ["out_dir", "sleep_loop"] {
        writeln!(text, "    {key}: {}", of(key))?;
    }
    writeln!(
        text,
        "    # A table that a change can't be applied to is disabled, and the others go on; or: exit."
    )?;
    writeln!(
        text,
        "    on_error_replay: continue\n    on_error_read: continue\n    auto_maintenance: 'disabled'"
    )?;
    writeln!(text, "    gtid_enable: No\n    keep_existing_schema: No\n    net_read_timeout: 600")
}

/// Of a schema that is named here, the daemon reads no others.
fn limit_tables(text: &mut String, group: &[&OldConfiguration]) -> std::fmt::Result {
    writeln!(text, "    # Of a schema that is named here, only these tables.\n    limit_tables:")?;
    for file in group {
        for table in file.tables_limit.iter().flat_map(|entry| &entry.value) {
            writeln!(text, "      - {}", quoted(&format!("{}.{table}", file.my_database.value)))?;
        }
    }
    Ok(())
}
