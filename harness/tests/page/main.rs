//! The page of a rehearsal, in a real browser: it holds what the report holds, everybody can use it, and nothing in a report
//! breaks it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may end there")]

mod devtools;
mod reports;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chameleon_harness::process::tools;
use chameleon_harness::rehearsal::forms::{self, characters};
use devtools::Browser;
use reports::{HOSTILE, example, hostile, large, page};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// What it has made for itself goes with it: its profile, and what it puts where temporary files are.
#[test]
fn the_browser_leaves_nothing() {
    let made = || {
        let files = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.to_lowercase().contains("chromium")).collect::<BTreeSet<_>>()
    };
    let before = made();
    let Some(browser) = Browser::start("the_browser_leaves_nothing") else { return };
    let profile = browser.profile().to_owned();
    assert!(profile.exists());
    drop(browser);
    assert!(!profile.exists(), "{}", profile.display());
    let left: Vec<_> = made().difference(&before).cloned().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for report in [example(), hostile()] {
        assert_eq!(forms::html(&report), forms::html(&report.clone()));
    }
}

#[test]
fn the_page_holds_what_the_report_holds() {
    let Some(mut browser) = Browser::start("the_page_holds_what_the_report_holds") else { return };
    let report = example();
    let (_folder, file) = page(&report);
    browser.open(&file);
    browser.search_is_ready();
    assert_eq!(browser.complaints(), [""; 0]);
    let text = browser.text("document.body.textContent");
    assert_eq!(browser.text("document.querySelector('.word').textContent"), report.verdict.to_string());
    let source = &report.plan.as_ref().unwrap().sources[0];
    let points = [&source.batch_start, &source.consistent_point, &source.end_of_log];
    let of_parts = source.parts.iter().flat_map(|part| [&part.start, &part.advanced, &part.furthest_own]);
    let mut wanted: Vec<&str> = points.into_iter().chain(of_parts).flatten().map(String::as_str).collect();
    wanted.extend(report.tables.iter().flat_map(|alike| &alike.names).map(String::as_str));
    wanted.extend(report.day.iter().map(|command| command.command.as_str()));
    wanted.extend(report.because.iter().map(String::as_str));
    wanted.extend(
        report.findings.iter().flat_map(|finding| [&finding.check, &finding.found]).map(String::as_str),
    );
    wanted.extend(report.steps.iter().map(|step| step.seen.as_str()));
    wanted.extend(["1 min 24 s", "43 s to 4 min 43 s", "9.7 GiB", "2.0.21", "1729301", "8.0.41"]);
    for wanted in wanted {
        assert!(text.contains(wanted), "{wanted:?} is not on the page");
    }
    let figures = browser.texts_of(".figures .figure");
    assert_eq!(figures, ["1 min 24 s", "0 errors", "75", "9.7 GiB", "160"]);
    // Two of one check have one remedy.
    let mut twice = report.clone();
    let mut finding = twice.findings[1].clone();
    finding.found = "and another".to_owned();
    twice.findings.insert(2, finding);
    let (items, remedies) =
        (forms::html(&twice).matches("<h3><span").count(), browser.texts_of("#findings .remedy").len());
    assert_eq!((items, remedies), (report.findings.len(), 4));
    assert!(forms::html(&twice).contains("and another"));
    let steps = browser.texts_of("#steps tbody tr");
    assert_eq!(steps.len(), report.steps.len());
    assert_eq!(browser.texts_of("#steps svg rect.fill").len(), report.steps.len());
    assert_eq!(
        browser.texts_of("#faults thead th").len(),
        4 + 11,
        "the steps of the upgrade, and what is outside"
    );
    // In the order of the log, on one axis.
    let places = "[...document.querySelectorAll('.lanes circle')].map((it) => it.getAttribute('class') + it.cx.baseVal.value)";
    let places = browser.texts(places);
    assert!(places[0].starts_with("start") && places.last().unwrap().starts_with("end"), "{places:?}");
}

