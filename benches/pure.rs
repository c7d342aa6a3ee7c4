//! What decides, without a server: the order of binlog coordinates, the mappings and the plan.

#![expect(missing_docs, reason = "criterion's macro makes public what it documents not")]

use chameleon_upgrade::binlog::BinlogCoordinate;
use chameleon_upgrade::facts::snapshot::{
    Batches, Named, OldBatch, OldSource, OldSourceId, Snapshot, StoredCoordinate, Succession, TableSummary,
    Waiting,
};
use chameleon_upgrade::mapping::{CataloguePair, MappingPair, Target, discrepancies};
use chameleon_upgrade::plan::{Advances, plan};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn coordinate(number: u32) -> (String, i64) {
    // Not in order, and past the number of digits that names are padded to.
    let scattered = number.wrapping_mul(2_654_435_761);
    (format!("mysql-bin.{:06}", scattered % 2_000_000), i64::from(scattered % 1000))
}

fn pair(number: u32) -> MappingPair {
    MappingPair { source_schema: format!("my_{number}"), dest_schema: format!("pg_{number}") }
}

fn target(sources: u32) -> Target {
    Target { name: "replica".to_owned(), mappings: (0..sources).map(pair).collect() }
}

fn snapshot(sources: u32, batches: u32) -> Snapshot {
    let batch = |number: u32| {
        let (file, position) = coordinate(number);
        OldBatch {
            id: number.into(),
            coordinate: StoredCoordinate { file: Some(file), position: Some(position) },
            processed: number + 1 < batches,
            applied: false,
            followed_by_applied: false,
            last_row: Some(StoredCoordinate::default()),
            stored_twice: false,
            discarded: false,
            succession: Some(Succession::default()),
            tables: Named::default(),
        }
    };
    let source = |number: u32| OldSource {
        id: OldSourceId(number.into()),
        name: format!("source_{number}"),
        source_schema: Some(pair(number).source_schema),
        dest_schema: pair(number).dest_schema,
        status: "stopped".to_owned(),
        last_received: None,
        last_replay: None,
        batches: Batches {
            newest: batches.checked_sub(1).map(batch),
            open: (0..batches.saturating_sub(1)).rev().map(batch).collect(),
            ..Batches::default()
        },
        waiting: Waiting::default(),
        tables: TableSummary { count: 1, ..TableSummary::default() },
    };
    Snapshot { sources: (0..sources).map(source).collect() }
}

fn order(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("order");
    let texts: Vec<_> = (0..10_000).map(coordinate).collect();
    group.bench_function("parse 10,000 coordinates", |bencher| {
        bencher
            .iter(|| texts.iter().filter_map(|(file, at)| BinlogCoordinate::parse(file, *at).ok()).count());
    });
    let parsed: Vec<_> =
        texts.iter().filter_map(|(file, at)| BinlogCoordinate::parse(file, *at).ok()).collect();
    group.bench_function("sort 10,000 coordinates", |bencher| {
        bencher.iter_batched(|| parsed.clone(), |mut all| all.sort(), BatchSize::LargeInput);
    });
}

fn mappings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mappings");
    for sources in [10, 1000] {
        let catalogue: Vec<_> = (0..sources)
            .map(|number| CataloguePair { source: format!("s{number}"), pair: pair(number) })
            .collect();
        let targets = [target(sources)];
        group.bench_with_input(BenchmarkId::from_parameter(sources), &catalogue, |bencher, catalogue| {
            bencher.iter(|| discrepancies(black_box(catalogue), &targets));
        });
    }
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for (sources, batches) in [(10, 10), (100, 100), (10, 10_000)] {
        let (snapshot, targets) = (snapshot(sources, batches), [target(sources)]);
        let id = BenchmarkId::from_parameter(format!("{sources} sources of {batches} batches"));
        group.bench_with_input(id, &snapshot, |bencher, snapshot| {
            bencher.iter(|| plan(black_box(snapshot), &targets, &Advances::new()).is_ok());
        });
    }
}

criterion_group!(benches, order, mappings, plans);
criterion_main!(benches);
