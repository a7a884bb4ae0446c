//! Reads values that are tables or have a notation of their own: secrets, tables, skills, names by language,
//! destinations.

use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::gaps;
use crate::config::labels::Localized;
use crate::config::pattern::Pattern;
use crate::config::read_plain::check_id;
use crate::config::reader::Reader;
use crate::config::secret::Secret;
use crate::config::target::Scheme;
use crate::config::target::Target;
use crate::config::tree::Node;
use crate::config::tree::Table;
use crate::config::tree::Value;
use std::collections::BTreeMap;

impl<'a> Reader<'_, 'a> {
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
        if let Value::Unset(why) = node.value {
            self.warn_unset(name, node.at, why);
            return Some(Secret::unset());
        }
        let Value::Table(table) = node.value else {
            let spot = self.text_of(name, node, "a text")?;
            if spot.text.is_empty() {
                self.cx.fault(&spot.at, format!("`{name}` must not be empty"));
            }
            return Some(Secret::plain(&spot.text));
        };
        self.inside(name, node.at, table, |reader| {
            let (before, warned) = (reader.cx.faults.len(), reader.cx.warnings.len());
            let secret = other(reader);
            if secret.is_none() && reader.cx.warnings.len() > warned {
                return Some(Secret::unset());
            }
            if secret.is_none() && reader.cx.faults.len() == before {
                reader
                    .cx
                    .fault(&reader.at, format!("`{name}` says nothing: a text, or {{ env = \"NAME\" }}"));
            }
            secret
        })
    }

    /// The table of a key, read by `read`.
    pub(crate) fn table<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(name)?;
        let Value::Table(table) = node.value else { return self.wrong_kind(name, &node, "a table") };
        self.inside(name, node.at, table, read)
    }

    /// The tables of a list, each read by `read`.
    pub(crate) fn tables<T>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for node in self.nodes(name, "a list of tables") {
            let Value::Table(table) = node.value else {
                self.wrong_kind::<()>(name, &node, "a list of tables");
                continue;
            };
            values.extend(self.inside(name, node.at, table, &read));
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
        let range = self.key(name).shape.range();
        let Some(node) = self.take(name) else { return BTreeMap::new() };
        let Value::Table(table) = node.value else {
            return self.wrong_kind(name, &node, "a table").unwrap_or_default();
        };
        let mut numbers = BTreeMap::new();
        for (word, entry) in table {
            if let Err(what) = check_id(&word) {
                self.cx.fault(&entry.at, format!("`{name}`: {what}"));
            }
            let number = self.number_of(&word, &entry.node, range);
            numbers.insert(word, number.unwrap_or(0));
        }
        numbers
    }

    /// Names of any kind with texts: each name with its place, and its text with its own.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<(Spot, Spot)> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let Value::Table(table) = node.value else {
            return self.wrong_kind(name, &node, "a table of texts").unwrap_or_default();
        };
        let mut texts = Vec::new();
        for (word, entry) in table {
            let word = Spot { at: entry.at, text: word };
            let text = self.text_of(&word.text, entry.node, "a text");
            texts.extend(text.map(|text| (word, text)));
        }
        texts
    }

    /// A text, or texts in a list.
    pub(crate) fn text_or_list(&mut self, name: &str) -> Vec<Spot> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let nodes = if let Value::List(nodes) = node.value { nodes } else { vec![node] };
        nodes.into_iter().filter_map(|node| self.text_of(name, node, "a text or a list of texts")).collect()
    }

    /// A text, or texts by language.
    pub(crate) fn localized(&mut self, name: &str, otherwise: &str) -> Localized {
        let mut localized = Localized { plain: otherwise.to_string(), by_language: BTreeMap::new() };
        let Some(node) = self.take(name) else { return localized };
        let Value::Table(table) = node.value else {
            let spot = self.text_of(name, node, "a text or a table of texts");
            localized.plain = spot.map_or_else(String::new, |spot| spot.text);
            return localized;
        };
        for (language, entry) in table {
            let letters = language.bytes().all(|byte| byte.is_ascii_lowercase());
            if !letters || !(2..=3).contains(&language.len()) {
                self.cx.fault(&entry.at, format!("`{name}`: `{language}` is not a language such as `fr`"));
            }
            if let Some(spot) = self.text_of(&language, entry.node, "a text") {
                localized.by_language.insert(language, spot.text);
            }
        }
        localized
    }

    /// A destination. `pattern` is what its `{1}` and `{.}` stand for; whatever it names must exist.
    pub(crate) fn target(&mut self, name: &str, pattern: Option<&Pattern>) -> Option<Target> {
        let spot = self.spot(name)?;
        self.target_of(spot, pattern)
    }

    /// A destination that was taken as a text.
    pub(crate) fn target_of(&mut self, spot: Spot, pattern: Option<&Pattern>) -> Option<Target> {
        let target = match Target::parse(&spot.text) {
            Ok(target) => target,
            Err((what, suggestion)) => {
                self.cx.faults.push(Fault { at: spot.at, what, suggestion });
                return None;
            }
        };
        self.cx.note_gap(gaps::DESTINATION, Some(target.scheme.as_str()), &spot.at);
        for template in target.name.iter().chain(&target.number) {
            if let Err(what) = template.check(pattern) {
                self.cx.fault(&spot.at, what);
            }
        }
        if let Some(template) = &target.name {
            let noun = match target.scheme {
                Scheme::Phone | Scheme::Voicemail => Some(Noun::Phone),
                Scheme::Queue => Some(Noun::Queue),
                Scheme::Trunk => Some(Noun::Trunk),
                Scheme::Group => Some(Noun::Group),
                Scheme::Menu => Some(Noun::Menu),
                Scheme::Conference | Scheme::Music | Scheme::Park => None,
            };
            if let Some(noun) = noun.filter(|_| template.is_literal()) {
                let text = template.as_str().to_string();
                self.cx.refer(noun, &Spot { at: spot.at, text });
            }
        }
        Some(target)
    }
}
