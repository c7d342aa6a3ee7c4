//! No finding without a test that carries its remedy out, or a reason why there is none.

use chameleon_upgrade::checks::CHECKS;
use chameleon_upgrade::rollback;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the remedy of a finding is carried out.
enum Remedy {
    /// In this test, of a file below the repository's root.
    Test(&'static str, &'static str),
    /// In this live scenario, with the real pg_chameleon.
    Live(&'static str),
    /// Nothing is to be done, or nobody can do it in a test.
    No(&'static str),
}

use Remedy::{Live, No, Test};

const CATALOGUE: &str = "tests/remedies/catalogue.rs";
const CONFIGURATION: &str = "tests/remedies/configuration.rs";
const POSTGRESQL: &str = "tests/remedies/postgresql.rs";
const MYSQL: &str = "tests/remedies/mysql.rs";
const WAY_BACK: &str = "tests/remedies/way_back.rs";

/// Each finding with its remedies.
const REMEDIES: &[(&str, &[Remedy])] = &[
    (
        "backup",
        &[
            Test("tests/cli/backup.rs", "a_file_that_is_there_is_replaced_by_force_only"),
            Test("tests/cli/backup.rs", "programs_that_will_not_do_are_named"),
        ],
    ),
    // What watch finds.
    ("binlog", &[Live("watch_ends")]),
    ("blocked", &[Live("watch")]),
    ("daemon", &[Live("watch_ends"), Live("watch")]),
    ("disabled-tables", &[Live("watch")]),
    ("half-ended", &[Live("watch_half_ends")]),
    ("not-consistent", &[Live("watch")]),
    (
        "paused",
        &[No(
            "a maintenance of pg_chameleon's lets it go on; what was broken off is its administrator's to see",
        )],
    ),
    ("replay-errors", &[Live("watch")]),
    ("stuck", &[Live("watch_circle")]),
    ("batch-succession", &[Live("orphan_after_retention")]),
    ("binlog-base-name", &[Test(CONFIGURATION, "each_mysql_server_gets_a_source_of_its_own")]),
    (
        "binlog-contents",
        &[
            Live("contents_absent_columns"),
            Live("contents_compressed_rows"),
            Live("contents_rows_as_statement"),
            Live("contents_unseen_definition"),
            Live("contents_compressed_transaction"),
            Live("contents_partial_json"),
            Live("contents_unknown_variable"),
            Live("contents_unreadable_columns"),
            Test("tests/mysql/mariadb/own.rs", "what_is_compressed"),
            Test("tests/mysql/mariadb/own.rs", "statements_with_the_server_s_collations_are_told"),
        ],
    ),
    ("binlog-files", &[Live("remedies_init_replica")]),
    (
        "binlog-read",
        &[No(
            "a log that can't be read is the server's to mend; else 1.8.2's init_replica, as of binlog-files",
        )],
    ),
    ("binlog-retention", &[Test("tests/mysql/server.rs", "binary_logs_that_are_not_kept_for_long")]),
    ("binlog-row-metadata", &[Live("contents_unnamed_columns")]),
    (
        "binlog-settings",
        &[
            Test("tests/mysql/mariadb/own.rs", "events_that_say_no_place_are_read_and_told"),
            Test("tests/mysql/server.rs", "rows_that_are_not_whole"),
            Test("tests/mysql/server.rs", "statements_in_the_binary_log"),
        ],
    ),
    ("catalogue", &[Test(POSTGRESQL, "a_lock_on_the_catalogue_is_waited_for")]),
    ("catalogue-put-aside", &[Test(WAY_BACK, "a_catalogue_that_was_renamed_gets_its_name_back")]),
    ("catalogue-version", &[Test(CONFIGURATION, "the_database_of_the_replica_is_named")]),
    ("coordinates", &[Live("remedies_of_1_8_2")]),
    ("daemon-configuration", &[Live("configuration_of_the_daemon")]),
    (
        "daemon-program",
        &[
            Live("rehearsal_earlier_release"),
            Test("tests/mysql/daemon.rs", "a_program_that_does_not_start_is_told"),
        ],
    ),
    ("dependents", &[Test(CATALOGUE, "a_view_on_the_catalogue_is_created_anew")]),
    ("destination-tables", &[Live("remedies_of_1_8_2")]),
    (
        "discarded-rows",
        &[Test(CATALOGUE, "discarded_rows_are_told_and_the_list_is_emptied"), Live("remedies_of_1_8_2")],
    ),
    ("encoding", &[Test("tests/sessions/encodings.rs", "a_name_that_the_database_can_not_store_is_refused")]),
    ("gtid-set", &[Live("gtids_misread")]),
    ("key-columns", &[Live("remedies_of_1_8_2")]),
    ("gone-back", &[Live("remedies_init_replica")]),
    (
        "leftovers",
        &[
            Test(CATALOGUE, "leftovers_are_dropped_or_renamed"),
            Test(CATALOGUE, "what_is_left_over_beside_a_success_is_dropped"),
            Test(WAY_BACK, "a_leftover_is_dropped"),
        ],
    ),
    (
        "locks",
        &[
            Test(
                "tests/sessions/prepared_transactions.rs",
                "it_is_named_by_check_and_when_the_lock_is_asked_for",
            ),
            Test("tests/sessions/prepared_transactions.rs", "a_session_is_named_by_check_too"),
        ],
    ),
    (
        "misplaced-tables",
        &[
            Test(CATALOGUE, "a_table_that_is_registered_twice_is_deleted_once"),
            Test(CATALOGUE, "tables_that_are_registered_for_another_source_are_given_back"),
            Test(CATALOGUE, "rows_of_a_schema_that_is_no_destination_are_deleted"),
            Live("remedy_registered_twice"),
            Live("remedy_registered_for_another"),
        ],
    ),
    ("mysql", &[Test("tests/mysql/server.rs", "the_server_is_down")]),
    ("mysql-charset", &[Test("tests/mysql/server.rs", "an_unknown_character_set")]),
    (
        "mysql-schemas",
        &[
            Test(MYSQL, "a_schema_that_may_not_be_seen_is_granted"),
            Test(MYSQL, "names_are_written_as_the_server_has_them"),
        ],
    ),
    ("mysql-version", &[No("another MySQL server, or a later pg_chameleon: nobody can do that in a test")]),
    (
        "names",
        &[
            Test(CATALOGUE, "rows_with_names_that_do_not_fit_are_deleted"),
            Test(CONFIGURATION, "a_source_gets_a_shorter_name"),
        ],
    ),
    (
        "never-initialised",
        &[
            Test(CATALOGUE, "the_destination_of_a_source_that_was_never_initialised_is_created"),
            Live("remedy_create_schema"),
            Live("remedy_refresh_schema"),
        ],
    ),
    ("offline", &[No("run without --offline: every live scenario does")]),
    ("orphan-batches", &[Live("remedies_window")]),
    ("own-objects", &[Test(CATALOGUE, "objects_of_ones_own_are_given_another_schema")]),
    (
        "pooler",
        &[Test("tests/sessions/poolers.rs", "a_pool_of_sessions_is_as_good_as_the_server_and_left_clean")],
    ),
    (
        "postgresql",
        &[Test(POSTGRESQL, "a_database_is_opened_to_writers"), Test("tests/cli/refusals.rs", "a_standby")],
    ),
    ("primary-keys", &[Test(CATALOGUE, "primary_keys_are_added"), Live("table_without_key")]),
    ("recheck", &[No("run again: tests/disturbed/failures.rs runs again whatever was refused")]),
    (
        "replay",
        &[
            Test(POSTGRESQL, "an_event_that_cannot_be_replayed_is_mended"),
            Test("tests/cli/way_back.rs", "an_event_that_can_not_be_replayed_disables_its_table_or_refuses"),
        ],
    ),
    (
        "replica-stopped",
        &[
            Test(POSTGRESQL, "a_session_that_nobody_uses_any_more_is_ended"),
            Test(POSTGRESQL, "a_replica_that_was_killed_is_taken_as_stopped"),
            Test(WAY_BACK, "a_replica_that_was_killed_is_taken_as_stopped"),
        ],
    ),
    ("replica-went-on", &[Test(WAY_BACK, "who_goes_back_by_force_copies_first")]),
    ("replication-privileges", &[Test("tests/mysql/server.rs", "what_the_remedy_grants_is_enough")]),
    ("standbys", &[Test("tests/sessions/commits.rs", "a_standby_that_is_waited_for_in_vain_is_told")]),
    ("role", &[Test(POSTGRESQL, "a_role_gets_what_it_lacks")]),
    (
        "schema-mappings",
        &[
            Test(CONFIGURATION, "lines_of_schema_mappings_are_written_as_they_are_named"),
            Live("remedies_of_1_8_2"),
        ],
    ),
    (
        "server-identity",
        &[
            Live("server_identity_another"),
            Test("tests/mysql/identity.rs", "a_port_that_was_never_read_from"),
        ],
    ),
    ("server-id", &[Test("tests/cli/configuration.rs", "two_sources_that_are_one_replica_to_their_server")]),
    ("source-schema", &[Live("remedies_of_1_8_2")]),
    ("source-types", &[Test(CONFIGURATION, "a_source_of_another_type_is_taken_out")]),
    ("start", &[Live("remedies_init_replica")]),
    ("stored-twice", &[Live("remedies_init_replica")]),
    ("table-structure", &[Live("structure_composite_key"), Live("structure_unseen_definitions")]),
    ("tables-left-out", &[Live("lists_that_leave_out_tables")]),
    ("tables-left-behind", &[Live("remedy_left_behind"), Live("remedy_left_behind_later")]),
    ("unreplayable-batch", &[Test(CATALOGUE, "a_batch_that_the_replay_passes_over_is_marked")]),
    ("waiting-rows", &[No("an info")]),
    ("way-back-lost", &[Live("way_back_lost")]),
    ("way-back-mappings", &[Live("way_back_mappings")]),
    ("way-back-start", &[Test(WAY_BACK, "a_position_past_2_gib_is_left_behind")]),
    ("way-back-tables", &[Live("way_back_disabled"), Live("way_back_synced_and_killed")]),
    ("window", &[Live("remedies_window")]),
    ("window-ddl", &[Live("remedies_window")]),
    ("window-judge", &[Test("tests/mysql/daemon.rs", "the_program_that_will_run_is_named")]),
    (
        "window-statements",
        &[
            Live("remedy_flush_statement"),
            Live("remedy_keeps_coming"),
            Live("remedy_keeps_coming_stopped"),
            Live("remedy_sync_redefined"),
            Live("statements_judged_by_the_daemon"),
            Live("ddl_index"),
        ],
    ),
    (
        "window-tables",
        &[Test(MYSQL, "a_table_that_may_not_be_read_is_granted"), Live("remedy_flush_dropped_table")],
    ),
    ("zero-dates", &[Live("remedy_zero_dates")]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The ids of findings: those of the checks, and what the upgrade finds on its way, which the source names where it makes it.
fn ids() -> BTreeSet<String> {
    let of_checks = CHECKS.iter().map(|check| check.id);
    let of_the_way_back = rollback::checks::CHECKS.iter().map(|check| check.id);
    let mut ids: BTreeSet<_> = of_checks.chain(of_the_way_back).map(str::to_owned).collect();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What a conversion finds is about the old files: tests/cli/convert_config.rs.
            if path.ends_with("src/config/v1") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                ids.extend(ids_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    ids
}

fn ids_in(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let made = ["Finding::error(", "Finding::warning(", "Finding::info("];
    let first = made.iter().flat_map(|made| code.split(made).skip(1)).map(str::trim_start);
    first.filter_map(|rest| Some(rest.strip_prefix('"')?.split('"').next()?.to_owned())).collect()
}

#[test]
fn every_finding_has_a_remedy_that_is_carried_out() {
    let given = ids();
    assert!(given.contains("replay") && given.contains("recheck"), "{given:?}");
    let known: BTreeSet<String> = REMEDIES.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(
        given.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "findings without a remedy"
    );
    assert_eq!(known.difference(&given).collect::<Vec<_>>(), Vec::<&String>::new(), "no such findings");
}

#[test]
fn what_carries_a_remedy_out_is_there() {
    for (id, remedies) in REMEDIES {
        assert!(!remedies.is_empty(), "{id}");
        for remedy in *remedies {
            match remedy {
                Test(file, name) => {
                    let text = fs::read_to_string(root().join(file)).unwrap();
                    assert!(text.contains(&format!("fn {name}")), "{id}: {file} has no {name}");
                }
                Live(name) => {
                    let file = root().join("scenarios/live").join(format!("{name}.yaml"));
                    assert!(file.exists(), "{id}: {}", file.display());
                }
                No(reason) => assert!(!reason.is_empty(), "{id}"),
            }
        }
    }
}
