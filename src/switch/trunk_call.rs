//! A call on its way to the outside: which trunk and target it goes to, what the INVITE says of the caller, credentials
//! when they are asked for, and the next target when one fails.
//!
//! For the call it is one leg all the while. An INVITE that was given up is forgotten at once: what becomes of a late 2xx
//! to it is `fork`'s.

use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Instant;
use crate::clock::Now;
use crate::dialplan;
use crate::ids::CallUid;
use crate::ids::TrunkId;
use crate::sip::digest::Told;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Shown;
use crate::switch::trunks::Asked;
use crate::switch::trunks::Due;
use crate::switch::trunks::Trunks;
use crate::switch::view::LegRole;
use crate::trunk::Candidate;
use crate::trunk::Verdict;
use crate::trunk::health;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

/// The silence of the last target is borne so many times longer than that of the others: there is nothing to gain.
const LAST_PATIENCE: u32 = 4;

/// Where an INVITE can go.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) candidate: Candidate,
    pub(crate) flow: Flow,
}

/// A leg on its way to a trunk.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) trunk: TrunkId,
    trunks_left: VecDeque<TrunkId>,
    pub(crate) way: Way,
    ways_left: VecDeque<Way>,
    /// The number as dialled or rewritten, before the trunk's notation.
    pub(crate) number: String,
    pub(crate) emergency: bool,
    pub(crate) shown: Shown,
    /// The caller's leg.
    like: Option<LegId>,
    /// The INVITE under way.
    pub(crate) serial: u64,
    pub(crate) silent_at: Option<Instant>,
    /// Its silence is being borne for longer: it is the last.
    is_last: bool,
    /// When the first INVITE was sent.
    began: Option<Instant>,
    /// Somebody has rung or answered.
    heard: bool,
}

/// An INVITE to a trunk.
#[derive(Debug)]
pub(crate) struct Attempt {
    leg: LegId,
    pub(crate) trunk: TrunkId,
    way: Way,
    pub(crate) invite: Bytes,
    pub(crate) told: Told,
}

