//! What makes a simulated phone a carrier: it is a registrar, asks for credentials, answers OPTIONS as told, and refuses
//! or ignores calls.

use super::exchange::wall;
use super::phone::Phone;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sip::digest::{Algorithm, Credentials, Ha1, Realm, Verdict};
use strowger::sip::endpoint::ServerTx;
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};

/// How a carrier behaves.
pub struct Carrier {
    /// The status of OPTIONS; `None` is silence.
    pub options: Option<u16>,
    /// INVITEs get no answer at all.
    pub silent: bool,
    /// INVITEs get this final answer without anything before it, and its Retry-After.
    pub at_once: Option<(u16, Option<u32>)>,
    /// Answers the silent INVITEs that came, as a machine that hung would: by `wake`.
    pub held: Vec<super::network::Packet>,
    /// Credentials are asked for with this status.
    pub asks: Option<u16>,
    pub password: String,
    pub algorithms: Vec<Algorithm>,
    realm: Option<Realm>,
    /// It is a registrar and grants so much.
    pub grants: Option<u32>,
    /// Shorter registrations get 423.
    pub least: u32,
    /// Registrations get this status.
    pub refuses: Option<u16>,
    /// Each REGISTER that was accepted: when, for how long it was asked, its contact.
    pub registered: Vec<(Instant, u32, String)>,
    /// The statuses given to REGISTER.
    pub told: Vec<(Instant, u16)>,
    /// The nonce counts seen.
    pub counts: Vec<u32>,
    pub service_route: Option<String>,
    /// Every request that came, first line and all.
    pub requests: Vec<Message>,
}

impl Default for Carrier {
    fn default() -> Self {
        Self {
            options: Some(200),
            silent: false,
            at_once: None,
            held: Vec::new(),
            asks: None,
            password: "carrier-secret".to_owned(),
            algorithms: vec![Algorithm::Md5],
            realm: None,
            grants: None,
            least: 0,
            refuses: None,
            registered: Vec::new(),
            told: Vec::new(),
            counts: Vec::new(),
            service_route: None,
            requests: Vec::new(),
        }
    }
}

impl Phone {
    /// All nonces given out so far are old from now on, as after a restart.
    pub fn forget_nonces(&mut self) {
        self.carrier.realm = None;
    }

    fn realm(&mut self) -> Realm {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.random.next_u64().to_ne_bytes());
        let algorithms = self.carrier.algorithms.clone();
        let new = || Realm::new("carrier.example", key, &algorithms, Duration::from_secs(600));
        self.carrier.realm.get_or_insert_with(new).clone()
    }

    /// Whether the credentials are right; else the challenge was sent.
    fn proves(&mut self, now: Instant, tx: ServerTx, message: &Message, status: u16) -> bool {
        let realm = self.realm();
        let (asks, gives) = match status {
            407 => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
            _ => (Name::WwwAuthenticate, Name::Authorization),
        };
        let said = Credentials::find(message, gives, realm.name().as_bytes());
        let verdict = said.as_ref().map(|said| {
            let algorithm = said.algorithm().unwrap_or(Algorithm::Md5);
            let password = self.carrier.password.as_bytes();
            let ha1 = Ha1::of_password(algorithm, &said.user, realm.name().as_bytes(), password);
            realm.verify(said, Some(&ha1), message.method(), wall(now))
        });
        if let Some(count) = said.as_ref().and_then(Credentials::nonce_count) {
            self.carrier.counts.push(count);
        }
        if verdict == Some(Verdict::Ok) {
            return true;
        }
        let lines = realm.challenges(wall(now), verdict == Some(Verdict::Stale), &mut self.random);
        let tag = self.endpoint.tag();
        let mut response = ResponseWriter::to(message, status, "Prove It");
        response.to_tag(tag.as_bytes());
        for line in &lines {
            response.header(asks, line);
        }
        let bytes = response.finish();
        self.carrier.told.push((now, status));
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        false
    }

    /// A request outside of dialogs, as a carrier takes it; true when it is done with.
    pub(super) fn as_carrier(&mut self, now: Instant, tx: ServerTx, message: &Message) -> bool {
        self.carrier.requests.push(message.clone());
        match message.method() {
            Method::Options => {
                let status = self.carrier.options.unwrap_or(200);
                self.respond(now, tx, message, status);
                true
            }
            Method::Register if self.carrier.grants.is_some() => {
                self.enrol(now, tx, message);
                true
            }
            Method::Invite => {
                if let Some(status) = self.carrier.asks
                    && !self.proves(now, tx, message, status)
                {
                    return true;
                }
                let Some((status, after)) = self.carrier.at_once else { return false };
                let tag = self.endpoint.tag();
                let mut response = ResponseWriter::to(message, status, "No");
                response.to_tag(tag.as_bytes());
                if let Some(after) = after {
                    response.header_fmt(Name::RetryAfter, format_args!("{after}"));
                }
                let bytes = response.finish();
                self.endpoint.respond(now, tx, bytes, &mut self.effects);
                true
            }
            _ => false,
        }
    }

    fn enrol(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let asked = message.expires().ok().flatten().unwrap_or(0);
        if let Some(status) = self.carrier.refuses {
            self.carrier.told.push((now, status));
            return self.respond(now, tx, message, status);
        }
        if !self.proves(now, tx, message, 401) {
            return;
        }
        if asked > 0 && asked < self.carrier.least {
            let least = self.carrier.least;
            self.carrier.told.push((now, 423));
            let bytes = ResponseWriter::to(message, 423, "Interval Too Brief")
                .to_tag(b"r")
                .header_fmt(Name::MinExpires, format_args!("{least}"))
                .finish();
            return self.endpoint.respond(now, tx, bytes, &mut self.effects);
        }
        let granted = asked.min(self.carrier.grants.unwrap_or(0));
        let contact = message.header(Name::Contact).unwrap_or_default();
        let contact = String::from_utf8_lossy(contact).into_owned();
        let mut response = ResponseWriter::to(message, 200, "OK");
        response.to_tag(b"r");
        if granted > 0 {
            response.header_fmt(Name::Contact, format_args!("{contact};expires={granted}"));
        }
        if let Some(route) = &self.carrier.service_route {
            response.header(Name::ServiceRoute, route.as_bytes());
        }
        let bytes = response.finish();
        self.carrier.told.push((now, 200));
        self.carrier.registered.push((now, asked, contact));
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }
}
