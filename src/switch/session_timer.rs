//! Session timers on the legs of a call (RFC 4028): each leg has its own, whatever the other one does.
//!
//! What is agreed and when something is due is `sip::session_timer`'s; here are the requests and answers. We refresh by
//! an UPDATE without SDP where the peer's `Allow` has it, for that can't meet another offer; else by a re-INVITE with
//! the SDP that stands.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::clock::Now;
use crate::sdp;
use crate::sip::digest::Told;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::sip::msg::write::ResponseWriter;
use crate::sip::session_timer;
use crate::sip::session_timer::Due;
use crate::sip::session_timer::Granted;
use crate::sip::session_timer::Policy;
use crate::sip::session_timer::Refresher;
use crate::sip::session_timer::Said;
use crate::sip::session_timer::SessionTimer;
use crate::sip::session_timer::Side;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Renegotiation;
use crate::switch::requests::ALLOW;
use crate::switch::requests::SUPPORTED;
use crate::switch::write;
use std::time::Duration;

/// How often one peer may ask for a longer interval.
const RAISES_MAX: u8 = 3;
/// A longer interval than a day is nobody's wish.
const SECONDS_MAX: u32 = 86_400;
/// A refresh that was refused, or had to wait for another offer, is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What a request of ours asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    seconds: u32,
    seconds_min: u32,
    refresher: Option<Side>,
}

/// Writes it into a request.
pub(crate) fn write_asked(request: &mut RequestWriter, asked: Asked) {
    match asked.refresher {
        Some(side) => {
            request.header_fmt(
                Name::SessionExpires,
                format_args!("{};refresher={}", asked.seconds, side.as_str()),
            );
        }
        // RFC 4028 section 7.1: who refreshes is left to the peer.
        None => {
            request.header_fmt(Name::SessionExpires, format_args!("{}", asked.seconds));
        }
    }
    // RFC 4028 section 5: without the header 90 seconds is meant.
    if asked.seconds_min > session_timer::SECONDS_MIN {
        request.header_fmt(Name::MinSe, format_args!("{}", asked.seconds_min));
    }
}

/// Writes into a 2xx what was granted.
pub(crate) fn write_granted(response: &mut ResponseWriter<'_>, granted: Option<Granted>) {
    let Some(granted) = granted else { return };
    if granted.require {
        response.header(Name::Require, session_timer::TIMER.as_bytes());
    }
    let refresher = granted.refresher.as_str();
    response.header_fmt(Name::SessionExpires, format_args!("{};refresher={refresher}", granted.seconds));
}

impl Core {
    fn session_policy(&self) -> Policy {
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(SECONDS_MAX);
        let sip = &self.config.sip;
        Policy { seconds: seconds(sip.session_expires), seconds_min: seconds(sip.session_min) }
    }

    /// RFC 4028 section 9: an interval that is too short is refused with 422. False when it was.
    pub(crate) fn session_acceptable(&mut self, now: Now, tx: ServerTx, message: &Message) -> bool {
        let Err(least) = session_timer::grant(self.session_policy(), &Said::of(message)) else { return true };
        self.reply_with(now, tx, message, 422, "Session Interval Too Small", |response| {
            response.header_fmt(Name::MinSe, format_args!("{least}"));
        });
        false
    }

    /// Begins or renews the leg's timer for the 2xx to this request; what that 2xx says.
    pub(crate) fn grant_session(&mut self, now: Now, id: LegId, request: &Message) -> Option<Granted> {
        let granted = session_timer::grant(self.session_policy(), &Said::of(request)).ok().flatten();
        let leg = self.legs.get_mut(&id)?;
        leg.session.timer = granted.map(|granted| {
            let refresher = if granted.refresher == Side::Uas { Refresher::Us } else { Refresher::Peer };
            SessionTimer::start(now.instant, granted.seconds, refresher)
        });
        self.arm_leg(id);
        granted
    }

