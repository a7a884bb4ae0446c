//! Who sends a request, as far as it must be shown: digest authentication with its limits.
//!
//! Users that don't exist get the same messages for the same work as those that do. Not the arithmetic (`sip::digest`),
//! not the memory of failures (`guard`).

use crate::clock::Instant;
use crate::clock::Now;
use crate::config::Phone;
use crate::ids::PhoneNumber;
use crate::sip::digest::Credentials;
use crate::sip::digest::Ha1;
use crate::sip::digest::Reader;
use crate::sip::digest::Verdict;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::guard::Blocked;
use crate::switch::guard::network_of;
use crate::switch::view::AlarmView;
use crate::switch::write;
use std::net::IpAddr;

/// A request whose sender is not known yet, or is since it was authenticated.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) tx: ServerTx,
    pub(crate) flow: Flow,
    /// Whether the sender has shown who he is.
    pub(crate) vouched: bool,
}

/// What is signed into a nonce: the network that it is given to.
pub(crate) fn client_of(source: IpAddr) -> [u8; 16] {
    match network_of(source) {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

impl Core {
    /// The phone that the request's credentials prove, or `None` after a challenge or refusal was sent.
    pub(crate) fn authenticate(&mut self, now: Now, tx: ServerTx, message: &Message) -> Option<PhoneNumber> {
        let source = self.asking.filter(|asking| asking.tx == tx).map(|asking| asking.flow.remote.ip())?;
        let Some(said) = Credentials::find(message, Name::Authorization, self.realm.name().as_bytes()) else {
            self.challenge(now, tx, message, source, false);
            return None;
        };
        let claimed = write::text(&said.user);
        let is_registered = self.is_registered_from(now, &claimed, source);
        if let Some(until) = self.guard.blocked_until(now.instant, &said.user, source, is_registered) {
            self.metrics.sip_auth_failure("blocked");
            self.refuse_for_now(now, tx, message, until);
            return None;
        }
        let (phone, ha1) = self.secret_of(&claimed, &said, source);
        let client = client_of(source);
        match self.realm.verify_from(&client, &said, ha1.as_ref(), message.method(), now.wall) {
            Verdict::Ok if self.replays.accept(now.wall, &said) => {
                self.guard.succeeded(now.instant, &said.user, source);
                if let Some(asking) = &mut self.asking {
                    asking.vouched = true;
                }
                return phone.map(|phone| phone.number);
            }
            Verdict::Ok => {
                // RFC 7616 section 3.3: a count that was used is a replay, or a phone that does not count; that one
                // answers a new nonce by itself.
                self.metrics.sip_auth_failure("replayed");
                self.challenge(now, tx, message, source, true);
            }
            Verdict::Stale => {
                self.metrics.sip_auth_failure("stale_nonce");
                self.challenge(now, tx, message, source, true);
            }
            Verdict::Wrong => {
                self.metrics.sip_auth_failure("wrong_response");
                self.failed(now, &said.user, source, is_registered);
                self.challenge(now, tx, message, source, false);
            }
            Verdict::Unproven => {
                self.metrics.sip_auth_failure("bad_nonce");
                self.challenge(now, tx, message, source, false);
            }
            Verdict::NotOurs => {
                self.metrics.sip_auth_failure("algorithm");
                self.challenge(now, tx, message, source, false);
            }
            Verdict::Malformed => {
                self.metrics.sip_auth_failure("malformed");
                self.reply(now, tx, message, 400, "Bad Authorization");
            }
        }
        None
    }

    /// The account and what its answer is compared with. A name that does not exist, a phone without a secret or one
    /// that may not come from there costs the same hashes: one here, and those of the comparison.
    fn secret_of(
        &self,
        claimed: &str,
        said: &Credentials<'_>,
        source: IpAddr,
    ) -> (Option<Phone>, Option<Ha1>) {
        let Some(algorithm) = said.algorithm() else { return (None, None) };
        let realm = self.realm.name().as_bytes();
        let phone = self.config.phone(claimed).filter(|phone| phone.limits.may_come_from(source));
        let password = phone.as_ref().and_then(|phone| write::password(&phone.secret));
        let typed = password.map_or(&self.decoy[..], str::as_bytes);
        let hashed = Ha1::of_password(algorithm, &said.user, realm, typed);
        let ha1 = match (&phone, password) {
            (Some(_), Some(_)) => Some(hashed),
            (Some(phone), None) => write::stored_ha1(&phone.secret, algorithm),
            (None, _) => None,
        };
        (phone, ha1)
    }

    fn is_registered_from(&self, now: Now, number: &str, source: IpAddr) -> bool {
        let bindings = self.registrar.bindings(number, now.instant);
        bindings.iter().any(|binding| network_of(binding.flow.remote.ip()) == network_of(source))
    }

    fn failed(&mut self, now: Now, user: &[u8], source: IpAddr, is_registered: bool) {
        let reason = match self.guard.failed(now.instant, user, source, is_registered) {
            Blocked::Nobody => return,
            Blocked::Pair => "account_from_source",
            Blocked::Source => "source",
            Blocked::Account => "account",
        };
        self.metrics.auth_block(reason);
        tracing::warn!(reason, "passwords were guessed at: blocked for a while");
        self.alarm(now, AlarmView::new("auth_blocked", reason, &write::text(user), Some(source)));
    }

    /// 503 with the time after which it is worth trying: phones understand it, and it says nothing of the account.
    fn refuse_for_now(&mut self, now: Now, tx: ServerTx, message: &Message, until: Instant) {
        let seconds = until.since(now.instant).as_secs().max(1);
        self.reply_with(now, tx, message, 503, "Service Unavailable", |response| {
            response.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
        });
    }

    /// RFC 3261 section 22.2: 401 with a challenge for each algorithm, the strongest first (RFC 8760 section 2.4) but for
    /// clients that would not find one they know.
    pub(crate) fn challenge(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        source: IpAddr,
        stale: bool,
    ) {
        let lines = self.realm.challenges_to(&client_of(source), now.wall, stale, &mut self.random);
        let lines = Reader::of(message.header(Name::UserAgent)).choose(lines);
        self.reply_with(now, tx, message, 401, "Unauthorized", |response| {
            for line in &lines {
                response.header(Name::WwwAuthenticate, line);
            }
        });
    }
}

#[cfg(test)]
#[path = "authenticate_tests.rs"]
mod tests;
