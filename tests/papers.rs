//! The papers hold together: whatever rule or case the repository cites by its id is defined in docs, once; nothing is
//! cited that a reader can't look up; every link between documents leads somewhere.
//!
//! An id is a sign followed by words with hyphens. A heading that is the id alone defines it, and so does a row of a
//! table that begins with it. (In this file the sign is written as %, lest its examples be taken for citations.)
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

use chameleon_upgrade::checks::{CHECKS, Check};
use chameleon_upgrade::rollback;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What every id begins with.
const SIGN: char = '\u{a7}';

/// Papers that are in no reader's hands, without their extension.
const OUT_OF_REACH: [&str; 9] =
    ["SPEC", "REPORTS", "HUNT", "RULES", "CATALOGUES", "LIVE", "HOUSE", "PACKAGING", "REVIEW"];

/// A file of the repository: its path from the root, with slashes, and its text.
type Text = (String, String);

/// The ids of a line, without the sign, well formed or not. What ends in a hyphen stands for all ids that begin so.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(SIGN).skip(1).map(|rest| &rest[..length(rest)]).filter(|id| !id.is_empty())
}

/// How long the id is that a text begins with. A dot belongs to it where it does to a version: 2.0.x.
fn length(text: &str) -> usize {
    let letters = text.as_bytes();
    let is = |at: usize, what: fn(&u8) -> bool| letters.get(at).is_some_and(what);
    let belongs = |at: usize| match letters[at] {
        b'.' => at > 0 && is(at - 1, u8::is_ascii_digit) && is(at + 1, u8::is_ascii_alphanumeric),
        letter => letter.is_ascii_alphanumeric() || b"-_".contains(&letter),
    };
    (0..letters.len()).find(|at| !belongs(*at)).unwrap_or(letters.len())
}

fn is_well_formed(id: &str) -> bool {
    let is_fit = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '.';
    id.split('-').all(|word| !word.is_empty() && word.chars().all(is_fit))
}

/// The id that a line of a document defines, and whether it does so by a heading.
fn defined(line: &str) -> Option<(&str, bool)> {
    let (rest, end, by_heading) = match line.strip_prefix("| ") {
        Some(rest) => (rest, " |", false),
        None => (heading(line)?, "", true),
    };
    let id = ids(rest.strip_prefix(SIGN).map(|_| rest)?).next()?;
    let behind = &rest[SIGN.len_utf8() + id.len()..];
    let alone = if by_heading { behind.trim().is_empty() } else { behind.starts_with(end) };
    alone.then_some((id, by_heading))
}

/// The text of a heading.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let depth = line.len() - text.len();
    ((1..=6).contains(&depth) && text.starts_with(' ')).then(|| text.trim())
}

/// The lines of a document outside of its blocks of code, each with its number.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fence: Option<&str> = None;
    let mut lines = vec![];
    for (number, line) in (1..).zip(text.lines()) {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => lines.push((number, line)),
            (Some(_), _) => (),
        }
    }
    lines
}

fn is_document(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// The rules, with a list of their ids.
const RULES: &str = "docs/specification.md";

/// What is wrong with ids: cited and not defined, defined twice, badly written, or missing in the list of the rules.
fn wrong_ids(files: &[Text]) -> Vec<String> {
    let mut wrong = vec![];
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut headings = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("docs/") && is_document(path)) {
        for (number, line) in prose(text) {
            let Some((id, by_heading)) = defined(line) else { continue };
            places.entry(id).or_default().push(format!("{path}:{number}"));
            if by_heading && path == RULES {
                headings.insert((path.as_str(), number), id);
            }
        }
    }
    for (id, places) in &places {
        if !is_well_formed(id) {
            wrong.push(format!(
                "{}: {SIGN}{id} is no id: small letters, digits and single hyphens",
                places[0]
            ));
        }
        if places.len() > 1 {
            wrong.push(format!("{SIGN}{id} is defined more than once: {}", places.join(", ")));
        }
    }
    let mut cited = BTreeSet::new();
    for (path, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            for id in ids(line) {
                let is_known = match id.strip_suffix('-') {
                    Some(_) => places.keys().any(|known| known.starts_with(id)),
                    None => places.contains_key(id),
                };
                if !is_known {
                    wrong.push(format!("{path}:{number}: {SIGN}{id} is defined in no file of docs"));
                }
                if headings.get(&(path.as_str(), number)) != Some(&id) {
                    cited.insert(id);
                }
            }
        }
    }
    for ((path, number), id) in headings {
        if !cited.contains(id) {
            wrong.push(format!(
                "{path}:{number}: {SIGN}{id} is named nowhere else, not even in the list of ids"
            ));
        }
    }
    wrong
}

