//! The table of trunks: who a packet's source is, how many calls each carries, what numbers it shows and reads.
//!
//! Data and look-ups only. `trunk_link` keeps the links alive, `outbound` carries calls over them.

use crate::call::LegId;
use crate::clock::Instant;
use crate::config;
use crate::config::Config;
use crate::dialplan;
use crate::ids::Random;
use crate::ids::TrunkId;
use crate::sip::digest::Client;
use crate::sip::digest::Login;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::switch::trunk_call::Attempt;
use crate::switch::trunk_call::Outbound;
use crate::switch::trunk_host::TrunkHost;
use crate::switch::trunk_link::Enrolment;
use crate::switch::view::TargetView;
use crate::switch::view::TrunkView;
use crate::switch::write;
use crate::trunk::Gate;
use crate::trunk::Place;
use crate::trunk::Registration;
use crate::trunk::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A trunk.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) config: config::Trunk,
    pub(crate) gate: Gate,
    /// Where calls go, and for a trunk by address where they come from.
    pub(crate) targets: Roster,
    /// Where we register.
    pub(crate) registrars: Roster,
    /// The configured hosts, as far as they are resolved.
    pub(crate) hosts: Vec<TrunkHost>,
    pub(crate) registration: Option<Registration>,
    pub(crate) enrolment: Enrolment,
    /// Our account, for calls.
    pub(crate) account: Option<Client>,
    /// Whether it was last shown as up.
    pub(crate) shown_up: Option<bool>,
    /// RFC 3608: the way that our calls take, as the registrar said.
    pub(crate) service_route: Vec<String>,
}

/// What a transaction of ours outside of dialogs is about.
#[derive(Debug)]
pub(crate) enum Asked {
    /// REGISTER.
    Register(TrunkId),
    /// OPTIONS to a target.
    Options(TrunkId, Place),
    /// An INVITE.
    Invite(Box<Attempt>),
}

/// What is due at a moment.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The INVITE of that leg got no answer.
    Silence(LegId),
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    pub(crate) by_id: BTreeMap<TrunkId, Trunk>,
    pub(crate) asked: BTreeMap<u64, Asked>,
    pub(crate) outbound: BTreeMap<LegId, Outbound>,
    pub(crate) due: BTreeSet<(Instant, Due)>,
    /// When a link wants its timer served.
    pub(crate) link_at: Option<Instant>,
    serial: u64,
}

/// Marks the numbers that this table gives to the endpoint's transactions, among those of `leg::Purpose` and of subscriptions.
const MARK: u64 = 1 << 62;

impl Trunk {
    fn new(config: &config::Trunk) -> Self {
        let is_register = config.kind == config::Kind::Register;
        let login = config.credentials.as_ref().and_then(|credentials| {
            let secret = credentials.secret.expose()?;
            Some(Login::with_password(&credentials.user, secret))
        });
        Self {
            gate: Gate::new(config.max_calls, config.max_calls_per_second),
            targets: Roster::new(config.options),
            registrars: Roster::new(None),
            hosts: TrunkHost::all(config),
            registration: is_register.then(|| Registration::new(config.expires)),
            enrolment: Enrolment::new(login.clone().map(Client::new)),
            account: login.map(Client::new),
            shown_up: None,
            service_route: Vec::new(),
            config: config.clone(),
        }
    }

    /// By which transport, unless NAPTR says another.
    pub(crate) fn transport(&self) -> Transport {
        transport(self.config.transport)
    }

    /// The user of our account there.
    pub(crate) fn user(&self) -> Option<&str> {
        self.config.credentials.as_ref().map(|credentials| credentials.user.as_str())
    }

    /// The host of our address there.
    pub(crate) fn domain(&self) -> Option<String> {
        let host = |host: &config::Host| match host {
            config::Host::Address(address) => address.ip().to_string(),
            config::Host::Name { name, .. } => name.clone(),
        };
        let registrar = self.config.registrar.as_ref().or(self.config.hosts.first());
        match self.config.kind {
            config::Kind::Ip => self.config.domain.clone(),
            config::Kind::Register | config::Kind::Digest => {
                self.config.domain.clone().or_else(|| registrar.map(host))
            }
        }
    }

