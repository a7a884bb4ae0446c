//! What is looked at before a message is: where it comes from, how often, and which program sends it. And how strangers are
//! answered: at their own address, once.

use crate::clock::Now;
use crate::config::Config;
use crate::sip::dialog;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::authenticate::Asking;
use crate::switch::core::Core;
use crate::switch::view::AlarmView;
use crate::switch::write;
use crate::trace::Head;
use crate::trace::Way;
use bytes::Bytes;

/// Whether a message takes a token of its source: requests on UDP. Responses answer us, an ACK or BYE lets go of what a
/// call holds, and what is dropped on a stream would never come again.
fn is_limited(flow: &Flow, bytes: &[u8]) -> bool {
    let free = [&b"SIP/2.0 "[..], b"ACK ", b"BYE "];
    !flow.transport.is_reliable() && !free.iter().any(|start| bytes.starts_with(start))
}

/// Addresses of trunks, whose `maddr` is followed.
pub(crate) fn maddr_peers(config: &Config) -> Vec<std::net::IpAddr> {
    let hosts = config.trunks.iter().flat_map(|trunk| &trunk.hosts);
    hosts
        .filter_map(|host| match host {
            crate::config::Host::Address(address) => Some(address.ip()),
            crate::config::Host::Name { .. } => None,
        })
        .collect()
}

impl Core {
    /// Whether the message may go on to be read. One that may not is counted, and neither answered nor kept.
    pub(crate) fn admits(&mut self, now: Now, flow: &Flow, bytes: &Bytes) -> bool {
        let source = flow.remote.ip();
        if !self.config.sip.access.admits(source) && !self.trunks.knows(source) {
            self.metrics.sip_dropped("denied");
            return false;
        }
        if is_limited(flow, bytes)
            && !self.is_emergency_invite(bytes)
            && !self.limiter.request_allowed(now.instant, source, &self.config.limits)
        {
            self.metrics.sip_dropped("rate_limit");
            return false;
        }
        let head = Head::of(bytes);
        if head.is_request && self.config.sip.access.drops(head.user_agent) {
            self.metrics.sip_dropped("user_agent");
            return false;
        }
        self.recorder.note(now.wall, Way::In, flow, head.call_id, bytes);
        true
    }

    /// A request is looked at: its sender is a stranger until he has shown who he is, or is in a dialog with us.
    pub(crate) fn asked_by(&mut self, tx: ServerTx, message: &Message, flow: Flow) {
        let in_dialog = write::has_to_tag(message)
            && dialog::id::of_request(message).is_some_and(|id| self.dialogs.contains_key(&id));
        self.asking = Some(Asking { tx, flow, vouched: in_dialog });
    }

    /// The sender of the request is a trunk, known by its address.
    pub(crate) fn vouch(&mut self, tx: ServerTx) {
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.tx == tx) {
            asking.vouched = true;
        }
    }

    /// Sends a response. RFC 3261 section 26.3.2.4: a stranger's INVITE is refused once and forgotten; else whoever
    /// forges an address would have us send there for half a minute.
    pub(crate) fn respond(
        &mut self,
        now: Now,
        tx: ServerTx,
        method: Method<'_>,
        status: u16,
        response: Bytes,
    ) {
        let stranger = self.asking.is_some_and(|asking| asking.tx == tx && !asking.vouched);
        if stranger && method == Method::Invite && status >= 300 {
            self.endpoint.respond_once(tx, response, &mut self.effects);
        } else {
            self.endpoint.respond(now.instant, tx, response, &mut self.effects);
        }
    }

    /// Whether a request from a trunk's address is a phone's all the same: several phones and a trunk may share one
    /// address, and on connections the port tells nothing. Then what it says of itself decides: credentials for our
    /// realm, or a phone of ours as its sender. Who claims to be a phone has to prove it.
    pub(crate) fn claims_to_be_a_phone(&self, message: &Message, flow: &Flow) -> bool {
        if !flow.transport.is_reliable() {
            return false;
        }
        let realm = self.realm.name().as_bytes();
        let has_credentials =
            crate::sip::digest::Credentials::find(message, Name::Authorization, realm).is_some();
        let is_ours = message.from().is_ok_and(|from| {
            let host = from.uri.host.to_string();
            let user = from.uri.user.map(write::text).unwrap_or_default();
            host.eq_ignore_ascii_case(&self.config.sip.domain) && self.config.phone(&user).is_some()
        });
        has_credentials || is_ours
    }

    /// Something that somebody should look at: told to those who watch.
    pub(crate) fn alarm(&mut self, _now: Now, alarm: AlarmView) {
        /// More in one turn would be a flood of its own.
        const ALARMS_MAX: usize = 16;
        if self.board.alarms.len() < ALARMS_MAX {
            self.board.alarms.push(alarm);
        }
    }
}