/// Citations of papers that a reader can't look up.
fn out_of_reach(files: &[Text]) -> Vec<String> {
    let mut wrong = vec![];
    for (path, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            for paper in OUT_OF_REACH.map(|name| format!("{name}.md")) {
                let cites = line.match_indices(&paper).any(|(at, _)| {
                    !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || "_-".contains(letter))
                });
                if cites {
                    wrong.push(format!("{path}:{number}: {paper} is not in the repository"));
                }
            }
        }
    }
    wrong
}

/// The anchors of a document as GitHub makes them of its headings: small letters, spaces become hyphens, all else but
/// letters, digits, hyphens and underscores goes, and what is there already gets a number.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for heading in prose(text).into_iter().filter_map(|(_, line)| heading(line)) {
        let shown = without_targets(heading).to_lowercase();
        let kept = shown.chars().filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
        let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let before = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
        *before += 1;
    }
    anchors
}

/// A line with the words of its links alone.
fn without_targets(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, target)) = rest.split_once("](") {
        shown.push_str(before);
        rest = target.split_once(')').map_or("", |(_, behind)| behind);
    }
    shown + rest
}

/// A line without its spans of code, in which nothing is a link.
fn without_code(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, code)) = rest.split_once('`') {
        let more = code.len() - code.trim_start_matches('`').len();
        let mark = "`".repeat(more + 1);
        shown.push_str(before);
        match code[more..].split_once(&mark) {
            Some((_, behind)) => rest = behind,
            None => return shown + &mark + &code[more..],
        }
    }
    shown + rest
}

/// Where the links of a line lead.
fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let defined =
        line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    let written =
        line.split("](").skip(1).map(|rest| rest.split_once(')').map_or(rest, |(target, _)| target));
    let alone =
        |target: &str| target.split_whitespace().next().unwrap_or("").trim_matches(['<', '>']).to_owned();
    written.chain(defined).map(alone).collect()
}

/// Links that lead nowhere. `exists` tells whether there is a file or folder of that path from the root.
fn broken_links(files: &[Text], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let documents: BTreeMap<_, _> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    // What lies in a src folder is a form of a document, whose links are those of the document that is made of it.
    let is_form = |path: &str| path.starts_with("src/") || path.contains("/src/");
    let mut wrong = vec![];
    for (path, text) in files.iter().filter(|(path, _)| is_document(path) && !is_form(path)) {
        for (number, line) in prose(text) {
            for target in targets(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (file, anchor) =
                    target.split_once('#').map_or((&*target, None), |(file, it)| (file, Some(it)));
                let place = format!("{path}:{number}");
                let Some(there) = resolved(path, file) else {
                    wrong.push(format!("{place}: {target} leads out of the repository"));
                    continue;
                };
                if !exists(&there) {
                    wrong.push(format!("{place}: {target}: there is no {there}"));
                    continue;
                }
                let (Some(anchor), Some(document)) = (anchor, documents.get(there.as_str())) else {
                    continue;
                };
                if is_document(&there) && !anchors(document).contains(anchor) {
                    wrong.push(format!("{place}: {target}: no heading of {there} has that anchor"));
                }
            }
        }
    }
    wrong
}

