//! A YAML document as PyYAML reads it: YAML 1.1, one document, every value with its line and column.
//!
//! The tokens come from `saphyr-parser`; what they mean is decided here. Two things are stricter than
//! in PyYAML, which takes the last of two equal keys in silence, and lets a value hold itself: both
//! are refused. Nothing here recurses, so no depth of nesting can exhaust the stack; an alias is a
//! reference, never a copy, so no small file can grow large.

mod characters;
mod extent;
mod quoting;
mod scalar;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use characters::ScalarSpan;
pub(crate) use characters::may_stand;
pub use extent::value_of;
pub use quoting::quoted;
pub(super) use scalar::Scalar;

/// How many entries all merges of a document may copy together; generous for any real one.
const MERGED_ENTRIES: usize = 200_000;

const CORE_SCHEMA: &str = "tag:yaml.org,2002:";

/// Shows no tag: it may be an unquoted password that begins with an exclamation mark.
const UNKNOWN_TAG: &str =
    "a tag that has no place in a configuration: a text that begins with ! has to be in quotes";

/// A line and a column of the file, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place after `character`, which follows `previous`. A CR LF is one line break.
    fn after(self, previous: char, character: char) -> Self {
        match (previous, character) {
            ('\r', '\n') => self,
            (_, '\n' | '\r') => Self { line: self.line + 1, column: 1 },
            _ => Self { line: self.line, column: self.column + 1 },
        }
    }
}

impl From<Marker> for Place {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is not a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlError {
    pub at: Place,
    pub reason: String,
}

impl YamlError {
    fn new(at: Place, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }

    fn tab(at: Place) -> Self {
        Self::new(at, "a tab stands where YAML takes only spaces: replace it with spaces")
    }
}

/// A node of one [`Document`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(usize);

pub(super) struct Node {
    pub at: Place,
    pub value: Value,
}

pub(super) enum Value {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub key: NodeId,
    pub value: NodeId,
    identity: Identity,
}

/// What makes two keys the same key: as in Python, `yes` and `1` are, `1` and `"1"` are not.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Identity {
    Null,
    Number(String),
    Date(String),
    Text(String),
}

/// A whole document. Its nodes hold passwords, so it has no `Debug`.
pub(super) struct Document {
    nodes: Vec<Node>,
    root: NodeId,
}

impl Document {
    /// Reads `text` as `PyYAML` would. An empty text is null.
    pub fn read(text: &str) -> Result<Self, YamlError> {
        let text = characters::prepare(text)?;
        let source: Vec<char> = text.chars().collect();
        let mut composer = Composer::new(&source);
        for event in Parser::new_from_str(&text) {
            let (event, span) = event.map_err(|error| explain(&error, &source))?;
            composer.take(event, span)?;
        }
        characters::refuse_tabs(&source, &composer.scalars)?;
        Ok(composer.finish())
    }

    pub fn root(&self) -> NodeId {
        self.root
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}

/// A tab is the usual cause of an error right behind it, or on a line that is indented with one.
fn explain(error: &saphyr_parser::ScanError, source: &[char]) -> YamlError {
    let marker = error.marker();
    let at = Place::from(*marker);
    let line_start = marker.index().saturating_sub(marker.col()).min(source.len());
    let line = &source[line_start..];
    let indentation = line.iter().take_while(|c| matches!(c, ' ' | '\t')).position(|c| *c == '\t');
    let before = marker.col().checked_sub(1).filter(|column| line.get(*column) == Some(&'\t'));
    if let Some(column) = indentation.or(before) {
        return YamlError::tab(Place { line: at.line, column: column + 1 });
    }
    let remedy = if error.info().contains("indentation") {
        ": indent the line further than the key it belongs to"
    } else if error.info().contains("mapping values") {
        ": this line is indented otherwise than its neighbours, or one above it lacks the blank after its colon"
    } else {
        ""
    };
    YamlError::new(at, format!("this is not YAML: {}{remedy}", error.info()))
}

/// A collection whose end has not come yet.
struct Open {
    node: NodeId,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<NodeId>),
    Mapping(OpenMapping),
}