/// What the page forbids is forbidden: another script is not run.
#[test]
fn nothing_but_the_script_of_the_page_is_run() {
    let Some(mut browser) = Browser::start("nothing_but_the_script_of_the_page_is_run") else { return };
    let (folder, file) = page(&example());
    let text = fs::read_to_string(&file).unwrap();
    for wanted in [
        "<p hidden><script>document.title = 'run'</script>",
        "<img src=\"x.png\">",
        "<p style=\"color: red\">",
    ] {
        let changed = folder.path().join("changed.html");
        fs::write(&changed, text.replace("<main", &format!("{wanted}<main"))).unwrap();
        browser.open(&changed);
        assert!(browser.complaints().join(" ").contains("Content Security Policy"), "{wanted}");
        assert_ne!(browser.text("document.title"), "run");
    }
}

#[test]
fn the_search_finds_tables() {
    let Some(mut browser) = Browser::start("the_search_finds_tables") else { return };
    let report = large(3000);
    let (_folder, file) = page(&report);
    browser.open(&file);
    browser.search_is_ready();
    let shown = browser.texts_of("#table-list tbody th");
    assert_eq!(shown.len(), 200);
    assert_eq!(browser.texts_of("#search-status"), ["The first 200 of 3,000 tables"]);
    let alike = &report.tables[77];
    let name = &alike.names[3];
    browser.value("document.querySelector('#query').focus()");
    let wanted = format!(" {}.{name}", alike.schema.to_uppercase());
    browser.call("Input.insertText", json!({"text": wanted}));
    let row = browser.texts_of("#table-list tbody tr > *");
    let from = alike.coordinate.clone().unwrap();
    assert_eq!(row, [name, &alike.schema, &alike.source, &from, "enabled"].map(String::from));
    assert_eq!(browser.texts_of("#search-status"), ["1 of 3,000 tables"]);
    let mut search = |text: &str| {
        let set = format!("query.value = {text:?}; query.dispatchEvent(new Event('input'))");
        browser.value(&set);
        (
            browser.texts_of("#table-list tbody th"),
            browser.text("document.querySelector('#search-status').textContent"),
        )
    };
    assert_eq!(search("no such table"), (vec![], "None of 3,000 tables".to_owned()));
    let names = report.tables.iter().flat_map(|alike| &alike.names);
    let with_order = names.filter(|name| name.contains("order")).count();
    let of_order = format!("{with_order} of 3,000 tables; the first 100 are shown");
    let (found, status) = search("order");
    assert_eq!((found.len(), status), (with_order.min(100), of_order));
    assert_eq!(search("TENANT").1, "3,000 of 3,000 tables; the first 100 are shown");
    assert_eq!(search(""), (shown, "The first 200 of 3,000 tables".to_owned()));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn names_that_hurt_break_nothing() {
    let Some(mut browser) = Browser::start("names_that_hurt_break_nothing") else { return };
    let (_folder, file) = page(&hostile());
    browser.open(&file);
    browser.search_is_ready();
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(
        browser.value("document.images.length + document.scripts.length"),
        json!(1),
        "the page's own script"
    );
    let mut shown: Vec<_> = HOSTILE.map(characters::name).into();
    shown.sort();
    assert_eq!(browser.texts_of("#table-list tbody tr > th")[..HOSTILE.len()], shown);
    assert_eq!(browser.texts_of(".names li")[..HOSTILE.len()], HOSTILE.map(characters::name));
    assert_eq!(browser.texts_of("#day pre")[..7], HOSTILE.map(characters::lines)[..7]);
    let is_plain = |name: &&&str| characters::name(name) == ***name;
    assert_eq!(HOSTILE.iter().filter(is_plain).count(), 11);
    // The search shows the same rows as the page.
    let row = "[...document.querySelectorAll('#table-list tbody tr')].map((it) => it.outerHTML.replace(/\\s*$/, ''))";
    let rows = browser.texts(row);
    assert_eq!(rows.len(), HOSTILE.len() * HOSTILE.len());
    for name in HOSTILE.map(characters::name) {
        let set = json!(name.trim());
        browser.value(&format!("query.value = {set}; query.dispatchEvent(new Event('input'))"));
        let found = browser.texts(row);
        assert!(found.len() >= HOSTILE.len(), "{name}: {}", found.len());
        assert!(found.iter().all(|row| rows.contains(row)), "{name}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// By the Tab key: whatever can be used, or scrolled.
#[test]
fn everything_is_reached_by_the_keyboard() {
    let Some(mut browser) = Browser::start("everything_is_reached_by_the_keyboard") else { return };
    let (_folder, file) = page(&example());
    browser.open(&file);
    browser.search_is_ready();
    browser.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
    let mark = "[...document.querySelectorAll('a[href], summary, input, [tabindex]')].map((it, n) => it.dataset.n = String(n))";
    let all: BTreeSet<_> = browser.texts(mark).into_iter().collect();
    let mut reached = BTreeSet::new();
    for _ in 0..all.len() + 5 {
        for kind in ["rawKeyDown", "keyUp"] {
            browser.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
            );
        }
        let outline = "document.activeElement === document.body ? 'body' : \
                       getComputedStyle(document.activeElement).outlineStyle + ' ' + document.activeElement.dataset.n";
        let focused = browser.text(outline);
        if let Some((outline, number)) = focused.split_once(' ') {
            assert_ne!(outline, "none", "where the focus is can't be seen: {number}");
            reached.insert(number.to_owned());
        }
    }
    assert_eq!(reached, all);
    let scrolled = "[...document.querySelectorAll('*')].filter((it) => it.scrollWidth > it.clientWidth + 1 && it.clientWidth \
                    && getComputedStyle(it).overflowX === 'auto' && it.tabIndex < 0).map((it) => it.outerHTML.slice(0, 80))";
    browser.shows("light", 390);
    assert_eq!(browser.texts(scrolled), [""; 0]);
}

#[test]
fn everybody_can_use_the_page() {
    let test = "everybody_can_use_the_page";
    let Some(axe) = tools::or_skip(test, tools::axe()) else { return };
    let Some(mut browser) = Browser::start(test) else { return };
    let axe = fs::read_to_string(axe).unwrap();
    let mut refused = example();
    refused.verdict = chameleon_harness::rehearsal::report::Verdict::NoGo;
    refused.findings[1].severity = chameleon_harness::replica::report::Severity::Error;
    let all = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)];
    for (report, seen) in [(example(), &all[..]), (refused, &all[..2])] {
        let (_folder, file) = page(&report);
        browser.open(&file);
        browser.search_is_ready();
        browser.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
        browser.value(&axe);
        for &(scheme, width) in seen {
            browser.shows(scheme, width);
            let run = "axe.run().then((it) => it.violations.flatMap((of) => of.nodes.map((node) => \
                       of.id + ': ' + node.html.slice(0, 120) + ' ' + node.failureSummary)))";
            assert_eq!(browser.texts(run), [""; 0], "{scheme}, {width} pixels");
            let wide = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
            assert!(wide <= u64::from(width), "the page is {wide} pixels wide, and the window {width}");
        }
    }
}

/// All but the search.
#[test]
fn the_page_can_be_read_without_javascript() {
    let Some(mut browser) = Browser::start("the_page_can_be_read_without_javascript") else { return };
    let (_folder, file) = page(&example());
    browser.open(&file);
    browser.search_is_ready();
    let parts = "[...document.querySelectorAll('header, nav, section:not(#tables), #tables table')].map((it) => it.innerText)";
    let with = browser.texts(parts);
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&file);
    assert_eq!(browser.texts(parts), with);
    assert_eq!(browser.texts_of("#tables tbody th").len(), 6 + 75);
    assert_eq!(browser.value("getComputedStyle(document.querySelector('form')).display"), json!("none"));
    assert!(
        browser.text("document.querySelector('#tables').innerText").contains("The search needs JavaScript")
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_page_is_printed() {
    let Some(mut browser) = Browser::start("the_page_is_printed") else { return };
    let (_folder, file) = page(&example());
    browser.shows("dark", 1280);
    browser.open(&file);
    browser.search_is_ready();
    let printed = browser.call("Page.printToPDF", json!({"printBackground": true}));
    let data = printed["data"].as_str().unwrap();
    assert!(data.starts_with("JVBERi0"), "no PDF");
    assert!(data.len() > 20_000, "{}", data.len());
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let shown = "['nav', 'form'].map((it) => getComputedStyle(document.querySelector(it)).display)";
    assert_eq!(browser.texts(shown), ["none", "none"]);
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.text(ground), "rgb(255, 255, 255)");
}

/// `make page-size` shows what is measured.
#[test]
fn a_million_tables_are_few_megabytes() {
    let test = "a_million_tables_are_few_megabytes";
    for (tables, most) in [(100_000, 1_000_000), (1_000_000, 8_000_000)] {
        let report = large(tables);
        let began = Instant::now();
        let (_folder, file) = page(&report);
        let bytes = fs::metadata(&file).unwrap().len();
        println!("{tables} tables: {bytes} bytes, made in {:.2} s", began.elapsed().as_secs_f64());
        assert!(bytes <= most, "{tables} tables: {bytes} bytes");
        let Some(mut browser) = Browser::start(test) else { return };
        // The browser's own first page is not what is measured.
        let (_folder, usual) = page(&example());
        browser.open(&usual);
        let began = Instant::now();
        browser.open(&file);
        let loaded = began.elapsed();
        browser.search_is_ready();
        println!(
            "  loaded after {:.0} ms, searched after {:.0} ms",
            1e3 * loaded.as_secs_f64(),
            1e3 * began.elapsed().as_secs_f64()
        );
        let last = report.tables[79].names.last().unwrap();
        for wanted in [last.as_str(), "order", "o", "tenant_039.", "zzz", "shipment_2029"] {
            let search = "(() => { const began = performance.now(); query.dispatchEvent(new Event('input')); document.body.offsetHeight; \
                          return performance.now() - began; })()";
            let took = browser.value(&format!("query.value = {wanted:?}; {search}"));
            let status = browser.text("document.querySelector('#search-status').textContent");
            println!("  search {wanted:?}: {:.1} ms, {status}", took.as_f64().unwrap());
            if wanted == last {
                assert!(browser.texts_of("#table-list tbody th").contains(last), "{status}");
            }
        }
        assert_eq!(browser.complaints(), [""; 0]);
    }
}

/// `make document-page REPORT=FILE` writes them to docs.
#[test]
fn pictures_of_the_page_are_small() {
    let Some(mut browser) = Browser::start("pictures_of_the_page_are_small") else { return };
    let report = std::env::var("CHAMELEON_REPORT").map(|file| forms::file::read(file.as_ref()).unwrap());
    let (_folder, file) = page(&report.unwrap_or_else(|_| example()));
    browser.open(&file);
    browser.search_is_ready();
    for scheme in ["light", "dark"] {
        browser.shows(scheme, 1200);
        let clip = json!({"x": 0, "y": 0, "width": 1200, "height": 1500, "scale": 1});
        let taken =
            browser.call("Page.captureScreenshot", json!({"clip": clip, "captureBeyondViewport": true}));
        let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        assert!(picture.len() < 300_000, "{scheme}: {} bytes", picture.len());
        if std::env::var_os("CHAMELEON_WRITE_DOCS").is_some() {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            fs::write(docs.join(format!("rehearsal-{scheme}.png")), picture).unwrap();
        }
    }
}