/// The path from the root that a link in the file `from` leads to; none where it leads out of the repository.
fn resolved(from: &str, file: &str) -> Option<String> {
    if file.is_empty() {
        return Some(from.to_owned());
    }
    let file = file.replace("%20", " ");
    let whole = match file.strip_prefix('/') {
        Some(from_the_root) => PathBuf::from(from_the_root),
        None => Path::new(from).parent().unwrap_or(Path::new("")).join(file),
    };
    let mut parts: Vec<&str> = vec![];
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(name) => parts.push(name.to_str()?),
            _ => (),
        }
    }
    Some(parts.join("/"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text of the repository. It may have come as an archive, so that git is not asked.
fn texts() -> Vec<Text> {
    let mut texts = vec![];
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = entry.file_type().unwrap();
            if name.starts_with('.') || ["target", "node_modules"].contains(&&*name) {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                let path = entry.path().strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                texts.push((path, text));
            }
        }
    }
    texts.sort();
    texts
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// docs/checks.md, made from the lists of checks.
fn document_of_the_checks() -> String {
    let mut text = String::from(
        "# Checks\n\n\
         Made from the lists of checks by the tests (`make document-checks`); `chameleon-upgrade check --list` shows the same.\n\n\
         A check looks whether something is so. What it finds otherwise has its id, weighs at most what is given here, and says \
         what to do. An error refuses; `--accept ID=REASON` accepts those that are about the daemon or the configuration, and not \
         about the catalogue's integrity. `check --only ID,…` runs some. The rule is the one in \
         [the specification](specification.md) that the check comes from.\n",
    );
    table(&mut text, "Before an upgrade: without MySQL", CHECKS.iter().filter(|check| !check.asks_mysql));
    table(
        &mut text,
        "Before an upgrade: by what MySQL answers",
        CHECKS.iter().filter(|check| check.asks_mysql),
    );
    table(&mut text, "Before a rollback", rollback::checks::CHECKS.iter());
    text
}

fn table<'a, E: 'static>(text: &mut String, title: &str, checks: impl Iterator<Item = &'a Check<E>>) {
    text.push_str(&format!(
        "\n## {title}\n\n| id | what is so | at most | can be accepted | rule |\n|---|---|---|---|---|\n"
    ));
    for Check { id, about, worst, acceptable, rule, .. } in checks {
        let accepted = if *acceptable { "yes" } else { "" };
        let worst = format!("{worst:?}").to_lowercase();
        let anchor = rule.trim_start_matches(SIGN);
        text.push_str(&format!(
            "| `{id}` | {about} | {worst} | {accepted} | [{rule}](specification.md#{anchor}) |\n"
        ));
    }
}

#[test]
fn the_document_of_the_checks_is_that_of_the_lists() {
    let path = root().join("docs/checks.md");
    let text = document_of_the_checks();
    if std::env::var_os("CHAMELEON_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "make document-checks writes it anew");
}

/// `--accept`, `--only` and whoever reads a report go by the id.
#[test]
fn an_id_is_that_of_one_check_and_of_its_file() {
    let ids: BTreeSet<_> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for id in ids {
        let file = root().join(format!("src/checks/{}.rs", id.replace('-', "_")));
        let text = fs::read_to_string(&file).unwrap_or_default();
        assert!(text.contains(&format!("id: {id:?}")), "{} is not that of {id}", file.display());
    }
}

#[test]
fn every_id_that_is_cited_is_defined_once() {
    let texts = texts();
    assert!(texts.iter().any(|(path, _)| path == "docs/specification.md"), "the rules are there");
    none(&wrong_ids(&texts));
}

#[test]
fn nothing_is_cited_that_a_reader_lacks() {
    none(&out_of_reach(&texts()));
}

#[test]
fn every_link_leads_somewhere() {
    none(&broken_links(&texts(), |path| root().join(path).exists()));
}

/// The tests above fail when they should.
mod failing {
    use super::*;

    fn files(written: &[(&str, &str)]) -> Vec<Text> {
        written
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.replace('%', &SIGN.to_string())))
            .collect()
    }

    /// What is said of a repository that holds a well written list of rules and one more file.
    fn said_of_ids(path: &str, text: &str) -> Vec<String> {
        let rules =
            "# Rules\n\n[%point](#point)\n\n### %point\n\n| id | case |\n|---|---|\n| %case-1 | x |\n";
        wrong_ids(&files(&[(RULES, rules), (path, text)]))
    }

    fn is_said(said: &[String], what: &str) {
        let what = what.replace('%', &SIGN.to_string());
        assert!(said.len() == 1 && said[0].contains(&what), "{what}: {said:?}");
    }

    #[test]
    fn what_is_well() {
        for text in [
            "// %point, %case-1's sibling: both (%point).",
            "// The cases %case-…, and the sign % alone.",
            "| other | %point |",
            "### Of %point",
            "",
        ] {
            assert_eq!(said_of_ids("src/a.rs", text), Vec::<String>::new(), "{text}");
            assert_eq!(said_of_ids("docs/a.md", text), Vec::<String>::new(), "{text}");
        }
        let version = "### %catalogue-2.0.x\n\nSee %catalogue-2.0.x. Not %point.\n";
        assert_eq!(said_of_ids("docs/a.md", version), Vec::<String>::new(), "a version");
        assert_eq!(
            said_of_ids("docs/a.md", "```\n### %point\n```\n"),
            Vec::<String>::new(),
            "in a block of code"
        );
        assert_eq!(
            said_of_ids("src/a.md", "### %point\n"),
            Vec::<String>::new(),
            "outside of docs nothing is defined"
        );
    }

    #[test]
    fn an_id_that_is_missing() {
        is_said(
            &said_of_ids("scenarios/a.yaml", "about: x\n# %pint: y\n"),
            "scenarios/a.yaml:2: %pint is defined in no",
        );
        is_said(&said_of_ids("src/a.rs", "// %point-2"), "%point-2 is defined in no");
        is_said(&said_of_ids("src/a.rs", "// %point-1.7"), "%point-1.7 is defined in no");
        is_said(&said_of_ids("src/a.rs", "// %Point"), "%Point is defined in no");
        is_said(&said_of_ids("src/a.rs", "// %rows-…"), "%rows- is defined in no");
        is_said(&said_of_ids("README.md", "### %start\n"), "%start is defined in no");
    }

    #[test]
    fn an_id_that_is_doubled() {
        is_said(
            &said_of_ids("docs/a.md", "\n## %point\n"),
            "%point is defined more than once: docs/specification.md:5, docs/a.md:2",
        );
        is_said(&said_of_ids("docs/a.md", "| %case-1 | y |\n"), "%case-1 is defined more than once");
    }

    #[test]
    fn an_id_that_is_badly_written_or_forgotten() {
        is_said(
            &said_of_ids("docs/a.md", "### %Batch_start\n\nSee %Batch_start."),
            "docs/a.md:1: %Batch_start is no id",
        );
        is_said(
            &said_of_ids("docs/a.md", "### %two--hyphens\n\nSee %two--hyphens."),
            "%two--hyphens is no id",
        );
        let forgotten = files(&[(RULES, "### %start\n")]);
        is_said(&wrong_ids(&forgotten), "docs/specification.md:1: %start is named nowhere else");
    }

    #[test]
    fn a_paper_that_is_out_of_reach() {
        for name in OUT_OF_REACH {
            let text = format!("// first\n// {name}.md, \"The way\": x");
            is_said(
                &out_of_reach(&files(&[("src/a.rs", &text)])),
                &format!("src/a.rs:2: {name}.md is not in"),
            );
        }
        let well = "see docs/catalogues.md, docs/CODE_REVIEW.md and PRE-SPEC.md";
        assert_eq!(out_of_reach(&files(&[("a.md", well)])), Vec::<String>::new());
    }

    fn said_of_links(line: &str) -> Vec<String> {
        let other = "# The other\n\n## Use\n\n## Use\n\n### `a_b`, [c](x): d – e!\n\n### %point\n\n```\n# code\n```\n";
        let there = ["docs/other.md", "docs/a.md", "README.md", "scenarios", "docs/with space.md", "docs/x"];
        broken_links(
            &files(&[("docs/a.md", line), ("docs/other.md", &other.replace("(x)", "(/docs/x)"))]),
            |path| there.contains(&path),
        )
    }

    #[test]
    fn links_that_lead_somewhere() {
        for line in [
            "[a](other.md), [b](./other.md#use) and [c](../README.md) ![d](../scenarios)",
            "[a](other.md#use-1) [b](other.md#a_b-c-d--e) [c](other.md#point) [d](/docs/other.md#the-other)",
            "[a](https://example.org/none.md#x) [b](mailto:a@b) [c](<other.md> \"a title\")",
            "# Here\n[a](#here)",
            "[a]: other.md#use",
            "`[a](none.md)` and ``[`](none.md)``",
            "```\n[a](none.md)\n```",
        ] {
            assert_eq!(said_of_links(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn links_that_lead_nowhere() {
        for (line, what) in [
            ("\n[a](none.md)", "docs/a.md:2: none.md: there is no docs/none.md"),
            ("x [a](../other.md#use)", "there is no other.md"),
            ("[a](../../x.md)", "leads out of the repository"),
            ("[a](other.md) ![b](none.svg)", "there is no docs/none.svg"),
            ("[a]: none.md", "there is no docs/none.md"),
            ("an odd ` and [a](none.md)", "there is no docs/none.md"),
        ] {
            is_said(&said_of_links(line), what);
        }
    }

    #[test]
    fn anchors_that_no_heading_has() {
        for (line, what) in [
            ("[a](other.md#used)", "other.md#used: no heading of docs/other.md has that anchor"),
            ("[a](other.md#use-2)", "has that anchor"),
            ("[a](other.md#code)", "has that anchor"),
            ("# Here\n[a](#there)", "docs/a.md:2: #there: no heading of docs/a.md"),
        ] {
            is_said(&said_of_links(line), what);
        }
    }

    /// A form's links are those of the document that is made of it.
    #[test]
    fn forms_of_documents_are_passed_over() {
        let all = files(&[("harness/src/form.md", "[a](none.md)"), ("harness/form.md", "[a](none.md)")]);
        is_said(&broken_links(&all, |_| false), "harness/form.md:1");
    }
}
