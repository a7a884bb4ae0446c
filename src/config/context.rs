//! What is collected while a configuration is read: faults, warnings, and names with the references to them.
//!
//! Names are checked at the end, when all are known: an agent may name a queue that stands below him.

use crate::config::Outside;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::fault::Warning;
use crate::config::gaps;
use crate::config::phone::PhoneRange;
use crate::config::suggest::nearest;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// A text and its place.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) at: Place,
    pub(crate) text: String,
}

/// What has ids.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noun {
    Queue,
    Phone,
    Trunk,
    Agent,
    Campaign,
    Group,
    Menu,
    PauseReason,
    PauseCode,
    Disposition,
    ApiKey,
}

impl Noun {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Phone => "phone",
            Self::Trunk => "trunk",
            Self::Agent => "agent",
            Self::Campaign => "campaign",
            Self::Group => "group",
            Self::Menu => "menu",
            Self::PauseReason => "pause reason",
            Self::PauseCode => "pause code",
            Self::Disposition => "disposition",
            Self::ApiKey => "API key",
        }
    }
}

/// An address to listen at.
pub(crate) struct Listener {
    pub(crate) at: Place,
    pub(crate) address: SocketAddr,
    /// UDP or TCP: the two have ports of their own.
    pub(crate) is_udp: bool,
    pub(crate) key: &'static str,
}

