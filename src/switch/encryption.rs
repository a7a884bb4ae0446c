//! Whether a leg's audio is encrypted (SRTP with keys in SDP, RFC 4568), and with which keys of ours.
//!
//! Keys in SDP are as secret as the signalling: we offer them on our own only where that is TLS, or where the configuration
//! wants it. Who offers them to us over anything has decided that for himself.

use crate::call::LegId;
use crate::clock::Now;
use crate::config::Srtp;
use crate::media::command::Command as MediaCommand;
use crate::sdp;
use crate::sdp::Security;
use crate::sip::digest::Told;
use crate::sip::endpoint::Flow;
use crate::sip::msg::Message;
use crate::srtp::MasterKey;
use crate::srtp::Suite;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;

impl Core {
    /// Decides it for a leg whose phone or trunk is known: before its first offer or answer.
    pub(crate) fn decide_encryption(&mut self, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let phone = leg.phone.as_ref().and_then(|number| self.config.phone(number.as_str()));
        let trunk = leg.trunk.as_ref().and_then(|trunk| self.trunks.by_id.get(trunk));
        let wish = phone.map(|phone| phone.srtp).or(trunk.map(|trunk| trunk.config.srtp));
        let security = match wish.unwrap_or(Srtp::Optional) {
            Srtp::Off => Security::Off,
            Srtp::Optional if leg.is_called_securely() => Security::Offered,
            Srtp::Optional => Security::Accepted,
            Srtp::Required => Security::Required,
        };
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.local.security = security;
        }
        self.draw_keys(id);
    }

    /// Draws the keys of a leg that needs some and has none. They stay the same for its life.
    pub(crate) fn draw_keys(&mut self, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let offered = leg.remote.as_ref().is_some_and(sdp::Remote::offers_keys);
        self.draw_keys_if(id, offered);
    }

    /// The same for a further offer of the peer.
    pub(crate) fn draw_keys_for(&mut self, id: LegId, remote: &sdp::Remote) {
        self.draw_keys_if(id, remote.offers_keys());
    }

    fn draw_keys_if(&mut self, id: LegId, offered: bool) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let needed = leg.local.security.offers() || (leg.local.security.accepts() && offered);
        if needed && leg.local.keys.is_empty() {
            leg.local.keys = Suite::ALL.map(|suite| MasterKey::draw(suite, &mut self.random)).to_vec();
        }
    }

    /// Tells the worker the keys that were agreed on: before it is told the rest, so that no plain packet slips through.
    pub(crate) fn tell_keys(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let keys = leg.agreed.as_ref().and_then(|agreed| agreed.srtp.clone());
        if keys.is_none() && !leg.encrypted {
            return;
        }
        leg.encrypted = keys.is_some();
        let command = MediaCommand::Secure { leg: leg.media(), keys };
        self.out.push(Output::Media { worker: leg.worker, command });
    }

    /// A phone refused our encrypted offer and may have a plain one: it is asked once more. False when there is nothing
    /// to ask.
    pub(crate) fn dial_plainly(&mut self, now: Now, id: LegId, status: u16) -> bool {
        // RFC 3264 section 6 and RFC 3261 section 21.4.26; some answer an unknown profile with 415 or 606.
        if !matches!(status, 415 | 488 | 606) {
            return false;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let open = matches!(leg.phase, Phase::Outgoing { cancelled: None, .. });
        if leg.local.security != Security::Offered || !open {
            return false;
        }
        let Some(invite) = leg.invite_sent.clone().and_then(|bytes| Message::parse(bytes).ok()) else {
            return false;
        };
        leg.local.security = Security::Accepted;
        leg.local.version += 1;
        leg.body = Some(sdp::offer(&leg.local));
        let call = leg.call;
        self.note(now, call, "a phone takes no encrypted audio: plain audio is offered".to_owned());
        self.dial_again(now, id, &invite, &[], Told::default())
    }
}

impl Leg {
    /// Whether its INVITE goes all its way over TLS, as its phone has asked for (RFC 3261 section 26.2.2).
    fn is_called_securely(&self) -> bool {
        let secure = |uri: &str| uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"));
        self.target.as_ref().is_some_and(|target| secure(&target.uri) && is_tls(target.flow))
    }

    /// What was agreed on holds: a later offer of ours is encrypted where this is, and plain where this is plain.
    pub(crate) fn agree(&mut self, agreed: sdp::Agreed) {
        self.local.security = match (self.local.security, agreed.srtp.is_some()) {
            (Security::Accepted | Security::Offered, true) => Security::Offered,
            (Security::Accepted | Security::Offered, false) => Security::Accepted,
            (fixed @ (Security::Off | Security::Required), _) => fixed,
        };
        self.agreed = Some(agreed);
    }
}

const fn is_tls(flow: Flow) -> bool {
    use crate::sip::endpoint::Transport;
    match flow.transport {
        Transport::Tls | Transport::Wss => true,
        Transport::Udp | Transport::Tcp | Transport::Ws => false,
    }
}
