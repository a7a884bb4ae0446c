//! Finding a server by its name: RFC 3263 section 4, one name a machine.
//!
//! ```text
//!   name, no port, transport free ── NAPTR ──► SRV of its replacement ──┐
//!   name, no port ───────────────────────────► SRV _sip._udp.name ──────┼─► A and AAAA of each target
//!   name and port ──────────────────────────────────────────────────────┘   (no SRV: of the name itself)
//! ```
//! It asks [`Question`]s and is told [`Answer`]s; who asks the DNS is not its matter.

use crate::sip::endpoint::Transport;
use crate::trunk::roster::Place;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

/// RFC 3261 section 19.1.2.
const SIP_PORT: u16 = 5060;
const SIPS_PORT: u16 = 5061;
/// SRV records of one name that are followed, and addresses that are kept: a name server must not make us grow.
const SRV_MAX: usize = 16;
const ADDRESSES_MAX: usize = 32;

/// A question to the DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// NAPTR records (RFC 3403).
    Naptr(String),
    /// SRV records (RFC 2782).
    Srv(String),
    /// A and AAAA records.
    Address(String),
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// NAPTR.
    Naptr {
        /// Lower is before higher, and must be.
        order: u16,
        /// Lower is before higher.
        preference: u16,
        /// `s` for SIP.
        flags: String,
        /// `SIP+D2U` and its like.
        services: String,
        /// The name of the SRV records.
        replacement: String,
    },
    /// SRV.
    Srv {
        /// Lower is before higher.
        priority: u16,
        /// The chance among equals.
        weight: u16,
        /// Its port.
        port: u16,
        /// Its name.
        target: String,
    },
    /// An address.
    Address(IpAddr),
}

/// Why there is no answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such name, or no record of that kind.
    Missing,
    /// The DNS does not answer.
    Unanswered,
}

/// What the DNS says: records and how long they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The records, or why there are none.
    pub records: Result<Vec<Record>, Failure>,
    /// How long they hold.
    pub ttl: Duration,
}

/// Somewhere a call could go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub place: Place,
    /// The name it was found under, for the Request-URI and the certificate; the address itself when there is none.
    pub host: String,
    /// Lower is tried first: the host's place in the configuration, then the priority of its SRV record.
    pub priority: (usize, u16),
    /// The chance among those of one priority.
    pub weight: u16,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The candidates; `None`: the DNS did not answer, and what was known before still holds.
    pub candidates: Option<Vec<Candidate>>,
    /// How long that holds.
    pub ttl: Duration,
}

/// One name being looked up.
#[derive(Clone, Debug)]
pub struct Lookup {
    name: String,
    port: Option<u16>,
    transport: Transport,
    /// The transports that may be chosen, when the configuration names none.
    choice: Vec<Transport>,
    /// The host's place in the configuration.
    rank: usize,
    open: BTreeSet<Question>,
    servers: Vec<Server>,
    candidates: Vec<Candidate>,
    ttl: Duration,
    unanswered: bool,
}

/// A target of an SRV record, or the name itself.
#[derive(Clone, Debug)]
struct Server {
    name: String,
    port: u16,
    priority: u16,
    weight: u16,
}

impl Lookup {
    /// Begins. `choice` is empty when the transport is settled.
    pub fn start(
        name: &str,
        port: Option<u16>,
        transport: Transport,
        choice: &[Transport],
        rank: usize,
        out: &mut Vec<Question>,
    ) -> Self {
        let mut lookup = Self {
            name: name.to_ascii_lowercase(),
            port,
            transport,
            choice: choice.to_vec(),
            rank,
            open: BTreeSet::new(),
            servers: Vec::new(),
            candidates: Vec::new(),
            ttl: Duration::MAX,
            unanswered: false,
        };
        match port {
            // RFC 3263 section 4.2: with a port, "the client performs an A or AAAA record lookup".
            Some(port) => lookup.ask_address(port, out),
            None if lookup.choice.is_empty() => lookup.ask_srv(out),
            None => {
                let question = Question::Naptr(lookup.name.clone());
                lookup.ask(question, out);
            }
        }
        lookup
    }

