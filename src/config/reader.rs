//! A table of the configuration being read: takes values out by key, and notes unknown keys.
//!
//! Kinds, ranges and defaults come from the table of keys. A faulty value is read as its default or as nothing,
//! so that one fault does not hide the next; with any fault the whole result is thrown away. What the values
//! mean is in `read_plain.rs` and `read_nested.rs`.

use crate::config::context::Context;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::fault::Warning;
use crate::config::schema::Default;
use crate::config::schema::Key;
use crate::config::schema::Shape;
use crate::config::suggest::nearest;
use crate::config::tree;
use crate::config::tree::Node;
use crate::config::tree::Table;
use crate::config::tree::Value;
use std::path::Path;

/// A table being read.
pub(crate) struct Reader<'r, 'a> {
    pub(crate) cx: &'r mut Context<'a>,
    /// Where the table is.
    pub(crate) at: Place,
    pub(crate) path: String,
    keys: &'static [Key],
    entries: Table,
}

impl<'r, 'a> Reader<'r, 'a> {
    /// Begins to read a table, whose unknown keys are faults.
    pub(crate) fn new(
        cx: &'r mut Context<'a>,
        path: &str,
        keys: &'static [Key],
        at: Place,
        entries: Table,
    ) -> Self {
        for (name, entry) in &entries {
            if !keys.iter().any(|key| key.name == name) {
                let suggestion = nearest(name, keys.iter().map(|key| key.name));
                let what = format!("unknown key `{name}` in `{path}`");
                cx.faults.push(Fault { at: entry.at.clone(), what, suggestion });
            }
        }
        Self { cx, at, path: path.to_string(), keys, entries }
    }

    /// Whether the key is written.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Whether the key is missing or an empty list.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        let Some(entry) = self.entries.get(name) else { return true };
        matches!(&entry.node.value, Value::List(nodes) if nodes.is_empty())
    }

    /// The place of a key as written, or of the table.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.entries.get(name).map_or_else(|| self.at.clone(), |entry| entry.node.at.clone())
    }

    /// A fault about a value of the wrong kind.
    pub(crate) fn wrong_kind<T>(&mut self, name: &str, node: &Node, expected: &str) -> Option<T> {
        // Nobody can tell what a variable will hold: without it the value is missing, and `serve` refuses.
        if let Value::Unset(why) = &node.value {
            self.warn_unset(name, node.at.clone(), why.clone());
        } else {
            self.cx.fault(&node.at, format!("`{name}` must be {expected}, not {}", node.kind()));
        }
        None
    }

    /// Warns of a variable or file without a value.
    pub(crate) fn warn_unset(&mut self, name: &str, at: Place, why: String) {
        let key = format!("{}.{name}", self.path);
        self.cx.warnings.push(Warning::Unset { at, key, why });
    }

    pub(crate) fn key(&self, name: &str) -> &'static Key {
        self.keys.iter().find(|key| key.name == name).expect("the reader asks for keys of its own table only")
    }

    /// Takes a value out: as written, or the default. Required and missing is a fault.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node> {
        let key = self.key(name);
        #[cfg(test)]
        self.cx.keys_read.insert(format!("{}.{name}", self.path));
        if let Some(entry) = self.entries.remove(name) {
            let node = self.resolve(key, entry.node);
            self.note_gaps(name, &node, &entry.at);
            if !self.is_optional_unset(key, &node) {
                return Some(node);
            }
        }
        match key.default {
            Default::Nothing(_) => None,
            Default::Value(text) => tree::parse_value(text, &self.at),
            Default::Required => {
                self.cx.fault(&self.at, format!("`{}` needs a `{name}`", self.path));
                None
            }
        }
    }

    /// An optional value without its variable counts as not written, with a warning; secrets see to themselves.
    fn is_optional_unset(&mut self, key: &Key, node: &Node) -> bool {
        let Value::Unset(why) = &node.value else { return false };
        if matches!(key.shape, Shape::Secret(_)) || key.default == Default::Required {
            return false;
        }
        self.warn_unset(key.name, node.at.clone(), why.clone());
        true
    }

    /// `{ env = … }` and `{ file = … }`, for values that are one text.
    fn resolve(&mut self, key: &Key, node: Node) -> Node {
        let Value::Table(table) = &node.value else { return node };
        let entry = match (table.get("env"), table.get("file")) {
            _ if !key.shape.is_scalar() => None,
            (Some(entry), None) => Some((true, entry)),
            (None, Some(entry)) => Some((false, entry)),
            (Some(_), Some(_)) => {
                self.cx.fault(&node.at, format!("`{}` has both `env` and `file`", key.name));
                None
            }
            (None, None) => None,
        };
        let Some((is_env, entry)) = entry else { return node };
        let Value::Text(name) = &entry.node.value else { return node };
        for (other, entry) in table.iter().filter(|(other, _)| *other != "env" && *other != "file") {
            self.cx.fault(&entry.at, format!("`{other}` cannot stand beside `env` or `file`"));
        }
        let found = if is_env {
            (self.cx.outside.env)(name).ok_or_else(|| format!("environment variable {name} is not set"))
        } else {
            let read = (self.cx.outside.file)(Path::new(name));
            read.map_err(|error| format!("file {name} cannot be read: {error}"))
        };
        let value = match found.map(|text| text.trim_end_matches(['\r', '\n']).to_string()) {
            Ok(text) if text.is_empty() => Value::Unset(format!("{name} is empty")),
            Ok(text) => from_text(&key.shape, &text),
            Err(why) => Value::Unset(why),
        };
        Node { at: node.at, value }
    }

    fn note_gaps(&mut self, name: &str, node: &Node, at: &Place) {
        if matches!(&node.value, Value::List(nodes) if nodes.is_empty()) {
            return;
        }
        let path = format!("{}.{name}", self.path);
        self.cx.note_gap(&path, None, at);
        match &node.value {
            Value::Text(text) => self.cx.note_gap(&path, Some(text), &node.at),
            Value::Flag(flag) => self.cx.note_gap(&path, Some(&flag.to_string()), &node.at),
            Value::List(nodes) => {
                for node in nodes {
                    if let Value::Text(text) = &node.value {
                        self.cx.note_gap(&path, Some(text), &node.at);
                    }
                }
            }
            Value::Integer(_) | Value::Fraction | Value::Moment | Value::Table(_) | Value::Unset(_) => {}
        }
    }
}

/// A text of a variable or a file as the value that the key wants. What cannot be is left a text, and its
/// reader says what is wrong with it.
pub(crate) fn from_text(shape: &Shape, text: &str) -> Value {
    let as_text = || Value::Text(text.to_string());
    if matches!(shape, Shape::Integer(..) | Shape::Seconds(..)) {
        return text.trim().parse().map_or_else(|_| as_text(), Value::Integer);
    }
    if matches!(shape, Shape::Flag) {
        return text.trim().parse().map_or_else(|_| as_text(), Value::Flag);
    }
    as_text()
}
