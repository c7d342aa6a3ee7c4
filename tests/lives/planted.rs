//! The same lives planted in a real catalogue: what is read of it is what the model worked out from all of it.

use chameleon_harness::seed::CATALOGUE;
use chameleon_upgrade::batches::Sorted;
use chameleon_upgrade::catalogue::v1::read;
use chameleon_upgrade::facts::snapshot::{Named, Snapshot};
use postgres::Client;
use secrecy::ExposeSecret;
use std::fmt::Write;

use crate::judge::{batches, coordinate, first_rows};
use crate::replica::Replica;
use crate::world::World;

/// How many lives, and of how many steps each.
const LIVES: u64 = 60;
const STEPS: u32 = 45;

#[test]
fn what_is_read_of_a_catalogue_is_what_it_holds() {
    let replica = Replica::empty(&[]);
    let mut client = replica.client();
    CATALOGUE.iter().for_each(|script| client.batch_execute(script).expect("the catalogue"));
    client.batch_execute(&sources()).expect("the sources");
    let mut open = 0;
    for seed in 0..LIVES {
        let mut world = World::new(1_000_000 + seed);
        let _it_may_have_ended_early = world.live(STEPS);
        plant(&mut client, &world);
        let snapshot = read(&replica);
        for (number, source) in snapshot.sources.iter().enumerate().take(world.tables.len()) {
            let expected = batches(&world, number);
            let mut found = source.batches.clone();
            for batch in found.newest.iter_mut().chain(&mut found.open) {
                batch.tables = Named::default();
            }
            assert_eq!(found, expected, "life {seed}, source {number}");
            open += found.open.len();

            let listed: Vec<_> = world
                .batches
                .iter()
                .filter(|batch| batch.source == number && batch.listed)
                .map(|batch| batch.id)
                .collect();
            assert_eq!(source.waiting.batches, listed.len() as u64, "life {seed}, source {number}");
            let mut twice: Vec<_> = listed.into_iter().filter(|id| world.stored_twice(*id)).collect();
            twice.sort_unstable();
            let found: Vec<_> = source.waiting.stored_twice.iter().map(|twice| twice.batch).collect();
            assert_eq!(found, twice, "life {seed}, source {number}");

            let telling = Sorted::of(&expected).telling();
            let rows = first_rows(&world, &telling);
            let furthest = rows.iter().filter(|((of, _), _)| *of == number).map(|(_, end)| *end).max();
            let found = source.tables.first_rows.iter().max().map(ToString::to_string);
            let furthest = furthest.map(|end| coordinate(end).read().expect("a coordinate").to_string());
            assert_eq!(found, furthest, "life {seed}, source {number}");
        }
    }
    assert!(open > 15, "{open} open batches were hardly met");
}

/// Three sources, of which a life uses the first ones.
fn sources() -> String {
    let mut sql = String::new();
    for source in 1..=3 {
        write!(
            sql,
            "INSERT INTO sch_chameleon.t_sources (t_source, t_source_schema, t_dest_schema, v_log_table)
             VALUES ('s{source}', 'my_{source}', 'd{source}', ARRAY['t_log_replica_1_src_{source}', 't_log_replica_2_src_{source}']);
             INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
             SELECT {source}, 't' || n, 'd{source}', ARRAY['\"id\"'] FROM generate_series(0, 2) AS n;"
        )
        .expect("a text grows");
    }
    sql + "SELECT sch_chameleon.fn_refresh_parts();"
}

fn plant(client: &mut Client, world: &World) {
    let mut sql =
        "TRUNCATE sch_chameleon.t_replica_batch, sch_chameleon.t_discarded_rows CASCADE;".to_owned();
    for batch in &world.batches {
        let at = coordinate(batch.at);
        write!(
            sql,
            "INSERT INTO sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position,
                 b_started, b_processed, b_replayed, ts_created)
             VALUES ({}, {}, '{}', {}, {}, {}, {}, timestamp '2024-01-01' + {} * interval '1 microsecond');",
            batch.id,
            batch.source + 1,
            at.file.unwrap_or_default(),
            at.position.unwrap_or_default(),
            batch.started,
            batch.processed,
            batch.replayed,
            batch.created
        )
        .expect("a text grows");
        if batch.discarded {
            write!(sql, "INSERT INTO sch_chameleon.t_discarded_rows (i_id_batch) VALUES ({});", batch.id)
                .expect("a text grows");
        }
    }
    for row in &world.stored {
        let change = &world.changes[row.change];
        let (source, at) = (change.source + 1, coordinate(change.end));
        write!(
            sql,
            "INSERT INTO sch_chameleon.t_log_replica_{}_src_{source} (i_id_event, i_id_batch, v_table_name, v_schema_name,
                 enm_binlog_event, t_binlog_name, i_binlog_position, jsb_event_data)
             VALUES ({}, {}, 't{}', 'd{source}', 'insert', '{}', {}, '{{\"id\": {}}}');",
            row.batch % 2 + 1,
            row.event,
            row.batch,
            change.table,
            at.file.unwrap_or_default(),
            at.position.unwrap_or_default(),
            row.change
        )
        .expect("a text grows");
    }
    for batch in world.batches.iter().filter(|batch| batch.listed) {
        write!(
            sql,
            "INSERT INTO sch_chameleon.t_batch_events
             SELECT {0}, coalesce(array_agg(i_id_event ORDER BY i_id_event), '{{}}')
             FROM sch_chameleon.t_log_replica WHERE i_id_batch = {0};",
            batch.id
        )
        .expect("a text grows");
    }
    client.batch_execute(&sql).expect("the life can be planted");
}

/// As the upgrade reads it.
fn read(replica: &Replica) -> Snapshot {
    let address = replica.database.address();
    let mut config = tokio_postgres::Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(&address.user)
        .password(address.password.expose_secret())
        .dbname(replica.database.name());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a session");
        let serving = tokio::spawn(connection);
        let snapshot = read::snapshot(&client, &[]).await.expect("the catalogue can be read");
        drop(client);
        serving.await.expect("the session ends").expect("in good order");
        snapshot
    })
}
