//! REFER: who may hand whom over, to whom; the dialog of an attended transfer; the NOTIFYs to the transferor.
//!
//! What a transfer is, is `call::transfer`'s: here are its SIP (RFC 3515, RFC 4488, RFC 6665) and the dial plan.

use crate::call;
use crate::call::Cause;
use crate::call::LegId;
use crate::call::NoTransfer;
use crate::call::TransferStep;
use crate::call::TransferTo;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::TrunkId;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::sip::refer;
use crate::sip::refer::ReferTo;
use crate::sip::refer::Replaces;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Shown;
use crate::switch::replaces::Found;
use crate::switch::requests::SUPPORTED;
use crate::switch::view::LegRole;
use crate::switch::views;
use crate::switch::write;
use std::cmp::Reverse;

/// How long a subscription made by REFER lasts: longer than any transfer rings.
const SUBSCRIPTION_SECONDS: u32 = 180;

/// A transfer of a call, as the switch knows it.
#[derive(Debug)]
pub(crate) struct Referral {
    /// The transferor's leg.
    by: LegId,
    /// His phone, which is rung when he has hung up and the transfer fails.
    phone: Option<PhoneNumber>,
    /// What he is told by NOTIFY; `None` when he wants nothing.
    subscription: Option<Subscription>,
}

#[derive(Debug)]
struct Subscription {
    /// CSeq of the REFER, which tells several of one dialog apart (RFC 3515 section 2.4.6).
    id: Option<u32>,
    /// The dialog of a transferor whose call is over: the subscription outlives it (RFC 6665 section 4.5.2).
    dialog: Option<Dialog>,
    /// The last status told.
    told: u16,
}

/// With whose rights a number is dialled.
enum Rights {
    Phone,
    Trunk(TrunkId),
}

/// Whether a SUBSCRIBE is about a subscription that a REFER has made.
pub(crate) fn is_of_refer(message: &Message) -> bool {
    let event = message.header(Name::Event).unwrap_or_default();
    event.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii() == b"refer"
}

impl Core {
    /// RFC 3515 section 2.4.2: a REFER outside of a dialog would have us call somebody for a stranger, or for a phone
    /// that can dial itself.
    pub(crate) fn refer_of_nothing(&mut self, now: Now, tx: ServerTx, message: &Message) {
        self.reply_with(now, tx, message, 403, "REFER Only In A Call", |response| {
            response.header(Name::Warning, b"399 strowger \"a transfer is asked for in the call's dialog\"");
        });
    }

    /// A REFER in a leg's dialog.
    pub(crate) fn refer_received(&mut self, now: Now, tx: ServerTx, by: LegId, message: &Message) {
        let known: Vec<&str> = SUPPORTED.split(", ").collect();
        if let Some(refusal) = self.endpoint.unsupported(message, &known) {
            self.endpoint.respond(now.instant, tx, refusal, &mut self.effects);
            return;
        }
        let to = match ReferTo::of(message) {
            Ok(to) => to,
            Err(defect) => return self.reply(now, tx, message, defect.status, defect.reason),
        };
        let Some((call, rights)) = self.legs.get(&by).map(|leg| (leg.call, rights_of(leg))) else { return };
        if let Err((status, reason)) = self.may_transfer(call, by) {
            tracing::info!(call = %call, status, reason, "a transfer is refused");
            return self.reply(now, tx, message, status, reason);
        }
        if let Some(replaces) = &to.replaces {
            self.accept_referral(now, tx, call, by, message);
            return self.attended(now, call, by, replaces);
        }
        let number = write::text(&to.user);
        let destination = match rights {
            Some(Rights::Phone) => self.dialplan.from_phone(&number),
            Some(Rights::Trunk(trunk)) => {
                self.dialplan.inbound(&trunk, &number).unwrap_or(Destination::NotFound)
            }
            None => Destination::NotFound,
        };
        match destination {
            Destination::NotBuilt { what } => self.refer_not_built(now, tx, message, call, &what),
            Destination::Menu(_) | Destination::Feature(_) => {
                self.refer_not_built(now, tx, message, call, "a transfer to a menu or a code");
            }
            Destination::Conference(_) => {
                self.refer_not_built(now, tx, message, call, "a transfer to a conference");
            }
            Destination::PickupGroup | Destination::PickupDirected(_) => {
                self.reply(now, tx, message, 403, "Nobody Is Transferred To A Pickup");
            }
            Destination::Phone(_)
            | Destination::Group(_)
            | Destination::Queue(_)
            | Destination::Trunk { .. }
            | Destination::Music(_)
            | Destination::NotFound => {
                let who = refer::referred_by(message);
                self.accept_referral(now, tx, call, by, message);
                self.note(now, call, format!("transfer to {number}"));
                self.blind(now, call, by, &destination, who);
            }
        }
    }