#[derive(Default)]
struct OpenMapping {
    entries: Vec<Entry>,
    places: HashMap<Identity, Place>,
    /// The key whose value comes next.
    key: Option<Key>,
    /// Where the `<<` stands, and the mappings it merges.
    merge: Option<(Place, Vec<NodeId>)>,
}

enum Key {
    Merge,
    Plain(NodeId, Identity),
}

struct Composer<'t> {
    source: &'t [char],
    nodes: Vec<Node>,
    open: Vec<Open>,
    root: Option<NodeId>,
    /// The finished nodes with an anchor, by the parser's number for it.
    anchored: HashMap<usize, NodeId>,
    anchor_names: HashMap<String, Place>,
    scalars: Vec<ScalarSpan>,
    documents: usize,
    merged: usize,
}

impl<'t> Composer<'t> {
    fn new(source: &'t [char]) -> Self {
        Self {
            source,
            nodes: Vec::new(),
            open: Vec::new(),
            root: None,
            anchored: HashMap::new(),
            anchor_names: HashMap::new(),
            scalars: Vec::new(),
            documents: 0,
            merged: 0,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let at = Place::from(span.start);
        match event {
            Event::DocumentStart(_) => self.start_document(at),
            Event::Scalar(text, style, anchor, tag) => {
                self.declare_anchor(anchor, span)?;
                self.scalar(&text, style, anchor, tag.as_deref(), span)
            }
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::SequenceStart(anchor, tag) => {
                self.declare_anchor(anchor, span)?;
                check_collection_tag(tag.as_deref(), "seq", at)?;
                self.start(Content::Sequence(Vec::new()), anchor, at);
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.declare_anchor(anchor, span)?;
                check_collection_tag(tag.as_deref(), "map", at)?;
                self.start(Content::Mapping(OpenMapping::default()), anchor, at);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn start_document(&mut self, at: Place) -> Result<(), YamlError> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(YamlError::new(at, "a second document begins here; a configuration is one document"));
        }
        Ok(())
    }

    /// The parser numbers anchors and lets a name be given twice; PyYAML does not. The name is read
    /// from the text: a node begins with its tag and its anchor, in either order.
    fn declare_anchor(&mut self, anchor: usize, span: Span) -> Result<(), YamlError> {
        if anchor == 0 {
            return Ok(());
        }
        let at = Place::from(span.start);
        let properties = self.source.get(span.start.index()..).unwrap_or_default();
        let name = anchor_name(properties);
        if let Some(first) = self.anchor_names.insert(name, at) {
            return Err(YamlError::new(
                at,
                format!("the name of this anchor is already taken on line {}", first.line),
            ));
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), YamlError> {
        let at = self.place_of_scalar(text, style, anchor, tag, span);
        if !span.is_empty() {
            self.scalars.push(ScalarSpan::new(self.source, span, style));
        }
        let text = self.without_added_break(text, style, span);
        let meaning = match (tag, style) {
            (Some(tag), _) if is_non_specific(tag) => scalar::resolve_plain(text),
            (Some(tag), _) => core_tag(tag, at).map(|tag| scalar::construct(tag, text))?,
            (None, ScalarStyle::Plain) => scalar::resolve_plain(text),
            (None, _) => Ok(Scalar::Text(text.to_owned())),
        };
        let value = Value::Scalar(meaning.map_err(|reason| YamlError::new(at, reason))?);
        let node = self.add(at, value);
        self.complete(node, anchor)
    }

    /// The parser ends a block scalar with a line break also where the file ends without one.
    fn without_added_break<'s>(&self, text: &'s str, style: ScalarStyle, span: Span) -> &'s str {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let last_line = self.source.rsplit(|c| matches!(c, '\n' | '\r')).next().unwrap_or_default();
        let breaks_off = last_line.iter().any(|c| *c != ' ') && span.end.index() >= self.source.len();
        if is_block && breaks_off { text.strip_suffix('\n').unwrap_or(text) } else { text }
    }

    /// A value that is left out has no place of its own: its key stands for it.
    fn place_of_scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Place {
        let left_out = text.is_empty() && style == ScalarStyle::Plain && anchor == 0 && tag.is_none();
        let key = self.open.last().and_then(|open| match &open.content {
            Content::Mapping(OpenMapping { key: Some(Key::Plain(key, _)), .. }) => Some(*key),
            _ => None,
        });
        match key {
            Some(key) if left_out => self.nodes[key.0].at,
            _ => Place::from(span.start),
        }
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<(), YamlError> {
        let node = self.anchored.get(&anchor).copied().ok_or_else(|| {
            YamlError::new(at, "the alias stands inside the value that it refers to: take it out")
        })?;
        self.attach(node, at)
    }

    fn start(&mut self, content: Content, anchor: usize, at: Place) {
        let node = self.add(at, Value::Scalar(Scalar::Null));
        self.open.push(Open { node, anchor, content });
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { node, anchor, content }) = self.open.pop() else { return Ok(()) };
        self.nodes[node.0].value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping(mapping) => Value::Mapping(self.merge(mapping)?),
        };
        self.complete(node, anchor)
    }