    /// When a timer of the link is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().filter_map(TrunkHost::poll_timeout);
        let registration = self.registration.as_ref().and_then(Registration::poll_timeout);
        hosts.chain(registration).chain(self.targets.poll_timeout()).min()
    }

    /// A packet comes from there: address and port on UDP, the address alone on connections.
    fn is_source(&self, flow: &Flow) -> bool {
        let secure = self.transport() == Transport::Tls;
        self.targets.targets().iter().any(|target| {
            let address = target.candidate.place.address;
            match flow.transport {
                // A trunk over TLS is not trusted in clear text.
                Transport::Udp => !secure && address == flow.remote,
                Transport::Tcp | Transport::Ws => !secure && address.ip() == flow.remote.ip(),
                Transport::Tls | Transport::Wss => address.ip() == flow.remote.ip(),
            }
        })
    }
}

/// The configured transport.
fn transport(transport: config::Transport) -> Transport {
    match transport {
        config::Transport::Udp => Transport::Udp,
        config::Transport::Tcp => Transport::Tcp,
        config::Transport::Tls => Transport::Tls,
    }
}

impl Trunks {
    /// The configured trunks. What has an address is there at once, names come when they are resolved.
    pub(crate) fn new(config: &Config, now: Instant, random: &mut Random) -> Self {
        let mut by_id: BTreeMap<TrunkId, Trunk> =
            config.trunks.iter().map(|trunk| (trunk.id.clone(), Trunk::new(trunk))).collect();
        for trunk in by_id.values_mut() {
            trunk.gather(now, random);
        }
        let link_at = (!by_id.is_empty()).then_some(now);
        Self { by_id, link_at, ..Self::default() }
    }

    /// A number for a transaction, and what it is about.
    pub(crate) fn ask(&mut self, asked: Asked) -> (u64, u64) {
        self.serial += 1;
        self.asked.insert(self.serial, asked);
        (self.serial, self.serial | MARK)
    }

    /// The serial of a transaction's number, when it is one of these.
    pub(crate) const fn serial_of(user: u64) -> Option<u64> {
        if user & MARK == 0 { None } else { Some(user & !MARK) }
    }

    /// The trunk that a packet comes from, by its address.
    pub(crate) fn of_source(&self, flow: &Flow) -> Option<TrunkId> {
        let by_address =
            |(_, trunk): &(&TrunkId, &Trunk)| trunk.config.kind == config::Kind::Ip && trunk.is_source(flow);
        self.by_id.iter().find(by_address).map(|(id, _)| id.clone())
    }

    /// Whether that is an address of a trunk, whatever its port.
    pub(crate) fn knows(&self, source: IpAddr) -> bool {
        self.by_id.values().any(|trunk| trunk.targets.has_ip(source) || trunk.registrars.has_ip(source))
    }

    /// The trunk that an INVITE comes from: by address, or, where we register, by the carrier's address and our account
    /// in the Request-URI. `known` tells whether a number is one of a trunk's.
    pub(crate) fn of_request(
        &self,
        flow: &Flow,
        message: &Message,
        known: impl Fn(&TrunkId, &str) -> bool,
    ) -> Option<TrunkId> {
        if let Some(trunk) = self.of_source(flow) {
            return Some(trunk);
        }
        let ip = flow.remote.ip();
        let secure = matches!(flow.transport, Transport::Tls | Transport::Wss);
        let registered = || {
            self.by_id.iter().filter(|(_, trunk)| {
                trunk.registration.is_some()
                    && (secure || trunk.transport() != Transport::Tls)
                    && (trunk.targets.has_ip(ip) || trunk.registrars.has_ip(ip))
            })
        };
        let called = write::called_number(message);
        let by_account = registered().find(|(_, trunk)| trunk.user() == Some(called.as_str()));
        let by_number = || {
            registered().find(|(id, trunk)| known(id, &dialplan::to_e164(&trunk.config.notation, &called)))
        };
        by_account.or_else(by_number).map(|(id, _)| id.clone())
    }