impl Core {
    /// A leg to the first of these trunks that can take the call.
    pub(crate) fn plan_trunk(
        &mut self,
        now: Now,
        call: CallUid,
        trunks: &[TrunkId],
        number: &str,
        shown: &Shown,
    ) -> Result<LegId, Cause> {
        let emergency = self.dialplan.is_emergency(number);
        if emergency {
            self.emergency_began(now, call);
        }
        let mut left: VecDeque<TrunkId> = trunks.iter().cloned().collect();
        let (trunk, mut ways) = self.next_trunk(now, &mut left, number, emergency)?;
        let Some(way) = ways.pop_front() else { return Err(Cause::Unreachable) };
        let outbound = Outbound {
            trunk: trunk.clone(),
            trunks_left: left,
            way: way.clone(),
            ways_left: ways,
            number: number.to_owned(),
            emergency,
            shown: shown.clone(),
            like: None,
            serial: 0,
            silent_at: None,
            is_last: false,
            began: None,
            heard: false,
        };
        let target = self.trunk_target(&outbound);
        let Some(leg) = self.plan_leg(call, LegRole::Party, number.to_owned(), target) else {
            self.trunks.call_ended(&trunk);
            return Err(Cause::Congestion);
        };
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.trunk = Some(trunk);
        }
        self.trunks.outbound.insert(leg, outbound);
        Ok(leg)
    }

    /// Takes the next trunk that admits the call out of the list, with its ways; the call is counted on it. When all
    /// targets of all trunks rest, they are tried all the same: a call that fails costs less than one that is not tried.
    fn next_trunk(
        &mut self,
        now: Now,
        left: &mut VecDeque<TrunkId>,
        number: &str,
        emergency: bool,
    ) -> Result<(TrunkId, VecDeque<Way>), Cause> {
        let mut cause = Cause::Unreachable;
        for resting in [false, true] {
            for index in 0..left.len() {
                let Some(id) = left.get(index).cloned() else { break };
                match self.admit(now, &id, number, emergency, resting || emergency) {
                    Ok(ways) => {
                        left.drain(..=index);
                        return Ok((id, ways));
                    }
                    // A limit says more than silence.
                    Err(Cause::Unreachable) => {}
                    Err(other) => cause = other,
                }
            }
        }
        left.clear();
        Err(cause)
    }

    fn admit(
        &mut self,
        now: Now,
        id: &TrunkId,
        number: &str,
        emergency: bool,
        resting: bool,
    ) -> Result<VecDeque<Way>, Cause> {
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return Err(Cause::Unreachable) };
        let sent = dialplan::to_e164(&trunk.config.notation, number);
        let barred = !trunk.config.prefixes.is_empty()
            && !trunk.config.prefixes.iter().any(|prefix| sent.starts_with(prefix.as_str()));
        if barred && !emergency {
            return Err(Cause::Forbidden);
        }
        // A carrier refuses calls of an account that is not registered; an emergency call is tried all the same.
        if trunk.registration.as_ref().is_some_and(|own| !own.is_registered()) && !emergency {
            return Err(Cause::Unreachable);
        }
        let order = trunk.targets.order(now.instant, resting, &mut self.random);
        let mut ways = VecDeque::new();
        for candidate in order {
            let place = candidate.place;
            ways.extend(
                self.addresses.flow_to(place.transport, place.address).map(|flow| Way { candidate, flow }),
            );
        }
        if ways.is_empty() {
            return Err(Cause::Unreachable);
        }
        if emergency {
            trunk.gate.force();
        } else if !trunk.gate.admit(now.instant) {
            self.metrics.trunk_failover(id, "limit");
            return Err(Cause::Congestion);
        }
        Ok(ways)
    }

    /// The number under which the endpoint tells of this leg's INVITE, which is about to be sent.
    pub(crate) fn dial_user(&mut self, now: Now, id: LegId, like: LegId, invite: &Bytes) -> u64 {
        let Some(outbound) = self.trunks.outbound.get_mut(&id) else { return Purpose::Dial(id).pack() };
        outbound.like = Some(like);
        outbound.began.get_or_insert(now.instant);
        let (trunk, candidate) = (outbound.trunk.clone(), outbound.way.candidate.clone());
        self.expect_name(&trunk, &candidate);
        self.attempt_user(now, id, invite, Told::default())
    }

    /// The same where the target stays: notes the INVITE and arms the timer of its silence. `told` is what the target has
    /// said of our credentials so far.
    pub(crate) fn attempt_user(&mut self, now: Now, id: LegId, invite: &Bytes, told: Told) -> u64 {
        let Some(outbound) = self.trunks.outbound.get(&id) else { return Purpose::Dial(id).pack() };
        let (trunk, way) = (outbound.trunk.clone(), outbound.way.clone());
        let patience = self.trunks.by_id.get(&trunk).map_or(Duration::ZERO, |t| t.config.failover);
        let attempt = Attempt { leg: id, trunk, way, invite: invite.clone(), told };
        let (serial, user) = self.trunks.ask(Asked::Invite(Box::new(attempt)));
        if let Some(outbound) = self.trunks.outbound.get_mut(&id) {
            outbound.serial = serial;
            outbound.is_last = false;
        }
        self.arm(id, Some(now.instant + patience));
        user
    }

    fn arm(&mut self, id: LegId, at: Option<Instant>) {
        let Some(outbound) = self.trunks.outbound.get_mut(&id) else { return };
        if let Some(old) = outbound.silent_at.take() {
            self.trunks.due.remove(&(old, Due::Silence(id)));
        }
        outbound.silent_at = at;
        self.trunks.due.extend(at.map(|at| (at, Due::Silence(id))));
    }

    /// Serves the timers of calls on their way out.
    pub(crate) fn outbound_timeout(&mut self, now: Now) {
        while let Some((at, due)) = self.trunks.due.first().copied().filter(|(at, _)| *at <= now.instant) {
            self.trunks.due.remove(&(at, due));
            match due {
                Due::Silence(leg) => self.silent(now, leg),
            }
        }
    }

    /// No answer at all came to the INVITE, not even 100.
    fn silent(&mut self, now: Now, id: LegId) {
        let Some(outbound) = self.trunks.outbound.get_mut(&id) else { return };
        outbound.silent_at = None;
        let (serial, trunk, is_last) = (outbound.serial, outbound.trunk.clone(), outbound.is_last);
        let (place, emergency) = (outbound.way.candidate.place, outbound.emergency);
        let Some(Leg { phase: Phase::Outgoing { tx, cancelled: None, .. }, .. }) = self.legs.get(&id) else {
            return;
        };
        let tx = *tx;
        if !is_last {
            self.tell_health(now, &trunk, place, health::Input::CallFailed);
        }
        let way = if is_last { None } else { self.next_way(now, id) };
        if let Some(way) = way {
            self.give_up(now, serial, tx);
            self.go_on(now, id, way, &trunk, "timeout");
        } else if is_last && !emergency {
            self.give_up(now, serial, tx);
            self.dial_failed(id, 408);
        } else if let Some(outbound) = self.trunks.outbound.get_mut(&id) {
            outbound.is_last = true;
            let patience = self.trunks.by_id.get(&trunk).map_or(Duration::ZERO, |t| t.config.failover);
            self.arm(id, Some(now.instant + patience * (LAST_PATIENCE - 1)));
        }
    }

    /// RFC 3261 section 9.1: the CANCEL waits for a provisional response. Nobody asks for that INVITE any more: a 2xx
    /// that comes all the same is hung up as every late answer is.
    fn give_up(&mut self, now: Now, serial: u64, tx: ClientTx) {
        if self.trunks.asked.remove(&serial).is_some() {
            self.endpoint.cancel(now.instant, tx, None, &mut self.effects);
        }
    }

    /// The next target of the trunk, or of the next trunk, on which the call is then counted instead.
    fn next_way(&mut self, now: Now, id: LegId) -> Option<Way> {
        let outbound = self.trunks.outbound.get_mut(&id)?;
        if let Some(way) = outbound.ways_left.pop_front() {
            return Some(way);
        }
        let (number, emergency) = (outbound.number.clone(), outbound.emergency);
        let mut left = std::mem::take(&mut outbound.trunks_left);
        let (trunk, mut ways) = self.next_trunk(now, &mut left, &number, emergency).ok()?;
        let way = ways.pop_front();
        let outbound = self.trunks.outbound.get_mut(&id)?;
        let old = std::mem::replace(&mut outbound.trunk, trunk.clone());
        outbound.trunks_left = left;
        outbound.ways_left = ways;
        self.trunks.call_ended(&old);
        self.legs.get_mut(&id)?.trunk = Some(trunk);
        way
    }

    /// Sends the call's INVITE another way: a new one, with a Call-ID of its own, so that the late answer of the first is
    /// never taken for one of the second.
    fn go_on(&mut self, now: Now, id: LegId, way: Way, from: &TrunkId, reason: &'static str) {
        self.metrics.trunk_failover(from, reason);
        let Some(outbound) = self.trunks.outbound.get_mut(&id) else { return };
        outbound.way = way.clone();
        let (like, trunk) = (outbound.like, outbound.trunk.clone());
        let Some(outbound) = self.trunks.outbound.get(&id) else { return };
        let target = self.trunk_target(outbound);
        let media = self.addresses.media(way.flow.remote.ip());
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.flow = way.flow;
        leg.target = Some(target);
        leg.local.address = media;
        leg.local.version += 1;
        (leg.remote, leg.agreed) = (None, None);
        let (call, key) = (leg.call, leg.dialog_id.take());
        leg.dialog = None;
        leg.phase = Phase::Planned;
        if let Some(key) = key {
            self.dialogs.remove(&key);
        }
        tracing::info!(call = %call, from = %from, to = %trunk, reason, "the call goes on to the next target");
        self.note(now, call, format!("trunk {from} failed ({reason}), on to {trunk}"));
        self.dial(now, id, like.unwrap_or(id));
    }

    /// An answer to an INVITE that went to a trunk.
    pub(crate) fn attempt_answered(&mut self, now: Now, tx: ClientTx, serial: u64, message: &Message) {
        let status = message.status().unwrap_or(0);
        let Some(Asked::Invite(attempt)) = self.trunks.asked.get(&serial) else { return };
        let leg = attempt.leg;
        if status < 300 {
            self.heard(now, leg, status);
            self.invite_response(now, tx, leg, status, message);
            return;
        }
        let Some(Asked::Invite(mut attempt)) = self.trunks.asked.remove(&serial) else { return };
        self.arm(leg, None);
        let Some(Leg { phase: Phase::Outgoing { rang, cancelled: None, .. }, .. }) = self.legs.get(&leg)
        else {
            self.invite_response(now, tx, leg, status, message);
            return;
        };
        let rang = *rang;
        let again = match status {
            401 | 407 => self.answer_challenge(now, leg, &mut attempt, message),
            422 => self.dial_with_longer_session(now, leg, message),
            _ => false,
        };
        if again {
            return;
        }
        let emergency = self.trunks.outbound.get(&leg).is_some_and(|outbound| outbound.emergency);
        let reason = match Verdict::of_status(status, rang, retry_after(message)) {
            Verdict::Next { reason, rest } => {
                if let Some(rest) = rest {
                    let place = attempt.way.candidate.place;
                    self.tell_health(now, &attempt.trunk, place, health::Input::Rest(rest));
                }
                Some(reason)
            }
            // Whatever the reason, somebody else may answer an emergency call.
            Verdict::Final if emergency => Some("refused"),
            Verdict::Final => None,
        };
        let way = reason.and_then(|reason| Some((self.next_way(now, leg)?, reason)));
        match way {
            Some((way, reason)) => self.go_on(now, leg, way, &attempt.trunk, reason),
            None => self.invite_response(now, tx, leg, status, message),
        }
    }

    /// No answer came in time, or the INVITE could not be sent.
    pub(crate) fn attempt_unanswered(&mut self, now: Now, serial: u64, attempt: Attempt, status: u16) {
        let id = attempt.leg;
        let is_current = self.trunks.outbound.get(&id).is_some_and(|outbound| outbound.serial == serial);
        if !is_current {
            return;
        }
        self.arm(id, None);
        let cancelled =
            !matches!(self.legs.get(&id), Some(Leg { phase: Phase::Outgoing { cancelled: None, .. }, .. }));
        if !cancelled {
            let reason = if status == 408 { "timeout" } else { "transport" };
            self.tell_health(now, &attempt.trunk, attempt.way.candidate.place, health::Input::CallFailed);
            if let Some(way) = self.next_way(now, id) {
                return self.go_on(now, id, way, &attempt.trunk, reason);
            }
        }
        self.dial_failed(id, status);
    }

    /// A provisional answer or a 2xx: the target lives.
    fn heard(&mut self, now: Now, id: LegId, status: u16) {
        self.arm(id, None);
        let Some(outbound) = self.trunks.outbound.get_mut(&id) else { return };
        let (trunk, place) = (outbound.trunk.clone(), outbound.way.candidate.place);
        if status > 100
            && !std::mem::replace(&mut outbound.heard, true)
            && let Some(began) = outbound.began
        {
            self.metrics.post_dial_delay(&trunk, now.instant.since(began));
        }
        if status >= 200 {
            self.tell_health(now, &trunk, place, health::Input::CallAnswered);
        }
    }
}

impl Trunks {
    /// INVITEs to trunks that are not over, and the legs that they are for.
    pub(crate) fn attempts(&self) -> usize {
        self.asked.values().filter(|asked| matches!(asked, Asked::Invite(_))).count() + self.outbound.len()
    }
}

/// RFC 3261 section 20.33: seconds, then perhaps a comment and parameters.
pub(crate) fn retry_after(message: &Message) -> Option<Duration> {
    leading_seconds(message.header(Name::RetryAfter)?)
}

/// The seconds that a header's value begins with.
pub(crate) fn leading_seconds(value: &[u8]) -> Option<Duration> {
    let digits: Vec<u8> = value.iter().copied().take_while(u8::is_ascii_digit).collect();
    let seconds = std::str::from_utf8(&digits).ok()?.parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
