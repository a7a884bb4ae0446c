//! Registering: REGISTER, its challenge, its refresh, its end (RFC 3261 section 10).

use crate::clock::Instant;
use crate::sim::party::Event;
use crate::sim::party::Party;
use crate::sim::party::Purpose;
use crate::sim::party::Registration;
use crate::sim::party::Timer;
use crate::sim::party::account::Account;
use crate::sim::party::account::Stage;
use crate::sip::digest::Challenge;
use crate::sip::digest::Login;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use std::time::Duration;

/// After the first failure; doubles with each further one.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_DOUBLINGS_MAX: u32 = 5;

impl Party {
    pub(in crate::sim::party) fn start_account(&mut self, now: Instant, registration: Registration) {
        let label = registration.label;
        let account = Account {
            registration,
            stage: Stage::Resting,
            call_id: self.endpoint.tag(),
            tag: self.endpoint.tag(),
            cseq: 0,
            began: now,
            wanted: true,
            failures: 0,
            next: None,
        };
        self.accounts.insert(label, account);
        self.register(now, label);
    }

    pub(in crate::sim::party) fn unregister(&mut self, now: Instant, label: u64) {
        let Some(account) = self.accounts.get_mut(&label) else { return };
        account.wanted = false;
        let is_free = account.stage == Stage::Resting;
        if is_free {
            self.register(now, label);
        }
    }

    /// Starts a round.
    pub(in crate::sim::party) fn register(&mut self, now: Instant, label: u64) {
        let Some(account) = self.accounts.get_mut(&label) else { return };
        if let Some(at) = account.next.take() {
            self.timers.remove(&(at, Timer::Register(label)));
        }
        account.began = now;
        account.stage = Stage::Asking { challenged: false, ending: !account.wanted };
        self.send_register(now, label, None);
    }

    fn send_register(&mut self, now: Instant, label: u64, authorization: Option<&[u8]>) {
        let branch = self.endpoint.branch();
        let Some(account) = self.accounts.get_mut(&label) else { return };
        account.cseq += 1;
        let (user, domain) = (&account.registration.user, &self.settings.domain);
        let is_end = matches!(account.stage, Stage::Asking { ending: true, .. });
        let expires = if is_end { 0 } else { account.registration.expires.as_secs() };
        let mut writer = RequestWriter::new(Method::Register, registrar(domain).as_bytes());
        writer.via(Transport::Udp.into(), &self.sent_by, branch.as_bytes(), true);
        writer.header(Name::MaxForwards, b"70");
        writer.header_fmt(Name::From, format_args!("<sip:{user}@{domain}>;tag={}", account.tag));
        writer.header_fmt(Name::To, format_args!("<sip:{user}@{domain}>"));
        writer.header_fmt(Name::CallId, format_args!("{}@{}", account.call_id, self.settings.sip.ip()));
        writer.cseq(account.cseq, Method::Register);
        writer.header_fmt(Name::Contact, format_args!("<sip:{user}@{}>", self.settings.sip));
        writer.header_fmt(Name::Expires, format_args!("{expires}"));
        if let Some(value) = authorization {
            writer.header(Name::Authorization, value);
        }
        let bytes = writer.finish();
        let flow = self.flow(self.settings.server);
        let user = Purpose::Register(label).to_user();
        self.endpoint.request(now, flow, bytes, user, &mut self.effects);
    }

    pub(in crate::sim::party) fn register_response(&mut self, now: Instant, label: u64, response: &Message) {
        let code = response.status().unwrap_or(0);
        match code {
            0..=199 => {}
            200..=299 => self.registered(now, label, response),
            401 => self.answer_register_challenge(now, label, response),
            423 => {
                // RFC 3261 section 10.2.8: not below what the registrar takes.
                let least =
                    response.header(Name::MinExpires).and_then(|value| std::str::from_utf8(value).ok());
                let least = least.and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
                if let (Some(account), Some(least)) = (self.accounts.get_mut(&label), least) {
                    account.registration.expires = account.registration.expires.max(least);
                }
                self.register_failed(now, label, code);
            }
            _ => self.register_failed(now, label, code),
        }
    }

    fn answer_register_challenge(&mut self, now: Instant, label: u64, response: &Message) {
        let value = self.accounts.get_mut(&label).and_then(|account| {
            let challenge = Challenge::topmost(response, Name::WwwAuthenticate)?;
            let Stage::Asking { challenged, ending } = account.stage else { return None };
            if challenged && !challenge.is_stale {
                return None;
            }
            account.stage = Stage::Asking { challenged: true, ending };
            let login = Login::with_password(&account.registration.user, &account.registration.password);
            let uri = registrar(&self.settings.domain);
            login.answer(&challenge, Method::Register, uri.as_bytes(), 1, &mut self.random)
        });
        match value {
            Some(value) => self.send_register(now, label, Some(&value)),
            None => self.register_failed(now, label, 401),
        }
    }

    fn registered(&mut self, now: Instant, label: u64, response: &Message) {
        let Some(account) = self.accounts.get_mut(&label) else { return };
        let ending = matches!(account.stage, Stage::Asking { ending: true, .. });
        account.stage = Stage::Resting;
        account.failures = 0;
        if ending {
            self.accounts.remove(&label);
            self.events.push(Event::Unregistered { label });
            return;
        }
        if !account.wanted {
            // The end was wanted while this answer was on its way.
            self.register(now, label);
            return;
        }
        let granted =
            granted(response, &self.settings.sip.to_string()).unwrap_or(account.registration.expires);
        self.events.push(Event::Registered { label, took: now.since(account.began) });
        if account.registration.keep {
            // Well before the end, with room for a retransmission or two.
            let at = now + granted.mul_f64(0.8);
            self.wake(label, at);
        }
    }

    pub(in crate::sim::party) fn register_failed(&mut self, now: Instant, label: u64, code: u16) {
        let Some(account) = self.accounts.get_mut(&label) else { return };
        account.stage = Stage::Resting;
        let keep = account.registration.keep && account.wanted;
        let wait = RETRY * (1 << account.failures.min(RETRY_DOUBLINGS_MAX));
        account.failures += 1;
        self.events.push(Event::RegistrationFailed { label, code });
        if keep {
            self.wake(label, now + wait);
        } else {
            self.accounts.remove(&label);
        }
    }

    fn wake(&mut self, label: u64, at: Instant) {
        if let Some(account) = self.accounts.get_mut(&label) {
            account.next = Some(at);
            self.timers.insert((at, Timer::Register(label)));
        }
    }
}

fn registrar(domain: &str) -> String {
    format!("sip:{domain}")
}

/// What the registrar granted us: the `expires` of our Contact among those of other phones, else the header.
fn granted(response: &Message, ours: &str) -> Option<Duration> {
    let mut contacts = response.contacts().filter_map(|contact| contact.ok()?.address());
    let mine = contacts.find(|contact| memchr::memmem::find(contact.uri.raw, ours.as_bytes()).is_some());
    let seconds = mine.and_then(|contact| contact.expires()).or(response.expires().ok().flatten());
    seconds.map(|seconds| Duration::from_secs(seconds.into()))
}
