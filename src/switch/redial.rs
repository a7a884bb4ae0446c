//! A leg's INVITE sent once more to the same target, which wants it otherwise: with credentials, or with a longer session
//! interval. The same dialog to be, the next CSeq number.
//!
//! To a trunk it is an attempt like the first one: its silence leads to the next target. Which that is, is
//! `trunk_call`'s.

use crate::call::LegId;
use crate::clock::Now;
use crate::sip::digest::Reaction;
use crate::sip::digest::Told;
use crate::sip::msg::Edits;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::trunk_call::Attempt;

impl Core {
    /// RFC 3261 section 22.2: the INVITE is sent again with credentials, in the same Call-ID, with the next CSeq. False
    /// when the challenge can't be answered.
    pub(crate) fn answer_challenge(
        &mut self,
        now: Now,
        id: LegId,
        attempt: &mut Attempt,
        message: &Message,
    ) -> bool {
        let Some(trunk) = self.trunks.by_id.get_mut(&attempt.trunk) else { return false };
        let Some(account) = &mut trunk.account else { return false };
        match account.challenged(message, &mut attempt.told) {
            Reaction::Again => {}
            Reaction::Wrong => {
                tracing::warn!(trunk = %attempt.trunk, "the carrier refuses our credentials; check `user` and `secret`");
                return false;
            }
            Reaction::Unanswerable => return false,
        }
        let Ok(invite) = Message::parse(attempt.invite.clone()) else { return false };
        self.dial_again(now, id, &invite, &[], attempt.told)
    }

    /// Sends a leg's INVITE once more with these headers changed, and with the offer that is the leg's now. `told` is
    /// what the target has said of our credentials so far. False when it can't be sent.
    pub(crate) fn dial_again(
        &mut self,
        now: Now,
        id: LegId,
        invite: &Message,
        headers: &[(Name, String)],
        told: Told,
    ) -> bool {
        let Some(Leg { target: Some(target), body, .. }) = self.legs.get(&id) else { return false };
        let offer = body.clone().filter(|offer| offer != invite.body_slice());
        let (Ok(cseq), Ok(via)) = (invite.cseq(), invite.via()) else { return false };
        let flow = target.flow;
        let before = String::from_utf8_lossy(via.branch.unwrap_or_default()).into_owned();
        let via = String::from_utf8_lossy(via.raw).replace(&before, &self.endpoint.branch());
        let cseq = format!("{} INVITE", cseq.number.saturating_add(1));
        let mut edits = Edits::new();
        edits.replace(Name::Via, via.as_bytes()).replace(Name::CSeq, cseq.as_bytes());
        for (name, value) in headers {
            edits.replace(*name, value.as_bytes());
        }
        let credentials = self.credentials_of(id, invite);
        edits.remove(Name::Authorization).remove(Name::ProxyAuthorization);
        for (name, value) in &credentials {
            edits.append(*name, value);
        }
        if let Some(offer) = &offer {
            edits.body(b"application/sdp", offer);
        }
        let bytes = edits.apply(invite);
        let user = self.attempt_user(now, id, &bytes, told);
        let tx = self.request_sized(now, id, flow, bytes.clone(), user);
        self.count_request_out(Method::Invite, flow.transport);
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        leg.invite_sent = Some(bytes);
        leg.phase = Phase::Outgoing { tx, rang: false, cancelled: None };
        true
    }

    /// What our account at the leg's trunk says to the challenges that are known. RFC 7616 section 3.4: each request
    /// counts the nonce on, so those of the INVITE before will not do.
    fn credentials_of(&mut self, id: LegId, invite: &Message) -> Vec<(Name, Vec<u8>)> {
        let trunk = self.trunks.outbound.get(&id).map(|outbound| &outbound.trunk);
        let account = trunk.and_then(|trunk| self.trunks.by_id.get_mut(trunk)?.account.as_mut());
        account.map_or_else(Vec::new, |account| {
            account.authorize(Method::Invite, invite.request_uri_raw(), &mut self.random)
        })
    }
}