    fn refer_not_built(&mut self, now: Now, tx: ServerTx, message: &Message, call: CallUid, what: &str) {
        tracing::info!(call = %call, "a transfer to what this version does not serve is refused");
        self.reply_with(now, tx, message, 501, "Not Implemented", |response| {
            response.header_fmt(
                Name::Warning,
                format_args!("399 strowger \"{} is not served\"", what.replace(['"', '\\'], "")),
            );
        });
    }

    /// Whether the party of this leg may hand the other one over now; else the answer to his REFER.
    fn may_transfer(&self, call: CallUid, by: LegId) -> Result<(), (u16, &'static str)> {
        let is_up = self.legs.get(&by).is_some_and(Leg::is_up);
        let state = self.calls.get(&call).map(|slot| slot.call.can_transfer(by));
        match state {
            Some(Ok(())) if is_up => Ok(()),
            // Both parties transfer at once, or one does it twice: the first one wins.
            Some(Err(NoTransfer::Pending)) => Err((491, "Request Pending")),
            Some(Err(NoTransfer::TooOften)) => Err((403, "Transferred Too Often")),
            Some(Ok(()) | Err(NoTransfer::NotTalking)) => Err((403, "Nobody To Transfer")),
            None => Err((481, "Call/Transaction Does Not Exist")),
        }
    }

    /// Answers the REFER and opens the subscription that it makes.
    fn accept_referral(&mut self, now: Now, tx: ServerTx, call: CallUid, by: LegId, message: &Message) {
        let quiet = refer::wants_no_subscription(message);
        // RFC 4488 section 4: the 2xx says that no subscription was made.
        let status = if quiet { 200 } else { 202 };
        let Some(leg) = self.legs.get_mut(&by) else { return };
        leg.refers = leg.refers.saturating_add(1);
        // RFC 3515 section 2.4.6: the id may be left out for the first REFER of a dialog only.
        let first = leg.refers == 1;
        let (phone, flow) = (leg.phone.clone(), leg.flow);
        let contact = write::contact_of(self.addresses.signalling(&flow), flow);
        self.reply_with(now, tx, message, status, if quiet { "OK" } else { "Accepted" }, |response| {
            response.header(Name::Contact, contact.as_bytes());
            if quiet {
                response.header_named(b"Refer-Sub", b"false");
            }
        });
        let cseq = message.cseq().map(|cseq| cseq.number).ok();
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let subscription =
            (!quiet).then_some(Subscription { id: cseq.filter(|_| !first), dialog: None, told: 0 });
        slot.referral = Some(Box::new(Referral { by, phone, subscription }));
        // RFC 3515 section 2.4.4: a NOTIFY follows at once.
        self.notify_transferor(now, call, 100, false);
    }

    fn blind(
        &mut self,
        now: Now,
        call: CallUid,
        by: LegId,
        destination: &Destination,
        referred_by: Option<String>,
    ) {
        let Some(shown) = self.shown_of_peer(call, by) else { return };
        // The transferor pays for what he sends outside. A call for help is nobody's expense.
        let phone = self.legs.get(&by).and_then(|leg| leg.phone.clone());
        if let Some(phone) = phone
            && let Err(cause) = self.toll_sends_on(now, call, &phone, destination)
        {
            return self.not_transferred(now, call, by, cause);
        }
        let to = match destination {
            Destination::Queue(queue) => {
                let music = self.config.queue(queue).map_or_else(String::new, |queue| queue.music.clone());
                Ok(TransferTo::Queue { queue: queue.clone(), music })
            }
            Destination::Music(class) => Ok(TransferTo::Music(class.clone())),
            Destination::Phone(_)
            | Destination::Group(_)
            | Destination::Menu(_)
            | Destination::Feature(_)
            | Destination::Conference(_)
            | Destination::Trunk { .. }
            | Destination::PickupGroup
            | Destination::PickupDirected(_)
            | Destination::NotBuilt { .. }
            | Destination::NotFound => {
                self.plan_destination(now, call, destination, &shown).map(TransferTo::Dial)
            }
        };
        match to {
            Ok(to) => {
                if let TransferTo::Dial(legs) = &to {
                    self.mark_referred(by, legs, referred_by);
                }
                self.tell(call, call::Input::Transfer { by, to });
            }
            Err(cause) => self.not_transferred(now, call, by, cause),
        }
    }

