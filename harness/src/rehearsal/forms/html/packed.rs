//! A million tables in a few megabytes: names are sorted, each is written without what it has in common with the one before,
//! and the whole is compressed. `page.js` reads it again.
//!
//! What is compressed: the length of the header in four bytes, the header as JSON, for each name the length of what it has in
//! common with the one before it (a byte), and then the rest of each name, with a line feed behind it. Names are those that
//! are shown, in which a line feed is written as its number.

use crate::rehearsal::forms::characters;
use crate::rehearsal::report::TablesAlike;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Write as _;

/// What is alike in many tables, a column each; a name is its place in a list.
#[derive(Default, Serialize)]
struct Header<'a> {
    sources: List<'a>,
    schemas: List<'a>,
    /// Files of the binary log; or a coordinate that is none.
    files: List<'a>,
    /// For each group: its source, its schema, how many tables it has, whether they are enabled, its file (-1: none) and the
    /// position in it (-1: none).
    source: Vec<usize>,
    schema: Vec<usize>,
    count: Vec<usize>,
    enabled: Vec<u8>,
    file: Vec<i64>,
    position: Vec<i64>,
    /// How many bytes all names have, each with its schema and a dot before it and a line feed behind it.
    bytes: usize,
}

/// Texts, each once.
#[derive(Default)]
struct List<'a> {
    places: HashMap<&'a str, usize>,
    shown: Vec<String>,
}

impl Serialize for List<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown.serialize(serializer)
    }
}

impl<'a> List<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.shown.push(characters::name(text));
            self.shown.len() - 1
        })
    }
}

/// The groups with the names of their tables as they are shown, sorted.
pub(super) fn ordered(tables: &[TablesAlike]) -> Vec<(&TablesAlike, Vec<String>)> {
    let sorted = |alike: &'_ TablesAlike| {
        let mut names: Vec<_> = alike.names.iter().map(|name| characters::name(name)).collect();
        names.sort_unstable();
        names
    };
    tables.iter().map(|alike| (alike, sorted(alike))).collect()
}

/// The tables, compressed, as base64.
pub(super) fn packed(groups: &[(&TablesAlike, Vec<String>)]) -> String {
    let mut header = Header::default();
    let (mut common, mut rest) = (Vec::new(), Vec::new());
    let mut before: &str = "";
    for (alike, names) in groups {
        header.add(alike, names);
        for name in names {
            let shared = shared(before, name);
            common.push(shared);
            rest.extend_from_slice(&name.as_bytes()[usize::from(shared)..]);
            rest.push(b'\n');
            before = name;
        }
    }
    let header = serde_json::json!(header).to_string();
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector does not fail.
    let _infallible = [&length[..], header.as_bytes(), &common, &rest]
        .into_iter()
        .try_for_each(|part| encoder.write_all(part));
    STANDARD.encode(encoder.finish().unwrap_or_default())
}

impl<'a> Header<'a> {
    fn add(&mut self, alike: &'a TablesAlike, names: &[String]) {
        let schema = self.schemas.place(&alike.schema);
        self.source.push(self.sources.place(&alike.source));
        self.schema.push(schema);
        self.count.push(names.len());
        self.enabled.push(u8::from(alike.enabled));
        let coordinate = alike.coordinate.as_deref().map(split);
        self.file
            .push(coordinate.map_or(-1, |(file, _)| i64::try_from(self.files.place(file)).unwrap_or(-1)));
        self.position.push(coordinate.map_or(-1, |(_, position)| position));
        let lengths = names.iter().map(|name| self.schemas.shown[schema].len() + name.len() + 2);
        self.bytes += lengths.sum::<usize>();
    }
}

/// A file and a position; -1 where the text is no coordinate. Above 2^53 JavaScript does not count.
fn split(coordinate: &str) -> (&str, i64) {
    let parts =
        coordinate.rsplit_once(':').and_then(|(file, position)| Some((file, position.parse::<i64>().ok()?)));
    parts
        .filter(|(file, position)| {
            (0..1 << 53).contains(position) && format!("{file}:{position}") == coordinate
        })
        .unwrap_or((coordinate, -1))
}

/// How many bytes two names begin with alike.
fn shared(before: &str, name: &str) -> u8 {
    let shared = before.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    u8::try_from(shared).unwrap_or(u8::MAX)
}
