//! Takes typed values out of one table of the configuration, and notes every fault on the way.
//!
//! Kinds, ranges and defaults come from the table of keys. A faulty value is read as its default or as nothing,
//! so that one fault does not hide the next; with any fault the whole result is thrown away.

use crate::config::context::Context;
use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::fault::Warning;
use crate::config::gaps;
use crate::config::pattern::Pattern;
use crate::config::schema::Default;
use crate::config::schema::Key;
use crate::config::schema::Shape;
use crate::config::secret::Secret;
use crate::config::suggest::nearest;
use crate::config::target::Scheme;
use crate::config::target::Target;
use crate::config::tree;
use crate::config::tree::Node;
use crate::config::tree::Table;
use crate::config::tree::Value;
use crate::config::words::Word;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A table being read.
pub(crate) struct Reader<'r, 'a> {
    pub(crate) cx: &'r mut Context<'a>,
    /// Where the table is.
    pub(crate) at: Place,
    path: String,
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

    /// A text and its place.
    pub(crate) fn spot(&mut self, name: &str) -> Option<Spot> {
        let node = self.take(name)?;
        match node.value {
            Value::Text(text) => Some(Spot { at: node.at, text }),
            _ => self.wrong_kind(name, &node, "a text"),
        }
    }

    /// A text in a notation of its own.
    pub(crate) fn parsed<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let spot = self.spot(name)?;
        self.parse_spot(name, &spot, parse)
    }

    /// Texts in a notation of their own, with their places.
    pub(crate) fn parsed_list<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<(Spot, T)> {
        let spots = self.spots(name);
        spots
            .into_iter()
            .filter_map(|spot| self.parse_spot(name, &spot, &parse).map(|value| (spot, value)))
            .collect()
    }

    fn parse_spot<T>(
        &mut self,
        name: &str,
        spot: &Spot,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&spot.text) {
            Ok(value) => Some(value),
            Err(what) => {
                self.cx.fault(&spot.at, format!("`{name}`: {what}"));
                None
            }
        }
    }

    /// A list of texts with their places.
    pub(crate) fn spots(&mut self, name: &str) -> Vec<Spot> {
        let mut spots = Vec::new();
        for node in self.nodes(name, "a list of texts") {
            match node.value {
                Value::Text(text) => spots.push(Spot { at: node.at, text }),
                _ => _ = self.wrong_kind::<()>(name, &node, "a list of texts"),
            }
        }
        spots
    }

    /// The elements of a list.
    pub(crate) fn nodes(&mut self, name: &str, expected: &str) -> Vec<Node> {
        let Some(node) = self.take(name) else { return Vec::new() };
        match node.value {
            Value::List(nodes) => nodes,
            _ => self.wrong_kind(name, &node, expected).unwrap_or_default(),
        }
    }

    /// An id: letters, digits, `-`, `_` and `.`, so that it needs no quoting in an address or a label.
    pub(crate) fn id(&mut self, name: &str, noun: Noun) -> Option<String> {
        let spot = self.spot(name)?;
        let id = self.parse_spot(name, &spot, check_id)?;
        self.cx.define(noun, &spot);
        Some(id)
    }

    /// An id of something else, which must exist.
    pub(crate) fn reference(&mut self, name: &str, noun: Noun) -> Option<String> {
        let spot = self.spot(name)?;
        self.cx.refer(noun, &spot);
        Some(spot.text)
    }

    /// Ids of other things, each once.
    pub(crate) fn references(&mut self, name: &str, noun: Noun) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for spot in self.spots(name) {
            self.cx.refer(noun, &spot);
            if ids.contains(&spot.text) {
                self.cx.fault(&spot.at, format!("`{}` is there twice in `{name}`", spot.text));
            }
            ids.push(spot.text);
        }
        ids
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let Some(node) = self.take(name) else { return false };
        match node.value {
            Value::Flag(flag) => flag,
            _ => self.wrong_kind(name, &node, "true or false").unwrap_or_default(),
        }
    }

    /// A whole number in the key's range; `None` also for one that is no `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, name: &str) -> Option<T> {
        let (min, max) = match self.key(name).shape {
            Shape::Integer(min, max) | Shape::Seconds(min, max) => (min, max),
            _ => (i64::MIN, i64::MAX),
        };
        let node = self.take(name)?;
        match node.value {
            Value::Integer(number) => self.in_range(name, &node.at, number, (min, max)),
            _ => self.wrong_kind(name, &node, "a whole number"),
        }
    }

    fn in_range<T: TryFrom<i64>>(
        &mut self,
        name: &str,
        at: &Place,
        number: i64,
        (min, max): (i64, i64),
    ) -> Option<T> {
        if !(min..=max).contains(&number) {
            self.cx.fault(at, format!("`{name}` must be from {min} to {max}, not {number}"));
            return None;
        }
        T::try_from(number).ok()
    }

    /// Whole seconds.
    pub(crate) fn seconds(&mut self, name: &str) -> Duration {
        Duration::from_secs(self.number(name).unwrap_or(0))
    }

    /// Whole seconds, of which 0 means none.
    pub(crate) fn seconds_or_none(&mut self, name: &str) -> Option<Duration> {
        Some(self.seconds(name)).filter(|duration| !duration.is_zero())
    }

    /// One of a closed set.
    pub(crate) fn word<T: Word>(&mut self, name: &str) -> Option<T> {
        let spot = self.spot(name)?;
        self.word_of(name, &spot)
    }

    /// Some of a closed set, each once, with their places.
    pub(crate) fn words<T: Word + PartialEq>(&mut self, name: &str) -> Vec<T> {
        let mut words: Vec<T> = Vec::new();
        for spot in self.spots(name) {
            let Some(word) = self.word_of(name, &spot) else { continue };
            if words.contains(&word) {
                self.cx.fault(&spot.at, format!("`{}` is there twice in `{name}`", spot.text));
            }
            words.push(word);
        }
        words
    }

    fn word_of<T: Word>(&mut self, name: &str, spot: &Spot) -> Option<T> {
        let word = T::named(&spot.text);
        if word.is_none() {
            let names = T::NAMES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            self.cx.faults.push(Fault {
                at: spot.at.clone(),
                what: format!("`{name}` cannot be `{}`, only {names}", spot.text),
                suggestion: nearest(&spot.text, T::NAMES.iter().copied()),
            });
        }
        word
    }

    /// A secret in plain text, from the environment or from a file; `None` when it is not written.
    /// Without a value there it is [`Secret::unset`] and a warning.
    pub(crate) fn secret(&mut self, name: &str) -> Option<Secret> {
        let node = self.take(name)?;
        self.secret_of(name, node, |_| None)
    }

    /// As [`Reader::secret`], or a table that `other` reads.
    pub(crate) fn secret_or(
        &mut self,
        name: &str,
        other: impl FnOnce(&mut Reader<'_, 'a>) -> Option<Secret>,
    ) -> Option<Secret> {
        let node = self.take(name)?;
        self.secret_of(name, node, other)
    }

    /// The value of a secret that was taken as it is.
    pub(crate) fn secret_of(
        &mut self,
        name: &str,
        node: Node,
        other: impl FnOnce(&mut Reader<'_, 'a>) -> Option<Secret>,
    ) -> Option<Secret> {
        match node.value {
            Value::Text(text) if text.is_empty() => {
                self.cx.fault(&node.at, format!("`{name}` must not be empty"));
                None
            }
            Value::Text(text) => Some(Secret::plain(&text)),
            Value::Unset(why) => {
                let key = format!("{}.{name}", self.path);
                self.cx.warnings.push(Warning::Unset { at: node.at, key, why });
                Some(Secret::unset())
            }
            Value::Table(table) => self.inside(name, node.at, table, |reader| {
                let secret = other(reader);
                if secret.is_none() {
                    reader
                        .cx
                        .fault(&reader.at, format!("`{name}` says nothing: a text, or {{ env = \"NAME\" }}"));
                }
                secret
            }),
            _ => self.wrong_kind(name, &node, "a text"),
        }
    }

    /// The table of a key, read by `read`.
    pub(crate) fn table<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(name)?;
        match node.value {
            Value::Table(table) => self.inside(name, node.at, table, read),
            _ => self.wrong_kind(name, &node, "a table"),
        }
    }

    /// The tables of a list, each read by `read`.
    pub(crate) fn tables<T>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for node in self.nodes(name, "a list of tables") {
            match node.value {
                Value::Table(table) => values.extend(self.inside(name, node.at, table, &read)),
                _ => _ = self.wrong_kind::<()>(name, &node, "a list of tables"),
            }
        }
        values
    }

    /// Reads a table below a key of this one.
    pub(crate) fn inside<T>(
        &mut self,
        name: &str,
        at: Place,
        table: Table,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> T,
    ) -> T {
        let path = format!("{}.{name}", self.path);
        let keys = self.key(name).shape.inner();
        read(&mut Reader::new(self.cx, &path, keys, at, table))
    }

    /// Names with whole numbers: skills.
    pub(crate) fn numbers(&mut self, name: &str) -> BTreeMap<String, u8> {
        let range = match self.key(name).shape {
            Shape::Numbers(min, max) => (min, max),
            _ => (0, 0),
        };
        let Some(node) = self.take(name) else { return BTreeMap::new() };
        let Value::Table(table) = node.value else {
            return self.wrong_kind(name, &node, "a table").unwrap_or_default();
        };
        let mut numbers = BTreeMap::new();
        for (word, entry) in table {
            if let Err(what) = check_id(&word) {
                self.cx.fault(&entry.at, format!("`{name}`: {what}"));
            }
            match entry.node.value {
                Value::Integer(number) => {
                    let number = self.in_range(&word, &entry.node.at, number, range);
                    numbers.insert(word, number.unwrap_or(0));
                }
                _ => _ = self.wrong_kind::<()>(&word, &entry.node, "a whole number"),
            }
        }
        numbers
    }

    /// A text, or texts by language.
    pub(crate) fn localized(&mut self, name: &str, otherwise: &str) -> Localized {
        let mut localized = Localized { plain: otherwise.to_string(), by_language: BTreeMap::new() };
        let Some(node) = self.take(name) else { return localized };
        match node.value {
            Value::Text(text) => localized.plain = text,
            Value::Table(table) => {
                for (language, entry) in table {
                    let known = (2..=3).contains(&language.len())
                        && language.bytes().all(|byte| byte.is_ascii_lowercase());
                    if !known {
                        let what = format!("`{name}`: `{language}` is not a language such as `fr`");
                        self.cx.fault(&entry.at, what);
                    }
                    match entry.node.value {
                        Value::Text(text) => _ = localized.by_language.insert(language, text),
                        _ => _ = self.wrong_kind::<()>(&language, &entry.node, "a text"),
                    }
                }
            }
            _ => _ = self.wrong_kind::<()>(name, &node, "a text or a table of texts"),
        }
        localized
    }

    /// A destination. `pattern` is what its `{1}` and `{.}` stand for; whatever it names must exist.
    pub(crate) fn target(&mut self, name: &str, pattern: Option<&Pattern>) -> Option<Target> {
        let spot = self.spot(name)?;
        let target = match Target::parse(&spot.text) {
            Ok(target) => target,
            Err((what, suggestion)) => {
                self.cx.faults.push(Fault { at: spot.at, what, suggestion });
                return None;
            }
        };
        self.cx.note_gap(gaps::DESTINATION, Some(target.scheme.as_str()), &spot.at);
        if let Some(template) = &target.name {
            if let Err(what) = template.check(pattern) {
                self.cx.fault(&spot.at, what);
            }
            let noun = match target.scheme {
                Scheme::Phone | Scheme::Voicemail => Some(Noun::Phone),
                Scheme::Queue => Some(Noun::Queue),
                Scheme::Trunk => Some(Noun::Trunk),
                Scheme::Menu | Scheme::Group | Scheme::Conference | Scheme::Music | Scheme::Park => None,
            };
            if let Some(noun) = noun.filter(|_| template.is_literal()) {
                let text = template.as_str().to_string();
                self.cx.refer(noun, &Spot { at: spot.at, text });
            }
        }
        Some(target)
    }

    /// A fault about a value of the wrong kind.
    pub(crate) fn wrong_kind<T>(&mut self, name: &str, node: &Node, expected: &str) -> Option<T> {
        match &node.value {
            Value::Unset(why) => {
                self.cx.fault(&node.at, format!("`{name}` has no value: {why}"));
            }
            _ => self.cx.fault(&node.at, format!("`{name}` must be {expected}, not {}", node.kind())),
        }
        None
    }

    fn key(&self, name: &str) -> &'static Key {
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
            return Some(node).filter(|node| !self.is_optional_unset(key, node));
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
        let (key, why) = (format!("{}.{}", self.path, key.name), why.clone());
        self.cx.warnings.push(Warning::Unset { at: node.at.clone(), key, why });
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
    match shape {
        Shape::Integer(..) | Shape::Seconds(..) => {
            text.trim().parse().map_or_else(|_| as_text(), Value::Integer)
        }
        Shape::Flag => text.trim().parse().map_or_else(|_| as_text(), Value::Flag),
        _ => as_text(),
    }
}

/// A name in one or more languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localized {
    plain: String,
    by_language: BTreeMap<String, String>,
}

impl Localized {
    /// The name in a language; else in any it has; else as written without one.
    pub fn in_language(&self, language: &str) -> &str {
        let found = self.by_language.get(language).or_else(|| self.by_language.values().next());
        found.map_or(&self.plain, String::as_str)
    }
}

/// Whether the text can be an id.
fn check_id(text: &str) -> Result<String, String> {
    const LETTERS_MAX: usize = 64;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if text.is_empty() || text.len() > LETTERS_MAX || !plain {
        return Err(format!(
            "`{}` is not an id: 1 to {LETTERS_MAX} letters without accents, digits, `-`, `_` and `.`",
            text.escape_debug()
        ));
    }
    Ok(text.to_string())
}