    fn add(&mut self, at: Place, value: Value) -> NodeId {
        self.nodes.push(Node { at, value });
        NodeId(self.nodes.len() - 1)
    }

    fn complete(&mut self, node: NodeId, anchor: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            self.anchored.insert(anchor, node);
        }
        self.attach(node, self.nodes[node.0].at)
    }

    /// Puts a node, or an alias of it that stands at `at`, into the collection that is open.
    fn attach(&mut self, node: NodeId, at: Place) -> Result<(), YamlError> {
        let Some(Open { content, .. }) = self.open.last_mut() else {
            refuse_merge_as_value(&self.nodes, node, at)?;
            self.root = Some(node);
            return Ok(());
        };
        match content {
            Content::Sequence(items) => {
                refuse_merge_as_value(&self.nodes, node, at)?;
                items.push(node);
            }
            Content::Mapping(mapping) => match mapping.key.take() {
                None => mapping.key = Some(mapping.key_from(&self.nodes, node, at)?),
                Some(Key::Plain(key, identity)) => {
                    refuse_merge_as_value(&self.nodes, node, at)?;
                    mapping.entries.push(Entry { key, value: node, identity });
                }
                Some(Key::Merge) => mapping.merge = Some((at, mappings_to_merge(&self.nodes, node, at)?)),
            },
        }
        Ok(())
    }

    /// The mapping's own entries, after those it merges and does not have itself. Of several merged
    /// mappings the first that has a key gives its value.
    fn merge(&mut self, mapping: OpenMapping) -> Result<Vec<Entry>, YamlError> {
        let Some((at, sources)) = mapping.merge else { return Ok(mapping.entries) };
        let mut taken: HashSet<Identity> = mapping.places.into_keys().collect();
        let mut merged = Vec::new();
        for source in sources {
            let Value::Mapping(entries) = &self.nodes[source.0].value else { continue };
            self.merged += entries.len() + 1;
            if self.merged > MERGED_ENTRIES {
                return Err(YamlError::new(at, "the merges of this file are too many or too large"));
            }
            merged.extend(entries.iter().filter(|entry| taken.insert(entry.identity.clone())).cloned());
        }
        merged.extend(mapping.entries);
        Ok(merged)
    }

    fn finish(mut self) -> Document {
        let root = match self.root {
            Some(root) => root,
            None => self.add(Place { line: 1, column: 1 }, Value::Scalar(Scalar::Null)),
        };
        Document { nodes: self.nodes, root }
    }
}

/// The keys of pg_chameleon's configuration that stand once in their mappings.
const KEYS: [&str; 41] = [
    "auto_maintenance",
    "batch_retention",
    "charset",
    "connect_timeout",
    "copy_max_memory",
    "copy_mode",
    "database",
    "db_conn",
    "fillfactor",
    "grant_select_to",
    "gtid_enable",
    "host",
    "keep_existing_schema",
    "limit_tables",
    "lock_timeout",
    "log_days_keep",
    "log_dest",
    "log_dir",
    "log_level",
    "my_server_id",
    "net_read_timeout",
    "on_error_read",
    "on_error_replay",
    "out_dir",
    "override_tables",
    "override_to",
    "password",
    "pg_conn",
    "pid_dir",
    "port",
    "replay_max_rows",
    "replica_batch_size",
    "rollbar_env",
    "rollbar_key",
    "schema_mappings",
    "skip_events",
    "skip_tables",
    "sleep_loop",
    "sources",
    "type",
    "user",
];