    /// The same for the INVITE that made the leg.
    pub(crate) fn grant_session_of_invite(&mut self, now: Now, id: LegId) -> Option<Granted> {
        let Some(Leg { phase: Phase::Incoming { invite, .. }, .. }) = self.legs.get(&id) else { return None };
        let invite = invite.clone();
        self.grant_session(now, id, &invite)
    }

    /// What our next request on the leg asks for.
    pub(crate) fn session_asked(&self, id: LegId) -> Asked {
        let policy = self.session_policy();
        let session = self.legs.get(&id).map(|leg| leg.session).unwrap_or_default();
        let seconds_min = policy.seconds_min.max(session.seconds_min);
        match session.timer {
            // RFC 4028 section 7.4: the interval and the roles that hold are asked for again.
            Some(timer) => {
                let side = if timer.refresher() == Refresher::Us { Side::Uac } else { Side::Uas };
                Asked { seconds: timer.seconds().max(seconds_min), seconds_min, refresher: Some(side) }
            }
            None => Asked { seconds: policy.seconds.max(seconds_min), seconds_min, refresher: None },
        }
    }

    /// A 2xx came to a request of ours that asked for a timer. RFC 4028 section 7.2: without Session-Expires there is
    /// none from now on.
    pub(crate) fn session_confirmed(&mut self, now: Now, id: LegId, response: &Message) {
        let said = Said::of(response);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.session.timer = said.seconds.map(|seconds| {
            let refresher = if said.refresher == Some(Side::Uas) { Refresher::Peer } else { Refresher::Us };
            SessionTimer::start(now.instant, seconds.min(SECONDS_MAX), refresher)
        });
        self.arm_leg(id);
    }

