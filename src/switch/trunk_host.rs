//! A configured host of a trunk and its addresses: there at once, or resolved ahead and again before they grow old.
//!
//! Nothing on a call's way waits for this. While the DNS is silent or empty, what was known before still holds.

use crate::clock::Instant;
use crate::config;
use crate::ids::Random;
use crate::sip::endpoint::Transport;
use crate::switch::trunks::Trunk;
use crate::trunk::Answer;
use crate::trunk::Candidate;
use crate::trunk::Lookup;
use crate::trunk::Place;
use crate::trunk::Question;
use std::time::Duration;

/// Records that hold for less are asked for no more often, those that hold for longer no less.
const TTL_MIN: Duration = Duration::from_secs(10);
const TTL_MAX: Duration = Duration::from_secs(3600);
/// Until a look-up that found nothing, or got no answer, is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// What a host is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Use {
    Calls,
    Registrar,
}

/// A host.
#[derive(Debug)]
pub(crate) struct TrunkHost {
    purpose: Use,
    /// Its place among those of its use.
    rank: usize,
    name: Option<(String, Option<u16>)>,
    transport: Transport,
    transport_is_given: bool,
    lookup: Option<Lookup>,
    due: Option<Instant>,
    candidates: Vec<Candidate>,
}

impl TrunkHost {
    /// The hosts of a trunk.
    pub(crate) fn all(config: &config::Trunk) -> Vec<Self> {
        let mut hosts = Vec::new();
        // Where only a registrar is named, calls go there.
        let calls: Vec<&config::Host> = match config.hosts.is_empty() {
            true => config.registrar.iter().collect(),
            false => config.hosts.iter().collect(),
        };
        let calls = calls.into_iter().enumerate().map(|(rank, host)| (Use::Calls, rank, host));
        let registers = config.kind == config::Kind::Register;
        let registrar = config.registrar.iter().filter(|_| registers).map(|host| (Use::Registrar, 0, host));
        for (purpose, rank, host) in calls.chain(registrar) {
            hosts.push(Self::new(config, purpose, rank, host));
        }
        hosts
    }

    fn new(config: &config::Trunk, purpose: Use, rank: usize, host: &config::Host) -> Self {
        let transport = match config.transport {
            config::Transport::Udp => Transport::Udp,
            config::Transport::Tcp => Transport::Tcp,
            config::Transport::Tls => Transport::Tls,
        };
        let (name, candidates) = match host {
            config::Host::Address(address) => {
                let place = Place { transport, address: *address };
                let priority = (rank, 0);
                (None, vec![Candidate { place, host: address.to_string(), priority, weight: 0 }])
            }
            config::Host::Name { name, port } => (Some((name.clone(), *port)), Vec::new()),
        };
        Self {
            purpose,
            rank,
            due: name.is_some().then(Instant::default),
            name,
            transport,
            transport_is_given: config.transport_is_given,
            lookup: None,
            candidates,
        }
    }

    /// When it is to be looked up.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Begins a look-up that is due; one that got no answer at all is begun anew.
    pub(crate) fn timeout(&mut self, now: Instant, bound: &[Transport], out: &mut Vec<Question>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let Some((name, port)) = &self.name else { return };
        let choice = if self.transport_is_given { &[][..] } else { bound };
        self.lookup = Some(Lookup::start(name, *port, self.transport, choice, self.rank, out));
        self.due = Some(now + AGAIN);
    }

    /// An answer of the DNS; true when the addresses have changed.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        question: &Question,
        answer: &Answer,
        out: &mut Vec<Question>,
    ) -> bool {
        let Some(found) = self.lookup.as_mut().and_then(|lookup| lookup.answer(question, answer, out)) else {
            return false;
        };
        self.lookup = None;
        match found.candidates.filter(|candidates| !candidates.is_empty()) {
            Some(candidates) => {
                self.due = Some(now + found.ttl.clamp(TTL_MIN, TTL_MAX));
                let changed = self.candidates != candidates;
                self.candidates = candidates;
                changed
            }
            None => {
                let name = self.name.as_ref().map_or("", |(name, _)| name.as_str());
                let kept = self.candidates.len();
                tracing::warn!(
                    name,
                    kept,
                    "a trunk's host can't be resolved; the addresses known before are kept"
                );
                self.due = Some(now + AGAIN);
                false
            }
        }
    }
}

impl Trunk {
    /// Brings the rosters to what the hosts have.
    pub(crate) fn gather(&mut self, now: Instant, random: &mut Random) {
        let of = |purpose: Use| -> Vec<Candidate> {
            let hosts = self.hosts.iter().filter(|host| host.purpose == purpose);
            hosts.flat_map(|host| host.candidates.iter().cloned()).collect()
        };
        let (calls, registrars) = (of(Use::Calls), of(Use::Registrar));
        self.targets.replace(now, &calls, random);
        self.registrars.replace(now, &registrars, random);
    }
}
