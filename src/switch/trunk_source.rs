//! Calls that come from trunks: which trunk it is, what number it is for, and whether one of ours calls for help.

use crate::clock::Now;
use crate::config::Credentials as Account;
use crate::ids::TrunkId;
use crate::sip::digest::Credentials;
use crate::sip::digest::Ha1;
use crate::sip::digest::Verdict;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::msg::Uri;
use crate::switch::authenticate::client_of;
use crate::switch::core::Core;
use crate::switch::invite::Source;
use crate::switch::write;

/// Where an INVITE comes from, as far as trunks are concerned.
pub(crate) enum Origin {
    /// From this trunk.
    Trunk(TrunkId),
    /// It was challenged or refused already.
    Answered,
    /// From none: a phone must prove itself.
    NoTrunk,
}

impl Core {
    /// The trunk that sends an INVITE: by its address, by its address and our account there, or by its credentials.
    pub(crate) fn trunk_of(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) -> Origin {
        let known = |trunk: &TrunkId, number: &str| self.dialplan.inbound(trunk, number).is_some();
        let by_address = self.trunks.of_request(&flow, message, known);
        if let Some(trunk) = by_address.filter(|_| !self.claims_to_be_a_phone(message, &flow)) {
            self.vouch(tx);
            return Origin::Trunk(trunk);
        }
        self.trunk_by_digest(now, tx, message, flow)
    }

    /// A trunk of kind `digest` that calls us proves itself with the trunk's own user and secret, in our realm.
    fn trunk_by_digest(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) -> Origin {
        let realm = self.realm.name().as_bytes();
        let Some(said) = Credentials::find(message, Name::Authorization, realm) else {
            return Origin::NoTrunk;
        };
        let user = write::text(&said.user);
        // A phone's name is a phone's.
        if self.dialplan.is_phone(&user) {
            return Origin::NoTrunk;
        }
        let source = flow.remote.ip();
        // Who is blocked is told so as a phone is.
        if self.guard.blocked_until(now.instant, &said.user, source, false).is_some() {
            return Origin::NoTrunk;
        }
        let Some((id, trunk)) = self.trunks.of_user(&user) else { return Origin::NoTrunk };
        let id = id.clone();
        let ha1 = trunk.config.credentials.as_ref().zip(said.algorithm()).and_then(|(account, algorithm)| {
            let Account { user, secret } = account;
            Some(Ha1::of_password(algorithm, user.as_bytes(), realm, secret.expose()?.as_bytes()))
        });
        match self.realm.verify_from(&client_of(source), &said, ha1.as_ref(), message.method(), now.wall) {
            Verdict::Ok if self.replays.accept(now.wall, &said) => {
                self.guard.succeeded(now.instant, &said.user, source);
                self.vouch(tx);
                Origin::Trunk(id)
            }
            stale @ (Verdict::Ok | Verdict::Stale) => {
                let reason = if stale == Verdict::Ok { "replayed" } else { "stale_nonce" };
                self.metrics.sip_auth_failure(reason);
                self.challenge(now, tx, message, source, true);
                Origin::Answered
            }
            // Answered as any other that is wrong.
            Verdict::Wrong | Verdict::Unproven | Verdict::NotOurs | Verdict::Malformed => Origin::NoTrunk,
        }
    }

    /// The number that an INVITE is for.
    pub(crate) fn called_by(&mut self, now: Now, source: &Source, message: &Message) -> String {
        match source {
            Source::Phone(_) => self.called(now, message),
            Source::Trunk(trunk) => {
                // RFC 5627 section 5: a GRUU may be called from anywhere.
                let asked = self.called(now, message);
                if self.device.is_some() || asked != write::called_number(message) {
                    return asked;
                }
                let number = self.trunks.called(trunk, message);
                // Rules may also be written as the carrier writes.
                if self.dialplan.inbound(trunk, &number).is_some() {
                    return number;
                }
                let said = write::called_number(message);
                if self.dialplan.inbound(trunk, &said).is_some() { said } else { number }
            }
        }
    }

    /// Whether one of our phones calls an emergency number: then no limit, drain or load stands in its way.
    pub(crate) fn is_emergency_call(&self, source: &Source, message: &Message) -> bool {
        let called = write::called_number(message);
        matches!(source, Source::Phone(_)) && self.dialplan.is_emergency(&called)
    }

    /// The same of bytes that are not parsed yet: the limit of requests of a source must not drop such an INVITE.
    pub(crate) fn is_emergency_invite(&self, bytes: &[u8]) -> bool {
        let Some(rest) = bytes.strip_prefix(b"INVITE ") else { return false };
        let end = rest.iter().take(256).position(|byte| *byte == b' ').unwrap_or(0);
        let uri = rest.get(..end).and_then(|uri| Uri::parse(uri).ok());
        uri.is_some_and(|uri| self.dialplan.is_emergency(&write::text(&uri.user_decoded())))
    }
}
