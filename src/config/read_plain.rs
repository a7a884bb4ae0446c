//! Reads values that are texts, numbers, flags, words, and lists of them.

use crate::config::context::Noun;
use crate::config::context::Spot;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::reader::Reader;
use crate::config::suggest::nearest;
use crate::config::tree::Node;
use crate::config::tree::Value;
use crate::config::words::Word;
use std::time::Duration;

impl Reader<'_, '_> {
    /// A text and its place.
    pub(crate) fn spot(&mut self, name: &str) -> Option<Spot> {
        let node = self.take(name)?;
        self.text_of(name, node, "a text")
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
            spots.extend(self.text_of(name, node, "a list of texts"));
        }
        spots
    }

    /// The elements of a list.
    pub(crate) fn nodes(&mut self, name: &str, expected: &str) -> Vec<Node> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let Value::List(nodes) = node.value else {
            return self.wrong_kind(name, &node, expected).unwrap_or_default();
        };
        nodes
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
        let Value::Flag(flag) = node.value else {
            return self.wrong_kind(name, &node, "true or false").unwrap_or_default();
        };
        flag
    }

    /// A whole number in the key's range; `None` also for one that is no `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, name: &str) -> Option<T> {
        let range = self.key(name).shape.range();
        let node = self.take(name)?;
        self.number_of(name, &node, range)
    }

    /// A node that must be a text.
    pub(crate) fn text_of(&mut self, name: &str, node: Node, expected: &str) -> Option<Spot> {
        let Value::Text(text) = node.value else { return self.wrong_kind(name, &node, expected) };
        Some(Spot { at: node.at, text })
    }

    /// A node that must be a whole number in a range.
    pub(crate) fn number_of<T: TryFrom<i64>>(
        &mut self,
        name: &str,
        node: &Node,
        range: (i64, i64),
    ) -> Option<T> {
        let Value::Integer(number) = node.value else { return self.wrong_kind(name, node, "a whole number") };
        self.in_range(name, &node.at, number, range)
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
}

/// Whether the text can be an id.
pub(crate) fn check_id(text: &str) -> Result<String, String> {
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
