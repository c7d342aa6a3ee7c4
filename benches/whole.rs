//! Whole upgrades and replays, each a process of its own on a copy of the same catalogue on a throwaway server, with
//! few and many sources. `BENCH_LARGE=1` measures a million tables and a million events too.

#![expect(missing_docs, reason = "criterion's macro makes public what it documents not")]
#![expect(clippy::expect_used, reason = "a benchmark that can't go on fails")]

use chameleon_harness::benchmark::{configured, seed_of};
use chameleon_harness::replica::Origin;
use chameleon_harness::replica::template::ReplicaTemplate;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::server::{LocalOptions, SharedServer, local};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::process::Stdio;
use std::time::{Duration, Instant};

const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn sizes() -> impl Iterator<Item = u32> {
    let large = std::env::var_os("BENCH_LARGE").is_some();
    SIZES.into_iter().filter(move |size| large || *size < 1_000_000)
}

fn tables(criterion: &mut Criterion) {
    let server = server();
    let mut group = criterion.benchmark_group("upgrade");
    group.sample_size(10);
    for tables in sizes() {
        group.throughput(Throughput::Elements(tables.into()));
        group.bench_function(BenchmarkId::new("tables", tables), |bencher| {
            let template = ReplicaTemplate::new(server.clone(), &Origin::Seed(seed_of(1, tables, 0)))
                .expect("a catalogue");
            bencher.iter_custom(|rounds| (0..rounds).map(|_| upgrade(&template, 1)).sum());
        });
    }
}

fn events(criterion: &mut Criterion) {
    let server = server();
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    for sources in [1, 8] {
        for events in sizes().skip(1) {
            group.throughput(Throughput::Elements(events.into()));
            group.bench_function(
                BenchmarkId::new(format!("events of {sources} sources"), events),
                |bencher| {
                    let seed = seed_of(sources, sources, events);
                    let template =
                        ReplicaTemplate::new(server.clone(), &Origin::Seed(seed)).expect("a catalogue");
                    bencher.iter_custom(|rounds| (0..rounds).map(|_| upgrade(&template, sources)).sum());
                },
            );
        }
    }
}

fn server() -> SharedServer {
    SharedServer::new(Box::new(local(&LocalOptions::default()).expect("a server")))
}

/// Upgrades a copy of the catalogue, from the start of the process to its end.
fn upgrade(template: &ReplicaTemplate, sources: u32) -> Duration {
    let replica = template.replica(&vec![configured(sources)].into()).expect("a copy");
    let upgrader = Upgrader::new(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let mut command = upgrader.command(&replica.home, ["upgrade", "--yes"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().expect("the upgrade runs");
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    took
}

criterion_group!(benches, tables, events);
criterion_main!(benches);