/// The collection.
pub(crate) struct Context<'a> {
    pub(crate) outside: &'a Outside<'a>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) listeners: Vec<Listener>,
    names: BTreeMap<(Noun, String), Place>,
    references: Vec<(Noun, Spot)>,
    numbers: BTreeMap<String, (Place, String)>,
    ranges: Vec<(Spot, PhoneRange)>,
    desks: BTreeMap<String, (Place, String)>,
    sources: BTreeMap<String, (Place, String)>,
    inbound: BTreeMap<(String, String), Place>,
    gaps_said: BTreeSet<String>,
    #[cfg(test)]
    pub(crate) keys_read: BTreeSet<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(outside: &'a Outside<'a>) -> Self {
        Self {
            outside,
            faults: Vec::new(),
            warnings: Vec::new(),
            listeners: Vec::new(),
            names: BTreeMap::new(),
            references: Vec::new(),
            numbers: BTreeMap::new(),
            ranges: Vec::new(),
            desks: BTreeMap::new(),
            sources: BTreeMap::new(),
            inbound: BTreeMap::new(),
            gaps_said: BTreeSet::new(),
            #[cfg(test)]
            keys_read: BTreeSet::new(),
        }
    }

    /// A fault at a place.
    pub(crate) fn fault(&mut self, at: &Place, what: impl Into<String>) {
        self.faults.push(Fault { at: at.clone(), what: what.into(), suggestion: None });
    }

    /// Something allowed that is probably not meant.
    pub(crate) fn doubt(&mut self, at: &Place, what: impl Into<String>) {
        self.warnings.push(Warning::Doubtful { at: at.clone(), what: what.into() });
    }

    /// Warns, once for each, when a key or value is not built.
    pub(crate) fn note_gap(&mut self, key: &str, value: Option<&str>, at: &Place) {
        let Some(gap) = gaps::find(key, value) else { return };
        let said = match value {
            Some(value) => format!("{key} = {value}"),
            None => key.to_string(),
        };
        if self.gaps_said.insert(said.clone()) {
            self.warnings.push(Warning::NotBuilt { at: at.clone(), key: said, instead: gap.instead });
        }
    }

    /// An id that comes into being.
    pub(crate) fn define(&mut self, noun: Noun, id: &Spot) {
        if let Some(first) = self.names.get(&(noun, id.text.clone())) {
            let what = format!("{} `{}` is there twice, first at {first}", noun.as_str(), id.text);
            self.fault(&id.at, what);
            return;
        }
        self.names.insert((noun, id.text.clone()), id.at.clone());
    }

    /// An id that must exist when all is read.
    pub(crate) fn refer(&mut self, noun: Noun, id: &Spot) {
        self.references.push((noun, id.clone()));
    }

    /// A number that can be dialled. Phones are known by it, so it is also their id.
    pub(crate) fn take_number(&mut self, number: &Spot, owner: String) {
        if let Some((first, by)) = self.numbers.get(&number.text) {
            let what = format!("number `{}` is taken twice, first by {by} at {first}", number.text);
            self.fault(&number.at, what);
            return;
        }
        self.numbers.insert(number.text.clone(), (number.at.clone(), owner));
    }

    /// A phone's number.
    pub(crate) fn take_phone(&mut self, number: &Spot) {
        self.take_number(number, "a phone".to_string());
        self.names.entry((Noun::Phone, number.text.clone())).or_insert_with(|| number.at.clone());
    }

    /// An agent's phone: a call from it must belong to one agent only.
    pub(crate) fn take_desk(&mut self, phone: &Spot, agent: &str) {
        if let Some((first, by)) = self.desks.get(&phone.text) {
            let what = format!("phone `{}` is already agent `{by}`'s at {first}", phone.text);
            self.fault(&phone.at, what);
            return;
        }
        self.desks.insert(phone.text.clone(), (phone.at.clone(), agent.to_string()));
    }

    /// An inbound rule: the same number twice would never reach the second.
    pub(crate) fn take_inbound(&mut self, at: &Place, trunk: &str, number: &str) {
        let key = (trunk.to_string(), number.to_string());
        if let Some(first) = self.inbound.get(&key) {
            let what = format!("number `{number}` of trunk `{trunk}` is there twice, first at {first}");
            self.fault(at, what);
            return;
        }
        self.inbound.insert(key, at.clone());
    }

    /// A trunk's host: calls from there are taken as from the first trunk that names it.
    pub(crate) fn take_source(&mut self, host: &Spot, trunk: &str) {
        if let Some((first, by)) = self.sources.get(&host.text) {
            let what = format!("`{}` is also trunk `{by}`'s ({first}): calls from there are its", host.text);
            self.doubt(&host.at, what);
            return;
        }
        self.sources.insert(host.text.clone(), (host.at.clone(), trunk.to_string()));
    }

    /// Many phones' numbers.
    pub(crate) fn take_range(&mut self, numbers: Spot, range: PhoneRange) {
        self.ranges.push((numbers, range));
    }

    /// Checks what could not be checked before all was read.
    pub(crate) fn finish(&mut self) {
        self.check_ranges();
        self.check_references();
    }

    fn check_ranges(&mut self) {
        let mut faults = Vec::new();
        for (index, (spot, range)) in self.ranges.iter().enumerate() {
            let taken = self.numbers.iter().find(|(number, _)| range.contains(number));
            if let Some((number, (first, by))) = taken {
                faults.push((
                    spot.at.clone(),
                    format!("range `{}` covers number `{number}` of {by} at {first}", spot.text),
                ));
            }
            let before = self.ranges.get(..index).unwrap_or(&[]);
            if let Some((other, _)) = before.iter().find(|(_, other)| range.overlaps(other)) {
                faults.push((
                    spot.at.clone(),
                    format!("range `{}` overlaps range `{}` at {}", spot.text, other.text, other.at),
                ));
            }
        }
        for (at, what) in faults {
            self.fault(&at, what);
        }
    }

    fn check_references(&mut self) {
        for (noun, spot) in std::mem::take(&mut self.references) {
            let known = self.names.contains_key(&(noun, spot.text.clone()))
                || (noun == Noun::Phone && self.ranges.iter().any(|(_, range)| range.contains(&spot.text)));
            if known {
                continue;
            }
            let others = self.names.keys().filter(|(other, _)| *other == noun).map(|(_, id)| id.as_str());
            let suggestion = nearest(&spot.text, others);
            let what = format!("there is no {} `{}`", noun.as_str(), spot.text);
            self.faults.push(Fault { at: spot.at, what, suggestion });
        }
    }
}