    /// The trunk whose calls to us prove themselves with that user.
    pub(crate) fn of_user(&self, user: &str) -> Option<(&TrunkId, &Trunk)> {
        let is = |(_, trunk): &(&TrunkId, &Trunk)| {
            trunk.config.kind == config::Kind::Digest && trunk.user() == Some(user)
        };
        self.by_id.iter().find(is)
    }

    /// The number that a call from a trunk is for, in E.164 where that can be told.
    pub(crate) fn called(&self, id: &TrunkId, message: &Message) -> String {
        let called = write::called_number(message);
        let Some(trunk) = self.by_id.get(id) else { return called };
        // A registrar's carrier calls our contact, and says in To (or P-Called-Party-ID, RFC 7315) whom it means.
        let is_account = trunk.registration.is_some() && trunk.user() == Some(called.as_str());
        let called = if is_account { meant(message).unwrap_or(called) } else { called };
        dialplan::to_e164(&trunk.config.notation, &called)
    }

    /// A number that came from the trunk, in E.164 where that can be told.
    pub(crate) fn number_in(&self, id: &TrunkId, number: &str) -> String {
        let trunk = self.by_id.get(id);
        trunk.map_or_else(|| number.to_owned(), |trunk| dialplan::to_e164(&trunk.config.notation, number))
    }

    /// The number to show for a caller: his own where the trunk may show it, else the first of its list (INTEROP: only
    /// numbers on the trunk's list may be shown).
    pub(crate) fn caller_id<'a>(&'a self, id: &TrunkId, own: &'a str) -> &'a str {
        let allowed = self.by_id.get(id).map_or(&[][..], |trunk| &trunk.config.caller_ids);
        match allowed.first() {
            Some(first) if !allowed.iter().any(|number| number == own) => first,
            Some(_) | None => own,
        }
    }

    /// Whether it carries as many calls as it may.
    pub(crate) fn is_full(&self, id: &TrunkId) -> bool {
        self.by_id.get(id).is_none_or(|trunk| trunk.gate.is_full())
    }

    /// Counts a call that came in.
    pub(crate) fn call_began(&mut self, id: &TrunkId) {
        if let Some(trunk) = self.by_id.get_mut(id) {
            trunk.gate.force();
        }
    }

    /// A call on it has ended.
    pub(crate) fn call_ended(&mut self, id: &TrunkId) {
        if let Some(trunk) = self.by_id.get_mut(id) {
            trunk.gate.release();
        }
    }

    /// The leg is no more: nothing waits for its INVITE.
    pub(crate) fn forget(&mut self, leg: LegId) {
        let Some(outbound) = self.outbound.remove(&leg) else { return };
        if let Some(at) = outbound.silent_at {
            self.due.remove(&(at, Due::Silence(leg)));
        }
        self.asked.remove(&outbound.serial);
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at).into_iter().chain(self.link_at).min()
    }

    /// For the API.
    pub(crate) fn views(&self, now: Instant) -> Vec<TrunkView> {
        self.by_id.iter().map(|(id, trunk)| view(id, trunk, now)).collect()
    }
}

/// A trunk as the API shows it.
pub(crate) fn view(id: &TrunkId, trunk: &Trunk, now: Instant) -> TrunkView {
    let target = |target: &crate::trunk::Target| TargetView {
        address: format!("{}:{}", target.candidate.place.transport.word(), target.candidate.place.address),
        up: target.health.is_usable(now),
        round_trip: target.health.round_trip(),
    };
    TrunkView {
        id: id.as_str().to_owned(),
        kind: trunk.config.kind.as_str().to_owned(),
        calls: trunk.gate.calls(),
        max_calls: trunk.gate.calls_max(),
        up: trunk.targets.is_usable(now),
        registered: trunk.registration.as_ref().map(Registration::is_registered),
        targets: trunk.targets.targets().iter().map(target).collect(),
    }
}

