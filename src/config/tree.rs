//! TOML text as a tree of values that know their places. The only file that names the TOML library.
//!
//! No meaning here: what a key is for is the reader's. Several files merge into one tree before it is read.

use crate::config::fault::Fault;
use crate::config::fault::Place;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use toml_edit::Document;
use toml_edit::Item;
use toml_edit::TableLike;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where the value begins.
    pub(crate) at: Place,
    pub(crate) value: Value,
}

/// What TOML can say, and `Unset` for a reference to the environment or a file that has no value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Fraction,
    Flag(bool),
    Moment,
    List(Vec<Node>),
    Table(Table),
    Unset(String),
}

/// The entries of a table by key.
pub(crate) type Table = BTreeMap<String, Entry>;

/// A key's place and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where the key is.
    pub(crate) at: Place,
    pub(crate) node: Node,
}

impl Node {
    /// The kind of value in words: "must be …, not KIND".
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Fraction => "a fraction",
            Value::Flag(_) => "true or false",
            Value::Moment => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Unset(_) => "unset",
        }
    }
}

/// Reads TOML. `order` is the file's place among all sources.
pub(crate) fn parse(name: &str, order: u32, text: &str) -> Result<Node, Fault> {
    // A byte order mark belongs to no key; columns count from after it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(name, order, text);
    match Document::parse(text) {
        Ok(document) => Ok(lines.table(document.as_table(), lines.place(0))),
        Err(error) => Err(Fault {
            at: lines.place(error.span().map_or(0, |span| span.start)),
            what: error.message().trim().replace('\n', ", "),
            suggestion: None,
        }),
    }
}

/// A single value in TOML's notation, for the defaults in the table of keys.
pub(crate) fn parse_value(text: &str, at: &Place) -> Option<Node> {
    let document = Document::parse(format!("value = {text}")).ok()?;
    let lines = Lines::of(&at.file, at.order, "");
    Some(lines.item(document.as_table().iter().next()?.1, at.clone()))
}

/// Puts a later file's tree over an earlier one's: lists (`[[queue]]`) are joined, sections are merged key by
/// key, and the later value of a key wins.
pub(crate) fn merge(into: &mut Node, later: Node) {
    match (&mut into.value, later.value) {
        (Value::Table(table), Value::Table(more)) => {
            for (key, entry) in more {
                match table.get_mut(&key) {
                    Some(known) => merge(&mut known.node, entry.node),
                    None => {
                        table.insert(key, entry);
                    }
                }
            }
        }
        (Value::List(list), Value::List(more))
            if more.iter().chain(&*list).all(|node| matches!(node.value, Value::Table(_))) =>
        {
            list.extend(more);
        }
        (value, other) => {
            *value = other;
            into.at = later.at;
        }
    }
}

/// The beginnings of a text's lines, to turn offsets into places.
struct Lines<'t> {
    file: Arc<str>,
    order: u32,
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(name: &str, order: u32, text: &'t str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { file: Arc::from(name), order, text, starts }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or("");
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place {
            order: self.order,
            file: Arc::clone(&self.file),
            line: count(line),
            column: count(before.chars().count() + 1),
        }
    }

    fn place_or(&self, span: Option<Range<usize>>, otherwise: Place) -> Place {
        // A default has no text of its own: it stands where its table does.
        match span {
            Some(span) if !self.text.is_empty() => self.place(span.start),
            _ => otherwise,
        }
    }

    fn table(&self, table: &dyn TableLike, at: Place) -> Node {
        let mut entries = Table::new();
        for (name, item) in table.iter() {
            let key = table.key(name).and_then(toml_edit::Key::span);
            let key_at = self.place_or(key, at.clone());
            let node = self.item(item, key_at.clone());
            entries.insert(name.to_string(), Entry { at: key_at, node });
        }
        Node { at, value: Value::Table(entries) }
    }

    fn item(&self, item: &Item, otherwise: Place) -> Node {
        let at = self.place_or(item.span(), otherwise);
        match item {
            Item::None => Node { at, value: Value::List(Vec::new()) },
            Item::Value(value) => self.value(value, at),
            Item::Table(table) => self.table(table, at),
            Item::ArrayOfTables(list) => {
                let nodes = list.iter().map(|table| {
                    let at = self.place_or(table.span(), at.clone());
                    self.table(table, at)
                });
                Node { value: Value::List(nodes.collect()), at: at.clone() }
            }
        }
    }

    fn value(&self, value: &toml_edit::Value, at: Place) -> Node {
        let plain = match value {
            toml_edit::Value::String(text) => Value::Text(text.value().clone()),
            toml_edit::Value::Integer(number) => Value::Integer(*number.value()),
            toml_edit::Value::Float(_) => Value::Fraction,
            toml_edit::Value::Boolean(flag) => Value::Flag(*flag.value()),
            toml_edit::Value::Datetime(_) => Value::Moment,
            toml_edit::Value::InlineTable(table) => return self.table(table, at),
            toml_edit::Value::Array(array) => Value::List(
                array.iter().map(|item| self.value(item, self.place_or(item.span(), at.clone()))).collect(),
            ),
        };
        Node { at, value: plain }
    }
}