    /// Nobody was put anywhere: the two are still connected.
    fn not_transferred(&mut self, now: Now, call: CallUid, by: LegId, cause: Cause) {
        tracing::info!(call = %call, cause = cause.word(), "a transfer failed at once");
        self.note(now, call, format!("the transfer failed: {}", cause.word()));
        self.transfer_step(now, call, by, TransferStep::Failed(cause));
    }

    /// RFC 3892: the target is told who referred. A phone is known by its digest, so it can't name another; a carrier is
    /// told nothing of ours.
    fn mark_referred(&mut self, by: LegId, legs: &[LegId], said: Option<String>) {
        let domain = self.config.sip.domain.clone();
        let Some(leg) = self.legs.get(&by) else { return };
        let own = leg.phone.as_ref().map(|phone| format!("sip:{}@{domain}", write::dialled(phone.as_str())));
        let who = own.or(said);
        for leg in legs {
            if let Some(leg) = self.legs.get_mut(leg).filter(|leg| leg.trunk.is_none()) {
                leg.referred_by.clone_from(&who);
            }
        }
    }

    /// The party that `by` is connected with, as the target sees him.
    fn shown_of_peer(&self, call: CallUid, by: LegId) -> Option<Shown> {
        let slot = self.calls.get(&call)?;
        let peer = self.legs.get(&slot.call.peer_of(by)?)?;
        let name = match peer.role {
            LegRole::Caller => slot.caller_name.clone(),
            LegRole::Agent | LegRole::Party | LegRole::Supervisor => {
                self.config.phone(&peer.party).and_then(|phone| phone.display_name)
            }
        };
        Some(Shown { number: peer.party.clone(), name })
    }

    /// REFER with Replaces: the transferor's two calls become one (RFC 3891 section 3, RFC 5589 section 7).
    fn attended(&mut self, now: Now, call: CallUid, by: LegId, replaces: &Replaces) {
        if let Err((status, why)) = self.join_calls(now, call, by, replaces) {
            tracing::info!(call = %call, status, why, "an attended transfer failed");
            self.note(now, call, format!("the transfer failed: {why}"));
            self.notify_transferor(now, call, status, true);
            if let Some(slot) = self.calls.get_mut(&call) {
                slot.referral = None;
            }
        }
    }

    fn join_calls(
        &mut self,
        now: Now,
        call: CallUid,
        by: LegId,
        replaces: &Replaces,
    ) -> Result<(), (u16, &'static str)> {
        let second = match self.dialog_to_replace(replaces) {
            Found::Leg(leg) => leg,
            // RFC 3891 section 3: a terminated dialog is declined, an unknown one does not exist.
            Found::Ended => return Err((603, "the second call has ended")),
            Found::Nothing => return Err((481, "no such dialog")),
        };
        let (Some(first), Some(other)) = (self.legs.get(&by), self.legs.get(&second)) else {
            return Err((481, "no such dialog"));
        };
        let same_party = first.phone == other.phone && first.trunk == other.trunk;
        if !same_party || first.call == other.call {
            return Err((403, "not a call of the transferor's"));
        }
        if other.is_up() && replaces.early_only {
            return Err((486, "the second call is answered"));
        }
        let second_call = other.call;
        let is_early = matches!(other.phase, Phase::Incoming { .. });
        if !is_early && !other.is_up() {
            // RFC 3891 section 3: an early dialog that was not begun by him can't be replaced.
            return Err((481, "the second call rings at the transferor's"));
        }
        let workers = [call, second_call].map(|call| self.calls.get(&call).map(|slot| slot.worker));
        if workers[0] != workers[1] {
            return Err((503, "the two calls live in two media workers"));
        }
        if is_early {
            self.join_ringing(now, call, by, second_call)
        } else {
            self.join_up(now, call, by, second)
        }
    }

    /// The second call still rings: its phones ring for the first one's party from now on.
    fn join_ringing(
        &mut self,
        now: Now,
        call: CallUid,
        by: LegId,
        second_call: CallUid,
    ) -> Result<(), (u16, &'static str)> {
        let legs = self.calls.get(&second_call).map(|slot| slot.call.ringing_legs()).unwrap_or_default();
        if legs.is_empty() {
            return Err((481, "nothing rings in the second call"));
        }
        for leg in &legs {
            self.move_leg(*leg, call);
        }
        self.note(now, call, "transfer to who is ringing".to_owned());
        self.toll.joined(second_call, call);
        self.tell(second_call, call::Input::GivenAway(legs.clone()));
        self.tell(call, call::Input::Transfer { by, to: TransferTo::Ringing(legs) });
        Ok(())
    }