    /// An answer; `Some` when all is known. Answers to what was not asked change nothing.
    pub fn answer(&mut self, question: &Question, answer: &Answer, out: &mut Vec<Question>) -> Option<Found> {
        if !self.open.remove(question) {
            return None;
        }
        self.ttl = self.ttl.min(answer.ttl);
        self.unanswered |= answer.records == Err(Failure::Unanswered);
        let records = answer.records.as_deref().unwrap_or(&[]);
        match question {
            Question::Naptr(_) => self.naptr(records, out),
            Question::Srv(_) => self.srv(records, out),
            Question::Address(name) => self.addresses(name, records),
        }
        self.open.is_empty().then(|| self.found())
    }

    fn found(&mut self) -> Found {
        let candidates = std::mem::take(&mut self.candidates);
        // Half an answer is worse than the whole one of before.
        let keeps = self.unanswered && candidates.is_empty();
        Found { candidates: (!keeps).then_some(candidates), ttl: self.ttl }
    }

    fn ask(&mut self, question: Question, out: &mut Vec<Question>) {
        if self.open.insert(question.clone()) {
            out.push(question);
        }
    }

    /// RFC 3263 section 4.1: the first service, by order and preference, whose transport we have.
    fn naptr(&mut self, records: &[Record], out: &mut Vec<Question>) {
        let mut services: Vec<(u16, u16, Transport, &str)> =
            records.iter().filter_map(|record| self.service(record)).collect();
        services.sort();
        match services.first() {
            Some((_, _, transport, replacement)) => {
                self.transport = *transport;
                let question = Question::Srv(plain(replacement));
                self.ask(question, out);
            }
            None => self.ask_srv(out),
        }
    }

    fn service<'r>(&self, record: &'r Record) -> Option<(u16, u16, Transport, &'r str)> {
        let Record::Naptr { order, preference, flags, services, replacement } = record else { return None };
        let transport = match services.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => return None,
        };
        let fits = flags.eq_ignore_ascii_case("s") && self.choice.contains(&transport);
        fits.then_some((*order, *preference, transport, replacement.as_str()))
    }

    fn ask_srv(&mut self, out: &mut Vec<Question>) {
        let service = match self.transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp | Transport::Ws => "_sip._tcp",
            Transport::Tls | Transport::Wss => "_sips._tcp",
        };
        let question = Question::Srv(format!("{service}.{}", self.name));
        self.ask(question, out);
    }

    fn srv(&mut self, records: &[Record], out: &mut Vec<Question>) {
        for record in records.iter().take(SRV_MAX) {
            let Record::Srv { priority, weight, port, target } = record else { continue };
            let name = plain(target);
            // RFC 2782: "A Target of "." means that the service is decidedly not available at this domain."
            if name.is_empty() {
                continue;
            }
            self.servers.push(Server { name, port: *port, priority: *priority, weight: *weight });
        }
        if self.servers.is_empty() {
            // RFC 3263 section 4.2: "If no SRV records were found, the client performs an A or AAAA record lookup of
            // the domain name." A lone "." is an answer, and says no.
            if records.is_empty() {
                let port = if self.transport == Transport::Tls { SIPS_PORT } else { SIP_PORT };
                self.ask_address(port, out);
            }
            return;
        }
        let names: Vec<String> = self.servers.iter().map(|server| server.name.clone()).collect();
        for name in names {
            self.ask(Question::Address(name), out);
        }
    }

    fn ask_address(&mut self, port: u16, out: &mut Vec<Question>) {
        let name = self.name.clone();
        self.servers.push(Server { name: name.clone(), port, priority: 0, weight: 0 });
        self.ask(Question::Address(name), out);
    }

    fn addresses(&mut self, name: &str, records: &[Record]) {
        for server in self.servers.iter().filter(|server| server.name == name) {
            for record in records {
                let Record::Address(ip) = record else { continue };
                if self.candidates.len() >= ADDRESSES_MAX {
                    return;
                }
                let address = SocketAddr::new(*ip, server.port);
                self.candidates.push(Candidate {
                    place: Place { transport: self.transport, address },
                    host: match self.port {
                        Some(port) => format!("{}:{port}", self.name),
                        None => self.name.clone(),
                    },
                    priority: (self.rank, server.priority),
                    weight: server.weight,
                });
            }
        }
    }
}

/// A name of the DNS without its final dot, in lower case.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
