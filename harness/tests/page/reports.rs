//! Reports for the tests: a usual one, one with names that hurt, and large ones.

use chameleon_harness::rehearsal::forms;
use chameleon_harness::rehearsal::report::{RehearsalReport, TablesAlike};
use chameleon_harness::replica::report::StepTime;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The report of a usual rehearsal.
pub fn example() -> RehearsalReport {
    forms::file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/example.json")).unwrap()
}

/// Its page, in a folder of its own.
pub fn page(report: &RehearsalReport) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, forms::html(report)).unwrap();
    (folder, file)
}

/// Names that want to be markup, script, or something else than what they are.
pub const HOSTILE: [&str; 14] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "'onfocus='alert(3)' autofocus='",
    "<!--",
    "]]>&amp;&#60;",
    "</title></style></pre></details>",
    "${alert(4)}`\\u0041",
    "a\u{202e}gnirts\u{2066}b",
    "nul\0and\u{1b}[31mred\u{7f}",
    "line\nfeed\tand\r",
    "👩\u{200d}🚀 köttbullar",
    "جدول_الطلبات",
    "İSTANBUL",
    " blanks  at both ends ",
];

/// A report that has them wherever names and texts are.
pub fn hostile() -> RehearsalReport {
    let mut report = example();
    let all = HOSTILE.join(" ");
    let names = || HOSTILE.iter().map(|name| (*name).to_owned());
    report.configuration = all.clone();
    report.began = all.clone();
    report.repeat = all.clone();
    report.chameleon_harness = all.clone();
    report.because = names().collect();
    report.production.postgresql = Some(all.clone());
    report.production.mysql = names().zip(names()).collect();
    report.production.given_dump = Some(all.clone());
    report.throwaway.left_out = names().collect();
    report.throwaway.server = all.clone();
    report.steps.iter_mut().zip(names()).for_each(|(step, name)| step.seen = name);
    let finding = report.findings[0].clone();
    report.findings = names()
        .map(|name| {
            let mut finding = finding.clone();
            (finding.check, finding.found, finding.remedy) = (name.clone(), name.clone(), Some(name));
            finding
        })
        .collect();
    let plan = report.plan.as_mut().unwrap();
    let source = plan.sources[0].clone();
    plan.sources = names()
        .map(|name| {
            let mut source = source.clone();
            source.mappings = [(name.clone(), name.clone())].into();
            source.parts.iter_mut().for_each(|part| {
                part.name = name.clone();
                part.start = Some(format!("{name}.000001:4"));
            });
            source.name = name;
            source
        })
        .collect();
    let tables = |(number, name): (usize, String)| TablesAlike {
        source: name.clone(),
        schema: name.clone(),
        coordinate: Some(if number % 2 == 0 { name.clone() } else { format!("{name}.000001:77") }),
        enabled: number % 3 != 0,
        names: names().collect(),
    };
    report.tables = names().enumerate().map(tables).collect();
    let upgrade = report.upgrade.as_mut().unwrap();
    upgrade.output = all.clone();
    upgrade.steps = names().map(|step| StepTime { step, seconds: 1.0 }).collect();
    let daemon = report.daemons[0].clone();
    report.daemons = names()
        .map(|name| {
            let mut daemon = daemon.clone();
            (daemon.version, daemon.position, daemon.log) = (name.clone(), Some(name.clone()), name.clone());
            daemon.disabled = names().collect();
            daemon.source = name;
            daemon
        })
        .collect();
    report.forecast.as_mut().unwrap().parts.iter_mut().zip(names()).for_each(|(part, name)| {
        (part.part, part.basis) = (name.clone(), name);
    });
    let sweep = report.sweep.as_mut().unwrap();
    sweep.runs.iter_mut().zip(names()).for_each(|(run, name)| {
        (run.group, run.case) = (name.clone(), name);
    });
    report.day.iter_mut().zip(names()).for_each(|(command, name)| {
        (command.command, command.about) = (name.clone(), name);
    });
    report
}

/// A report with so many tables in 40 schemas, whose names are such as people give.
pub fn large(tables: usize) -> RehearsalReport {
    const WORDS: [&str; 60] = [
        "account", "address", "archive", "article", "audit", "basket", "batch", "billing", "booking",
        "campaign", "cart", "category", "channel", "client", "comment", "config", "contact", "contract",
        "country", "coupon", "customer", "daily", "delivery", "device", "discount", "document", "event",
        "export", "history", "import", "index", "invoice", "item", "journal", "ledger", "link", "list",
        "log", "member", "message", "monthly", "note", "order", "partner", "payment", "price", "product",
        "profile", "queue", "rating", "region", "report", "session", "shipment", "stock", "supplier", "tag",
        "temp", "ticket", "user",
    ];
    let mut random = SmallRng::seed_from_u64(1);
    let mut report = example();
    let source = report.plan.as_ref().unwrap().sources[0].name.clone();
    let mut groups: Vec<_> = (0..80)
        .map(|group| TablesAlike {
            source: source.clone(),
            schema: format!("tenant_{:03}", group / 2),
            coordinate: (group % 2 == 1).then(|| format!("mysql-bin.{:06}:{}", 100 + group, 7919 * group)),
            enabled: true,
            names: vec![],
        })
        .collect();
    for number in 0..tables {
        let words: Vec<_> =
            (0..random.random_range(2..4)).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
        // What makes them different: years, shards, and the digests that programs append.
        let name = match random.random_range(0..3) {
            0 => format!("{}_{}", words.join("_"), random.random_range(1990..2030) * 100 + number % 100),
            1 => format!("{}_{:06x}", words.join("_"), random.random_range(0..1 << 24)),
            _ => format!("{}_{number}", words.join("_")),
        };
        groups[number % 80].names.push(name);
    }
    report.tables = groups;
    report
}