    fn join_up(
        &mut self,
        now: Now,
        call: CallUid,
        by: LegId,
        second: LegId,
    ) -> Result<(), (u16, &'static str)> {
        let gone = (481, "no such dialog");
        let second_call = self.legs.get(&second).map(|leg| leg.call).ok_or(gone)?;
        let (one, two) = (self.calls.get(&call).ok_or(gone)?, self.calls.get(&second_call).ok_or(gone)?);
        let first_party = one.call.peer_of(by).ok_or((403, "nobody to transfer"))?;
        if !two.call.can_be_taken_over(second) {
            return Err((491, "the second call is being transferred"));
        }
        let (goes_on, gone, moved) = match two.call.peer_of(second) {
            Some(second_party) => {
                // The queue's conversation whose agent stays goes on first, then the customer's call, then the older one.
                let rank = |slot: &call::Call, leaves: LegId| {
                    let stays = slot.agent_leg().is_some_and(|agent| agent != leaves);
                    (stays, slot.ledger().queue.is_some(), Reverse(slot.ledger().call))
                };
                if rank(&two.call, second) > rank(&one.call, by) {
                    ((second_call, second), call, first_party)
                } else {
                    ((call, by), second_call, second_party)
                }
            }
            // He waits in a queue, or listens to music: the party takes his place there.
            None => ((second_call, second), call, first_party),
        };
        self.note(now, goes_on.0, "an attended transfer joins a second call".to_owned());
        self.move_leg(moved, goes_on.0);
        self.toll.joined(gone, goes_on.0);
        self.tell(gone, call::Input::GivenAway(vec![moved]));
        self.tell(goes_on.0, call::Input::TakeOver { out: goes_on.1, by: moved });
        Ok(())
    }

