//! The configuration: TOML files, the environment over them, and one typed [`Config`] or a list of all faults.
//!
//! Nothing here acts: sockets, files of prompts and certificates are opened by those who use them. Keys, ranges
//! and defaults are in `keys.rs`, what is not built yet in `gaps.rs`; each section has a file of its own.

mod agent;
mod api_key;
mod campaign;
mod check;
mod context;
mod country;
mod emergency;
mod fault;
mod features;
mod gaps;
mod group;
mod hours;
mod http;
mod inbound;
mod keys;
mod labels;
mod load;
mod media;
mod menu;
mod network;
mod parking;
mod pattern;
mod phone;
mod phone_features;
mod queue;
mod read_nested;
mod read_plain;
mod reader;
mod route;
mod schema;
mod secret;
mod security;
mod security_keys;
mod sip;
mod srtp;
mod store;
mod subscriptions;
mod suggest;
mod target;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod trunk;
mod trunk_keys;
mod words;

pub use agent::Agent;
pub use agent::InitialStatus;
pub use agent::Membership;
pub use agent::Role;
pub use api_key::ApiKey;
pub use api_key::Scope;
pub use campaign::Campaign;
pub use campaign::Mode;
pub use country::Country;
pub use emergency::Emergency;
pub use fault::Fault;
pub use fault::Place;
pub use fault::Warning;
pub use features::CodeProfile;
pub use features::FeatureCode;
pub use features::Features;
pub use group::Group;
pub use group::GroupStrategy;
pub use hours::HoursRule;
pub use hours::OpenHours;
pub use http::Http;
pub use http::Tls;
pub use inbound::Inbound;
pub use labels::Disposition;
pub use labels::Dispositions;
pub use labels::Localized;
pub use labels::PauseReason;
pub use load::Loaded;
pub use load::Outside;
pub use load::Source;
pub use load::load;
pub use load::parse;
pub use load::parse_sources;
pub use load::report;
pub use media::Codec;
pub use media::Media;
pub use media::Sockets;
pub use media::Tones;
pub use menu::Menu;
pub use network::Host;
pub use network::Network;
pub use network::PortRange;
pub use parking::Parking;
pub use pattern::Part;
pub use pattern::Pattern;
pub use pattern::Template;
pub use pattern::Token;
pub use phone::Phone;
pub use phone::PhoneRange;
pub use phone_features::DeviceProfile;
pub use phone_features::Forwarding;
pub use phone_features::PhoneFeatures;
pub use queue::Announce;
pub use queue::Callback;
pub use queue::Overflow;
pub use queue::OverflowReason;
pub use queue::Queue;
pub use queue::Recording;
pub use queue::RecordingMode;
pub use queue::Strategy;
pub use queue::TimeZone;
pub use route::Route;
pub use schema::reference;
pub use secret::PhoneSecret;
pub use secret::Secret;
pub use security::Access;
pub use security::Permission;
pub use security::PhoneLimits;
pub use security::Security;
pub use sip::Sip;
pub use srtp::Srtp;
pub use store::Language;
pub use store::Limits;
pub use store::Sounds;
pub use store::Store;
pub use store::StoreUrl;
pub use subscriptions::Subscriptions;
pub use target::Scheme;
pub use target::Target;
pub use trace::Trace;
pub use trunk::Credentials;
pub use trunk::Identity;
pub use trunk::Kind;
pub use trunk::Notation;
pub use trunk::NumberFormat;
pub use trunk::Transport;
pub use trunk::Trunk;

use crate::ids::AgentId;
use crate::ids::GroupId;
use crate::ids::MenuId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::TrunkId;
use std::collections::BTreeMap;

/// The whole configuration, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where SIP is spoken, and as whom.
    pub sip: Sip,
    /// The certificate, when there is one.
    pub tls: Option<Tls>,
    /// RTP.
    pub media: Media,
    /// The API, the metrics and the web page.
    pub http: Http,
    /// Where facts are kept.
    pub store: Store,
    /// Prompts and music.
    pub sounds: Sounds,
    /// Protection against overload and floods.
    pub limits: Limits,
    /// Wrong passwords, and what phones may spend.
    pub security: Security,
    /// The trace of SIP messages.
    pub trace: Trace,
    /// Keys to the HTTP API, in order.
    pub api_keys: Vec<ApiKey>,
    /// Single phones by number; [`Config::phone`] knows the ranges too.
    pub phones: BTreeMap<PhoneNumber, Phone>,
    /// Ranges of phones; none overlaps another or a single number.
    pub phone_ranges: Vec<PhoneRange>,
    /// Agents, in order.
    pub agents: Vec<Agent>,
    /// Reasons for a pause, in order.
    pub pause_reasons: Vec<PauseReason>,
    /// How calls may be concluded.
    pub dispositions: Dispositions,
    /// Parking slots, when there are any.
    pub parking: Option<Parking>,
    /// Codes that phones dial, and what goes with them.
    pub features: Features,
    /// Ring groups, in order.
    pub groups: Vec<Group>,
    /// Menus, in order.
    pub menus: Vec<Menu>,
    /// Queues, in order.
    pub queues: Vec<Queue>,
    /// Trunks, in order.
    pub trunks: Vec<Trunk>,
    /// Outbound routes: the first match wins.
    pub routes: Vec<Route>,
    /// Inbound rules: the first match wins.
    pub inbound: Vec<Inbound>,
    /// Campaigns, in order.
    pub campaigns: Vec<Campaign>,
    /// Numbers that pass every limit.
    pub emergency: Emergency,
}

impl Config {
    /// The phone of that number, from the single ones or a range.
    pub fn phone(&self, number: &str) -> Option<Phone> {
        if let Some(phone) = self.phones.get(&PhoneNumber::new(number)) {
            return Some(phone.clone());
        }
        self.phone_ranges.iter().find(|range| range.contains(number)).map(|range| range.phone(number))
    }

    /// The agent of that id.
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == *id)
    }

    /// The agent whose phone has that number; a phone has at most one.
    pub fn agent_of_phone(&self, number: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.phone.as_ref().is_some_and(|phone| phone.as_str() == number))
    }

    /// The queue of that id.
    pub fn queue(&self, id: &QueueId) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == *id)
    }

    /// The ring group of that id.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == *id)
    }

    /// The menu of that id.
    pub fn menu(&self, id: &MenuId) -> Option<&Menu> {
        self.menus.iter().find(|menu| menu.id == *id)
    }

    /// The trunk of that id.
    pub fn trunk(&self, id: &TrunkId) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.id == *id)
    }
}