    /// The leg's timer may be due.
    pub(crate) fn session_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.is_up()) else { return };
        match leg.session.timer.as_mut().map(|timer| timer.timeout(now.instant)) {
            Some(Due::Refresh) => self.refresh_session(now, id),
            Some(Due::Expired) => self.session_lost(now, id),
            Some(Due::Nothing) | None => {}
        }
    }

    /// Shows the peer that we live, and learns whether it does.
    fn refresh_session(&mut self, now: Now, id: LegId) {
        let asked = self.session_asked(id);
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.is_up()) else { return };
        if leg.peer.update {
            let contact = write::contact_of(self.addresses.signalling(&leg.flow), leg.flow);
            self.send_in_dialog(now, id, Method::Update, Purpose::Refresh(id), |request| {
                write_asked(request, asked);
                request
                    .header(Name::Contact, contact.as_bytes())
                    .header(Name::Allow, ALLOW.as_bytes())
                    .header(Name::Supported, SUPPORTED.as_bytes());
            });
            return;
        }
        let idle = leg.renegotiation == Renegotiation::default() && leg.retry_at.is_none();
        if !idle || leg.unacknowledged.is_some() {
            return self.refresh_later(now, id, AGAIN_AFTER);
        }
        // RFC 4028 section 7.4: a re-INVITE that changes nothing has the same version of `o=`.
        let body = match leg.body.take() {
            Some(body) => body,
            None => {
                leg.local.version += 1;
                sdp::offer(&leg.local)
            }
        };
        leg.session.refreshing = true;
        self.send_reinvite(now, id, body);
    }

    fn refresh_later(&mut self, now: Now, id: LegId, wait: Duration) {
        if let Some(timer) = self.legs.get_mut(&id).and_then(|leg| leg.session.timer.as_mut()) {
            timer.refresh_after(now.instant, wait);
        }
        self.arm_leg(id);
    }

    /// Whether the re-INVITE under way was a refresh; it is over now.
    pub(crate) fn take_refreshing(&mut self, id: LegId) -> bool {
        self.legs.get_mut(&id).is_some_and(|leg| std::mem::take(&mut leg.session.refreshing))
    }

    /// The answer to a re-INVITE that changed nothing: as a rule it changes nothing either. Our numbers are those of our
    /// last body, which may have been an answer with the peer's.
    pub(crate) fn settle_refreshed(&mut self, id: LegId, message: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Ok(remote) = sdp::read(message.body_slice()) else { return };
        let (Some(before), Ok(now)) = (leg.agreed.clone(), sdp::agree(&leg.local, &remote)) else { return };
        leg.remote = Some(remote);
        if (now.remote, now.direction, &now.srtp) != (before.remote, before.direction, &before.srtp) {
            let (remote, rtcp, direction, srtp) = (now.remote, now.rtcp, now.direction, now.srtp);
            leg.agreed = Some(sdp::Agreed { remote, rtcp, direction, srtp, ..before });
            self.describe(id);
        }
    }

    /// The answer to our UPDATE.
    pub(crate) fn refresh_response(&mut self, now: Now, id: LegId, status: u16, message: &Message) {
        match status {
            ..=199 => {}
            200..=299 => {
                if let Some(dialog) = self.dialog(id) {
                    let _ = dialog.refresh(message);
                }
                self.session_confirmed(now, id, message);
            }
            422 if self.refresh_with_longer_session(now, id, message) => {}
            405 | 501 => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.peer.update = false;
                }
                self.refresh_session(now, id);
            }
            // RFC 4028 section 10: these two end the session.
            408 | 481 => self.session_lost(now, id),
            _ => self.refresh_refused(now, id, status),
        }
    }

    /// A refresh was refused for now: tried again, until the session expires.
    pub(crate) fn refresh_refused(&mut self, now: Now, id: LegId, status: u16) {
        let wait = if status == 491 { self.glare_wait(id) } else { AGAIN_AFTER };
        self.refresh_later(now, id, wait);
    }

    /// RFC 4028 section 7.3: a 422 names the least interval. True when that can be asked for.
    fn raise(&mut self, id: LegId, message: &Message) -> bool {
        let Some(least) = Said::of(message).seconds_min else { return false };
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        if leg.session.raised >= RAISES_MAX || least > SECONDS_MAX {
            return false;
        }
        leg.session.raised += 1;
        leg.session.seconds_min = leg.session.seconds_min.max(least);
        true
    }

    /// 422 to a refresh of ours: once more with the interval that the peer wants. False when it is refused for good.
    pub(crate) fn refresh_with_longer_session(&mut self, now: Now, id: LegId, message: &Message) -> bool {
        if !self.raise(id, message) {
            return false;
        }
        let was_invite = self.legs.get(&id).is_some_and(|leg| leg.renegotiation.ours);
        if was_invite {
            let Some(body) = self.legs.get_mut(&id).and_then(|leg| leg.body.take()) else { return false };
            self.send_reinvite(now, id, body);
        } else {
            self.refresh_session(now, id);
        }
        true
    }

    /// 422 to the INVITE that dials a leg: once more with the interval that the peer wants, as RFC 4028 section 7.3 has
    /// it: the same Call-ID and From tag, the next CSeq number. False when the leg has failed.
    pub(crate) fn dial_with_longer_session(&mut self, now: Now, id: LegId, message: &Message) -> bool {
        let Some(Leg { phase: Phase::Outgoing { cancelled: None, .. }, invite_sent, .. }) =
            self.legs.get(&id)
        else {
            return false;
        };
        let Some(invite) = invite_sent.clone().and_then(|bytes| Message::parse(bytes).ok()) else {
            return false;
        };
        if !self.raise(id, message) {
            return false;
        }
        let asked = self.session_asked(id);
        let headers =
            [(Name::SessionExpires, asked.seconds.to_string()), (Name::MinSe, asked.seconds_min.to_string())];
        self.dial_again(now, id, &invite, &headers, Told::default())
    }

    /// The peer does not live any more, as far as RFC 4028 lets us know.
    pub(crate) fn session_lost(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.is_up()) else { return };
        let call = leg.call;
        self.note(now, call, "a party no longer shows that it lives".to_owned());
        self.send_bye(now, id, Cause::SessionExpired);
        self.tell_leg(id, LegEvent::Ended(Cause::SessionExpired));
        self.drop_leg(id);
    }
}
