//! The plan itself: the numbers, routes and inbound rules of one configuration, and the decisions on them.

use crate::config::Config;
use crate::config::Emergency;
use crate::config::FeatureCode;
use crate::config::Inbound;
use crate::config::Parking;
use crate::config::PhoneRange;
use crate::config::Recording;
use crate::config::Route;
use crate::config::Scheme;
use crate::config::Target;
use crate::dialplan::Captures;
use crate::dialplan::Codes;
use crate::dialplan::Destination;
use crate::dialplan::Feature;
use crate::dialplan::Reach;
use crate::dialplan::captures;
use crate::dialplan::codes;
use crate::dialplan::fill;
use crate::ids::GroupId;
use crate::ids::MenuId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::TrunkId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The class of music that the music code plays.
const MUSIC: &str = "default";

/// The dial plan of one configuration.
#[derive(Clone, Debug)]
pub struct Dialplan {
    phones: BTreeSet<PhoneNumber>,
    ranges: Vec<PhoneRange>,
    parking: Option<Parking>,
    queues: BTreeSet<QueueId>,
    queue_numbers: BTreeMap<String, QueueId>,
    groups: BTreeSet<GroupId>,
    group_numbers: BTreeMap<String, GroupId>,
    menus: BTreeSet<MenuId>,
    menu_numbers: BTreeMap<String, MenuId>,
    codes: Codes,
    reach: Reach,
    trunks: BTreeSet<TrunkId>,
    routes: Vec<Route>,
    inbound: BTreeMap<TrunkId, Vec<Inbound>>,
    emergency: Emergency,
}

impl From<&Config> for Dialplan {
    fn from(config: &Config) -> Self {
        let mut inbound: BTreeMap<TrunkId, Vec<Inbound>> = BTreeMap::new();
        for rule in &config.inbound {
            inbound.entry(rule.trunk.clone()).or_default().push(rule.clone());
        }
        let numbered =
            config.queues.iter().filter_map(|queue| Some((queue.number.clone()?, queue.id.clone())));
        Self {
            phones: config.phones.keys().cloned().collect(),
            ranges: config.phone_ranges.clone(),
            parking: config.parking.clone(),
            queues: config.queues.iter().map(|queue| queue.id.clone()).collect(),
            queue_numbers: numbered.collect(),
            groups: config.groups.iter().map(|group| group.id.clone()).collect(),
            group_numbers: config
                .groups
                .iter()
                .filter_map(|group| Some((group.number.clone()?, group.id.clone())))
                .collect(),
            menus: config.menus.iter().map(|menu| menu.id.clone()).collect(),
            menu_numbers: config
                .menus
                .iter()
                .filter_map(|menu| Some((menu.number.clone()?, menu.id.clone())))
                .collect(),
            codes: Codes::from(&config.features),
            reach: Reach::from(config),
            trunks: config.trunks.iter().map(|trunk| trunk.id.clone()).collect(),
            routes: config.routes.clone(),
            inbound,
            emergency: emergency(config),
        }
    }
}

/// With all trunks, in their order, where none are named.
fn emergency(config: &Config) -> Emergency {
    let mut emergency = config.emergency.clone();
    if emergency.trunks.is_empty() {
        emergency.trunks = config.trunks.iter().map(|trunk| trunk.id.clone()).collect();
    }
    emergency
}

impl Dialplan {
    /// Where a call from a trunk goes: the first rule that fits; `None` when none does (404).
    pub fn inbound(&self, trunk: &TrunkId, number: &str) -> Option<Destination> {
        self.inbound_rule(trunk, number).map(|(destination, _)| destination)
    }

    /// As [`Dialplan::inbound`], with what the rule says about recording.
    pub fn inbound_rule(&self, trunk: &TrunkId, number: &str) -> Option<(Destination, Option<Recording>)> {
        let rules = self.inbound.get(trunk)?;
        let (rule, taken) =
            rules.iter().find_map(|rule| captures(&rule.number, number).map(|taken| (rule, taken)))?;
        Some((self.resolve(&rule.to, &taken, number), rule.recording))
    }

    /// Where a number goes that one of our phones dialled: our phones first, then queues, groups, menus, feature
    /// codes, parking slots, and the first route that fits.
    ///
    /// Before all of them come emergency numbers: nothing that is configured stands in their way, and a route that makes
    /// one of what was dialled (`9.` for a line to the outside) leads to the emergency trunks too.
    pub fn from_phone(&self, number: &str) -> Destination {
        if let Some(emergency) = self.emergency(number) {
            return emergency;
        }
        let ordinary = self.ordinary(number);
        if let Destination::Trunk { number, .. } = &ordinary
            && let Some(emergency) = self.emergency(number)
        {
            return emergency;
        }
        ordinary
    }

    /// Whether it is an emergency number: no limit, hour or barring may keep it from being dialled, and nothing but a
    /// person may dial it.
    pub fn is_emergency(&self, number: &str) -> bool {
        self.emergency.has(number)
    }

    /// The number to show on an emergency call instead of the phone's own, and the phones' place (RFC 6442).
    pub fn emergency_identity(&self) -> (Option<&str>, Option<&str>) {
        (self.emergency.caller_id.as_deref(), self.emergency.location.as_deref())
    }