/// Whom a call to our account is for.
fn meant(message: &Message) -> Option<String> {
    let party = message.header_by_name(b"P-Called-Party-ID").and_then(|value| {
        let address = crate::sip::msg::NameAddr::parse(value, crate::sip::msg::Name::To).ok()?;
        Some(write::text(&address.uri.user_decoded()))
    });
    let to = || message.to().ok().map(|to| write::text(&to.uri.user_decoded()));
    party.or_else(to).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunks(lines: &str) -> Trunks {
        let text = format!(
            "[sip]\ndomain = \"x.example\"\nudp = [\"127.0.0.1:5060\"]\n[[trunk]]\nid = \"t\"\n{lines}"
        );
        let config = config::parse("test", &text, &|_| None).unwrap().config;
        Trunks::new(&config, Instant::default(), &mut Random::seeded(1))
    }

    fn from(address: &str) -> Flow {
        let local = "127.0.0.1:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local, remote: address.parse().unwrap(), connection: 0 }
    }

    fn invite(uri: &str, to: &str) -> Message {
        Message::parse(format!("INVITE {uri} SIP/2.0\r\nTo: <{to}>\r\n\r\n").into()).unwrap()
    }

    #[test]
    fn only_a_trunk_by_address_is_trusted_by_its_address() {
        let by_address = trunks("kind = \"ip\"\nhosts = [\"192.0.2.1:5060\"]\n");
        assert_eq!(by_address.of_source(&from("192.0.2.1:5060")), Some(TrunkId::new("t")));
        assert_eq!(by_address.of_source(&from("192.0.2.1:5061")), None);
        let by_digest =
            trunks("kind = \"digest\"\nhosts = [\"192.0.2.1:5060\"]\nuser = \"u\"\nsecret = \"s\"\n");
        assert_eq!(by_digest.of_source(&from("192.0.2.1:5060")), None);
        assert_eq!(by_digest.views(Instant::default()).len(), 1);
        assert!(by_digest.of_user("u").is_some() && by_digest.of_user("x").is_none());
        let secure = trunks("kind = \"ip\"\ntransport = \"tls\"\nhosts = [\"192.0.2.1:5061\"]\n");
        assert_eq!(secure.of_source(&from("192.0.2.1:5061")), None);
    }

    #[test]
    fn where_we_register_the_carriers_address_and_our_account_tell_whose_call_it_is() {
        let lines = "kind = \"register\"\nhosts = [\"192.0.2.1:5060\"]\nuser = \"u\"\nsecret = \"s\"\ncountry = \"FR\"\n";
        let (trunks, id) = (trunks(lines), TrunkId::new("t"));
        let of = |source: &str, message: &Message| {
            trunks.of_request(&from(source), message, |_, number| number == "+33140000000")
        };
        let to_account = invite("sip:u@127.0.0.1", "sip:0140000001@carrier");
        assert_eq!(of("192.0.2.1:9999", &to_account), Some(id.clone()));
        assert_eq!(trunks.called(&id, &to_account), "+33140000001");
        let to_number = invite("sip:0140000000@127.0.0.1", "sip:x@carrier");
        assert_eq!(of("192.0.2.1:5060", &to_number), Some(id.clone()));
        assert_eq!(trunks.called(&id, &to_number), "+33140000000");
        assert_eq!(of("192.0.2.1:5060", &invite("sip:999@127.0.0.1", "sip:x@carrier")), None);
        assert_eq!(of("192.0.2.2:5060", &to_account), None);
    }

    #[test]
    fn a_trunk_shows_numbers_of_its_list_only() {
        let line = "kind = \"ip\"\nhosts = [\"192.0.2.1:5060\"]\ncaller_ids = [\"+33140000000\", \"+33140000001\"]\n";
        let (trunks, id) = (trunks(line), TrunkId::new("t"));
        assert_eq!(trunks.caller_id(&id, "+33140000001"), "+33140000001");
        assert_eq!(trunks.caller_id(&id, "1001"), "+33140000000");
        assert_eq!(trunks.caller_id(&TrunkId::new("other"), "1001"), "1001");
    }
}