    /// From now on the leg is one of that call; the old one keeps it in its list.
    fn move_leg(&mut self, id: LegId, into: CallUid) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let from = std::mem::replace(&mut leg.call, into);
        self.recording_moves(id, from, into);
        let Some(leg) = self.legs.get(&id) else { return };
        if let Some(slot) = self.calls.get_mut(&from) {
            slot.legs.remove(&id);
            slot.ended_legs.push(views::ended_leg(leg));
        }
        if let Some(slot) = self.calls.get_mut(&into) {
            slot.legs.insert(id);
        }
    }

    /// How far a transfer is, as its call says.
    pub(crate) fn transfer_step(&mut self, now: Now, call: CallUid, by: LegId, step: TransferStep) {
        if !self.is_transferor(call, by) {
            return;
        }
        match step {
            TransferStep::Ringing => self.notify_transferor(now, call, 180, false),
            TransferStep::Done => self.notify_transferor(now, call, 200, true),
            TransferStep::Failed(cause) => {
                self.notify_transferor(now, call, cause_map::refusal(cause).0, true);
                let referral = self.calls.get(&call).and_then(|slot| slot.referral.as_ref());
                if let Some(phone) = referral.and_then(|referral| referral.phone.clone()) {
                    self.toll.came_back(now.instant, call, &phone);
                }
            }
        }
        // Who has hung up is rung again after a failure: his phone must be known until then.
        let keep = match step {
            TransferStep::Ringing => true,
            TransferStep::Done => false,
            TransferStep::Failed(_) => !self.legs.contains_key(&by),
        };
        if let Some(slot) = self.calls.get_mut(&call)
            && !keep
        {
            slot.referral = None;
        }
    }

    /// Whether the party of this leg has asked for a transfer that is not over.
    pub(crate) fn is_transferor(&self, call: CallUid, leg: LegId) -> bool {
        let referral = self.calls.get(&call).and_then(|slot| slot.referral.as_ref());
        referral.is_some_and(|referral| referral.by == leg)
    }

    /// The transferor has hung up and the transfer failed: his phone is rung.
    pub(crate) fn recall(&mut self, now: Now, call: CallUid, by: LegId) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        let phone = slot.referral.take().filter(|referral| referral.by == by).and_then(|it| it.phone);
        let party = self.legs.get(&slot.call.caller());
        let number = party.map(|leg| leg.party.clone()).unwrap_or_default();
        let shown = Shown { number, name: slot.caller_name.clone() };
        let legs = match phone {
            Some(phone) => self.plan_phone(now, call, &phone, LegRole::Party, &shown),
            None => Vec::new(),
        };
        self.tell(call, call::Input::Recall(legs));
    }

    /// A leg is over: where it was a transferor's, his subscription goes on with its dialog.
    pub(crate) fn transferor_gone(&mut self, leg: &mut Leg) {
        if let Some(slot) = self.calls.get_mut(&leg.call)
            && let Some(referral) = slot.referral.as_mut().filter(|referral| referral.by == leg.id)
            && let Some(subscription) = &mut referral.subscription
        {
            subscription.dialog = leg.dialog.take();
        }
    }

    /// SUBSCRIBE in the dialog of a REFER (RFC 6665 section 4.1.2): refreshed or ended.
    pub(crate) fn refer_subscribed(&mut self, now: Now, tx: ServerTx, leg: LegId, message: &Message) {
        let call = self.legs.get(&leg).map(|leg| leg.call);
        let slot = call.and_then(|call| self.calls.get(&call));
        let mine = slot.and_then(|slot| slot.referral.as_ref()).filter(|referral| referral.by == leg);
        let Some(told) = mine.and_then(|mine| mine.subscription.as_ref()).map(|open| open.told) else {
            return self.reply(now, tx, message, 481, "Subscription Does Not Exist");
        };
        let ends = matches!(message.expires(), Ok(Some(0)));
        let seconds = if ends { 0 } else { SUBSCRIPTION_SECONDS };
        self.reply_with(now, tx, message, 200, "OK", |response| {
            response.header_fmt(Name::Expires, format_args!("{seconds}"));
        });
        let Some(call) = call else { return };
        // RFC 6665 section 4.2.1.2: a NOTIFY follows every 2xx to a SUBSCRIBE.
        if let Some(open) = self.subscription(call) {
            open.told = 0;
        }
        self.notify_transferor(now, call, told, ends);
        if ends && let Some(referral) = self.calls.get_mut(&call).and_then(|slot| slot.referral.as_mut()) {
            referral.subscription = None;
        }
    }

    fn subscription(&mut self, call: CallUid) -> Option<&mut Subscription> {
        self.calls.get_mut(&call)?.referral.as_mut()?.subscription.as_mut()
    }

    /// Tells the transferor how far it is, and with `last` that there is no more to come.
    fn notify_transferor(&mut self, now: Now, call: CallUid, status: u16, last: bool) {
        let Some(referral) = self.calls.get_mut(&call).and_then(|slot| slot.referral.as_mut()) else {
            return;
        };
        let by = referral.by;
        let Some(subscription) = &mut referral.subscription else { return };
        // A second phone that rings tells him nothing new.
        if !last && subscription.told >= status {
            return;
        }
        subscription.told = status;
        let event = match subscription.id {
            Some(id) => format!("refer;id={id}"),
            None => "refer".to_owned(),
        };
        let state = if last {
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={SUBSCRIPTION_SECONDS}")
        };
        let body = refer::sipfrag(status, phrase(status));
        let user_agent = self.config.sip.user_agent.clone();
        let fill = |request: &mut RequestWriter| {
            request
                .header(Name::Event, event.as_bytes())
                .header(Name::SubscriptionState, state.as_bytes())
                .body(b"message/sipfrag;version=2.0", body.as_bytes());
        };
        let Some(dialog) = &mut subscription.dialog else {
            let flow = self.legs.get(&by).map(|leg| leg.flow);
            let contact = flow.map(|flow| write::contact_of(self.addresses.signalling(&flow), flow));
            return self.send_in_dialog(now, by, Method::Notify, Purpose::Farewell(by), |request| {
                request.header(Name::Contact, contact.unwrap_or_default().as_bytes());
                fill(request);
            });
        };
        let flow = dialog.flow();
        let address = self.addresses.signalling(&flow);
        let branch = self.endpoint.branch();
        let mut request = dialog.request(Method::Notify, address.to_string().as_bytes(), &branch);
        request.header(Name::UserAgent, user_agent.as_bytes());
        request.header(Name::Contact, write::contact_of(address, flow).as_bytes());
        fill(&mut request);
        let bytes = request.finish();
        self.endpoint.request(now.instant, flow, bytes, Purpose::Farewell(by).pack(), &mut self.effects);
        self.count_request_out(Method::Notify, flow.transport);
    }
}

/// With whose rights the party of a leg dials: an account's, or a trunk's.
fn rights_of(leg: &Leg) -> Option<Rights> {
    let phone = leg.phone.is_some().then_some(Rights::Phone);
    phone.or_else(|| leg.trunk.clone().map(Rights::Trunk))
}

/// The reason phrase of a status line in a NOTIFY.
const fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        603 => "Decline",
        _ => "Server Internal Error",
    }
}