    fn emergency(&self, number: &str) -> Option<Destination> {
        let trunks = self.emergency.trunks.clone();
        self.is_emergency(number).then(|| Destination::Trunk { trunks, number: number.to_string() })
    }

    fn ordinary(&self, number: &str) -> Destination {
        if let Some(own) = self.own_number(number) {
            return own;
        }
        if let Some(feature) = self.codes.read(number) {
            return self.feature_destination(feature);
        }
        if self.parking.as_ref().is_some_and(|parking| parking.has_slot(number)) {
            return Destination::NotBuilt { what: format!("parking slot {number}") };
        }
        let fits = |route: &'_ Route| {
            let taken = captures(&route.pattern, number)?;
            let rewritten = route.rewrite.as_ref().map(|rewrite| fill(rewrite, &taken));
            let number = rewritten.unwrap_or_else(|| number.to_string());
            Some(Destination::Trunk { trunks: route.trunks.clone(), number })
        };
        self.routes.iter().find_map(fits).unwrap_or(Destination::NotFound)
    }

    /// Where a number of ours leads: a phone's, a queue's, a group's or a menu's. What a menu lets its callers dial.
    pub fn own_number(&self, number: &str) -> Option<Destination> {
        if let Some(phone) = self.phone(number) {
            return Some(Destination::Phone(phone));
        }
        if let Some(queue) = self.queue_numbers.get(number) {
            return Some(Destination::Queue(queue.clone()));
        }
        if let Some(group) = self.group_numbers.get(number) {
            return Some(Destination::Group(group.clone()));
        }
        self.menu_numbers.get(number).map(|menu| Destination::Menu(menu.clone()))
    }

    /// The number as a feature code, whatever else it may be: what a lamp is asked for by.
    pub fn code(&self, number: &str) -> Option<Feature> {
        self.codes.read(number)
    }

    /// The code of an action.
    pub fn code_of(&self, action: FeatureCode) -> Option<&str> {
        self.codes.all().find(|(_, code)| *code == action).map(|(text, _)| text)
    }

    /// The shape of our own numbers.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Where a destination of the configuration leads outside of any pattern: an overflow, a fallback.
    /// `number` is the called number, which a `trunk:` without one of its own sends on.
    pub fn target(&self, target: &Target, number: &str) -> Destination {
        self.resolve(target, &Captures::default(), number)
    }

    /// Whether the number is a phone's of ours.
    pub fn is_phone(&self, number: &str) -> bool {
        self.phone(number).is_some()
    }

    fn phone(&self, number: &str) -> Option<PhoneNumber> {
        let phone = PhoneNumber::new(number);
        let known = self.phones.contains(&phone) || self.ranges.iter().any(|range| range.contains(number));
        known.then_some(phone)
    }

    fn resolve(&self, target: &Target, taken: &Captures<'_>, number: &str) -> Destination {
        let name = target.name.as_ref().map(|template| fill(template, taken));
        if !target.scheme.is_built() {
            let scheme = target.scheme.as_str();
            let what = name.map_or_else(|| scheme.to_string(), |name| format!("{scheme}:{name}"));
            return Destination::NotBuilt { what };
        }
        let name = name.unwrap_or_default();
        match target.scheme {
            Scheme::Phone => self.phone(&name).map_or(Destination::NotFound, Destination::Phone),
            Scheme::Queue => {
                let queue = QueueId::new(&name);
                let known = self.queues.contains(&queue);
                if known { Destination::Queue(queue) } else { Destination::NotFound }
            }
            Scheme::Trunk => {
                let trunk = TrunkId::new(&name);
                if !self.trunks.contains(&trunk) {
                    return Destination::NotFound;
                }
                let own = target.number.as_ref().map(|template| fill(template, taken));
                let number = own.unwrap_or_else(|| number.to_string());
                Destination::Trunk { trunks: vec![trunk], number }
            }
            Scheme::Music => Destination::Music(name),
            Scheme::Group => {
                let group = GroupId::new(&name);
                let known = self.groups.contains(&group);
                if known { Destination::Group(group) } else { Destination::NotFound }
            }
            Scheme::Menu => {
                let menu = MenuId::new(&name);
                let known = self.menus.contains(&menu);
                if known { Destination::Menu(menu) } else { Destination::NotFound }
            }
            Scheme::Conference => Destination::Conference(name),
            Scheme::Voicemail | Scheme::Park => {
                Destination::NotBuilt { what: format!("{}:{name}", target.scheme.as_str()) }
            }
        }
    }

    /// A code as a destination: hold music and pickups are destinations of their own, and what is not built is 501.
    fn feature_destination(&self, feature: Feature) -> Destination {
        if !codes::is_built(feature.code) {
            return Destination::NotBuilt { what: format!("feature code {}", feature.code.as_str()) };
        }
        if feature.code == FeatureCode::Music {
            return Destination::Music(MUSIC.to_owned());
        }
        if feature.code == FeatureCode::Pickup {
            return Destination::PickupGroup;
        }
        if feature.code == FeatureCode::PickupDirected {
            let phone = self.phone(&feature.argument);
            return phone.map_or(Destination::NotFound, Destination::PickupDirected);
        }
        Destination::Feature(feature)
    }
}