impl OpenMapping {
    fn key_from(&mut self, nodes: &[Node], node: NodeId, at: Place) -> Result<Key, YamlError> {
        let Value::Scalar(scalar) = &nodes[node.0].value else {
            return Err(YamlError::new(at, "a list or a mapping can't be a key"));
        };
        let identity = match scalar {
            Scalar::Merge if self.merge.is_some() => {
                let reason = "a second << in the same mapping: merge several with <<: [*a, *b]";
                return Err(YamlError::new(at, reason));
            }
            Scalar::Merge => return Ok(Key::Merge),
            Scalar::Null => Identity::Null,
            Scalar::Boolean(boolean) => Identity::Number(u8::from(*boolean).to_string()),
            Scalar::Integer(number) => Identity::Number(number.clone()),
            Scalar::Float(number) => Identity::Number(number.to_string()),
            Scalar::Date(text) | Scalar::DateTime(text) => Identity::Date(text.clone()),
            Scalar::Text(text) => Identity::Text(text.clone()),
        };
        if let Some(first) = self.places.insert(identity.clone(), at) {
            // Any other may be a password that stands where a key should.
            let known = scalar.python_text().filter(|key| KEYS.contains(&key.as_str()));
            let key = known.map_or_else(|| "the same key".to_owned(), |key| format!("the key {key:?}"));
            let reason = format!(
                "{key} is given twice, on line {} and on line {}: keep one of them",
                first.line, at.line
            );
            return Err(YamlError::new(at, reason));
        }
        Ok(Key::Plain(node, identity))
    }
}

fn refuse_merge_as_value(nodes: &[Node], node: NodeId, at: Place) -> Result<(), YamlError> {
    match nodes[node.0].value {
        Value::Scalar(Scalar::Merge) => {
            Err(YamlError::new(at, "<< merges mappings and can only be a key: put it in quotes"))
        }
        _ => Ok(()),
    }
}

fn mappings_to_merge(nodes: &[Node], node: NodeId, at: Place) -> Result<Vec<NodeId>, YamlError> {
    let is_mapping = |id: &NodeId| matches!(nodes[id.0].value, Value::Mapping(_));
    match &nodes[node.0].value {
        Value::Mapping(_) => Ok(vec![node]),
        Value::Sequence(items) if items.iter().all(is_mapping) => Ok(items.clone()),
        _ => Err(YamlError::new(at, "<< merges a mapping or a list of mappings, and this is neither")),
    }
}

/// A lone `!`, which leaves the meaning to the text, also within quotes.
fn is_non_specific(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty()
}

/// What follows `tag:yaml.org,2002:` in a tag.
fn core_tag(tag: &Tag, at: Place) -> Result<&str, YamlError> {
    if tag.is_yaml_core_schema() {
        return Ok(&tag.suffix);
    }
    match tag.suffix.strip_prefix(CORE_SCHEMA) {
        Some(suffix) if tag.handle.is_empty() => Ok(suffix),
        _ => Err(YamlError::new(at, UNKNOWN_TAG)),
    }
}

fn check_collection_tag(tag: Option<&Tag>, expected: &str, at: Place) -> Result<(), YamlError> {
    match tag {
        Some(tag) if !is_non_specific(tag) && core_tag(tag, at)? != expected => {
            Err(YamlError::new(at, UNKNOWN_TAG))
        }
        _ => Ok(()),
    }
}

fn anchor_name(properties: &[char]) -> String {
    let mut properties = properties;
    if properties.first() == Some(&'!') {
        let tag = properties.iter().take_while(|c| !c.is_whitespace()).count();
        properties = &properties[tag..];
    }
    let ends = |c: &char| c.is_whitespace() || ",[]{}".contains(*c);
    let start = properties.iter().position(|c| *c == '&').map_or(properties.len(), |amp| amp + 1);
    properties[start..].iter().take_while(|c| !ends(c)).collect()
}
