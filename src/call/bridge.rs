//! The call's state machine: a caller, and whom he is connected with.
//!
//! ```text
//!            Ring                       Queue                       Music
//!   Begin ──────────► Ringing   Begin ─────────► Joining   Begin ─────────► Listening
//!                        │                          │ Joined
//!                        │ first answer             ▼        Connect
//!                        ├───────────► Talking ◄── Waiting ───────────┐
//!                        │                │          │ RingAgent ▲    │
//!                        ▼                ▼          ▼           │    │
//!                      Ended ◄──────── (any end) ◄── offers ─────┴────┘
//! ```
//! What is said to a caller, and menus, are in `service`; they begin like a plan and lead on through `Onward`.
//! How a party is handed over is in `transfer`, how a leg takes another one's place in `takeover`, who else is in a
//! conversation in `guests`, and a caller in a conference in `meeting`.
//! A leg that the call ends is over for the call at once: a late answer or a lost BYE is the SIP side's affair.

use crate::call::cause::Cause;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::command::ToQueue;
use crate::call::event::Afterwards;
use crate::call::event::Input;
use crate::call::event::LegEvent;
use crate::call::event::LegId;
use crate::call::event::Plan;
use crate::call::guests::Guests;
use crate::call::ledger::Ledger;
use crate::call::menu::Menu;
use crate::call::ring::Ring;
use crate::call::transfer::Transfer;
use crate::clock::Instant;
use crate::clock::Now;
use crate::ids::AgentId;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a call stands. The data of a state lives in its variant.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nothing was done yet.
    New,
    /// Phones ring for the caller, who is not answered.
    Ringing {
        /// The phones.
        ring: Ring,
        /// When the caller is told that nobody answers.
        until: Instant,
        /// When nobody answers, the switch is asked where next.
        onward: bool,
    },
    /// The switch was asked where next.
    Onward,
    /// Something is said to the caller.
    Speaking {
        /// The number of what is said.
        number: u32,
        /// What follows.
        then: Afterwards,
    },
    /// The caller is in a menu.
    Menu(Box<Menu>),
    /// The distributor was asked to take the caller in.
    Joining {
        /// The queue's music.
        music: String,
    },
    /// The caller waits in a queue.
    Waiting {
        /// The queue's music.
        music: String,
        /// Agents whose phones ring, or were answered (`ring` is `None`) and await `Connect`.
        offers: BTreeMap<OfferUid, Offer>,
    },
    /// Two parties are connected.
    Talking {
        /// The other party's leg.
        other: LegId,
        /// The offer, when the other is an agent who took a queue's caller.
        offer: Option<OfferUid>,
        /// What a held party hears.
        music: String,
        /// The caller holds the other.
        caller_holds: bool,
        /// The other holds the caller.
        other_holds: bool,
    },
    /// A party is being handed over to somebody else by the other.
    Transferring(Box<Transfer>),
    /// The caller listens to music that he dialled.
    Listening,
    /// The caller is in a conference.
    Meeting {
        /// What he hears while he is alone.
        music: Option<String>,
        /// Others are there.
        company: bool,
        /// He holds the conference.
        holds: bool,
    },
    /// All legs are over.
    Ended,
}

/// An agent's phones that ring for a waiting caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    agent: AgentId,
    ring: Option<Ring>,
    answered: Option<LegId>,
}

/// How long phones ring before the caller is told that nobody answers; an agent's are the distributor's matter.
/// Three minutes is the least that RFC 3261 section 16.6 step 11 gives a proxy's timer C.
const RING_MAX: Duration = Duration::from_secs(180);

/// The music of a phone-to-phone hold.
pub(in crate::call) const HOLD_MUSIC: &str = "default";

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who called; after a transfer, the party that was handed over.
    pub(in crate::call) caller: LegId,
    pub(in crate::call) caller_answered: bool,
    pub(in crate::call) state: State,
    pub(in crate::call) ledger: Ledger,
    /// How much was said to the caller, to know whose end an end is.
    pub(in crate::call) said: u32,
    /// The leg of the agent whose queue conversation this is.
    pub(in crate::call) agent_leg: Option<LegId>,
    /// How often a party was handed over.
    pub(in crate::call) transfers: u8,
    /// Who is in the conversation beside the two.
    pub(in crate::call) guests: Guests,
}

impl Call {
    /// A call whose caller's INVITE has come in on `caller`.
    pub fn new(caller: LegId, ledger: Ledger) -> Self {
        Self {
            caller,
            caller_answered: false,
            state: State::New,
            ledger,
            said: 0,
            agent_leg: None,
            transfers: 0,
            guests: Guests::default(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was written down so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The caller's leg.
    pub fn caller(&self) -> LegId {
        self.caller
    }

    /// When the machine wants `Timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Ringing { until, .. } => Some(*until),
            State::Menu(menu) => menu.poll_timeout(),
            State::Transferring(transfer) => transfer.until(),
            State::Talking { .. } => self.guests.until(),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Joining { .. }
            | State::Waiting { .. }
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => None,
        }
    }

    /// One input, all its commands. What comes late, for a leg or an offer that is over, changes nothing.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin(plan) => self.begin(now, plan, out),
            Input::Leg(leg, event) if self.is_transferring() => self.transfer_event(now, leg, event, out),
            Input::Joined if self.is_transferring() => self.transfer_joined(now, out),
            Input::Evicted(cause) if self.is_transferring() => self.transfer_failed(now, cause, out),
            Input::Timeout if self.is_transferring() => self.transfer_timeout(now, out),
            Input::Transfer { by, to } => self.transfer(now, by, to, out),
            Input::Recall(legs) => self.recall(now, &legs, out),
            Input::TakeOver { out: gone, by } => self.take_over(now, gone, by, out),
            Input::GivenAway(legs) => self.given_away(now, &legs, out),
            Input::Leg(leg, event) if self.is_guest(leg) => self.guest_event(now, leg, event, out),
            Input::Leg(leg, event) if leg == self.caller => self.caller_event(now, event, out),
            Input::Leg(leg, event) => self.other_event(now, leg, event, out),
            Input::Invite { legs, role } => self.invite(now, &legs, role, out),
            Input::Arrive { leg, role } => self.arrive(now, leg, role, out),
            Input::Supervise { leg, mode } => self.supervise(now, leg, mode, out),
            Input::PutOut(leg) => self.put_out(now, leg, out),
            Input::Mute { leg, muted } => self.mute(leg, muted, out),
            Input::Hold { leg, held } => self.hold_by_hand(now, leg, held, out),
            Input::Company(company) => self.company(company, out),
            Input::Joined => self.joined(out),
            Input::Evicted(cause) => self.evicted(now, cause, out),
            Input::RingAgent { offer, agent, legs } => self.ring_agent(offer, agent, &legs, out),
            Input::Rescind(offer) => self.rescind(offer, out),
            Input::Connect(offer) => self.connect(now, offer, out),
            Input::HangUp(cause) => self.end(now, cause, out),
            Input::Moved { queue, music } => self.moved(queue, music, out),
            Input::Key { leg, key, way } => self.key(now, leg, key, way, out),
            Input::Said { leg, number } if leg == self.caller => self.said(now, number, out),
            Input::Said { .. } => {}
            Input::NotChosen => self.menu(now, |menu, _, said, steps| menu.refused(said, steps), out),
            Input::Timeout => self.timeout(now, out),
        }
    }

    fn begin(&mut self, now: Now, plan: Plan, out: &mut Vec<Command>) {
        if !self.may_begin() {
            return;
        }
        match plan {
            Plan::Ring(legs) if legs.is_empty() => self.end(now, Cause::Unreachable, out),
            Plan::Ring(legs) => {
                out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like: self.caller }));
                let until = now.instant + RING_MAX;
                self.enter(State::Ringing { ring: Ring::new(&legs), until, onward: false });
            }
            Plan::Attempt { legs, ring } => self.attempt(now, &legs, ring, out),
            Plan::Say { sounds, then } => self.speak(now, sounds, then, out),
            Plan::Menu(script) => self.enter_menu(script, out),
            Plan::Meeting { music, company } => self.enter_meeting(now, music, company, out),
            Plan::Queue { queue, music } => self.join(now, queue, music, out),
            Plan::Music(class) => {
                self.answer_caller(None, out);
                out.push(Command::Hear { leg: self.caller, what: Hear::Music(class) });
                self.ledger.talking(now);
                self.enter(State::Listening);
            }
        }
    }

    pub(in crate::call) fn join(&mut self, now: Now, queue: QueueId, music: String, out: &mut Vec<Command>) {
        self.ledger.queued(now, queue.clone());
        self.enter(State::Joining { music });
        out.push(Command::Queue(ToQueue::Join(queue)));
    }

    fn joined(&mut self, out: &mut Vec<Command>) {
        let State::Joining { music } = &self.state else { return };
        let music = music.clone();
        self.answer_caller(None, out);
        out.push(Command::Hear { leg: self.caller, what: Hear::Music(music.clone()) });
        out.push(Command::Note("waiting in the queue"));
        self.enter(State::Waiting { music, offers: BTreeMap::new() });
    }

    fn evicted(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        // The distributor has counted the caller as gone: `end` must not report him again.
        if let State::Joining { .. } | State::Waiting { .. } = self.state {
            self.drop_offers(out);
            self.finish(now, cause, out);
        }
    }

    /// The caller waits in another queue: its music from now on, its name in the record.
    fn moved(&mut self, queue: QueueId, new_music: String, out: &mut Vec<Command>) {
        let State::Waiting { music, .. } = &mut self.state else { return };
        if *music != new_music {
            music.clone_from(&new_music);
            out.push(Command::Hear { leg: self.caller, what: Hear::Music(new_music) });
        }
        self.ledger.queue = Some(queue);
    }

    fn ring_agent(&mut self, offer: OfferUid, agent: AgentId, legs: &[LegId], out: &mut Vec<Command>) {
        let State::Waiting { offers, .. } = &mut self.state else {
            out.push(Command::Queue(ToQueue::Refused(offer, Cause::Cancelled.offer_result())));
            return;
        };
        if legs.is_empty() {
            out.push(Command::Queue(ToQueue::Refused(offer, Cause::Unreachable.offer_result())));
            return;
        }
        out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like: self.caller }));
        offers.insert(offer, Offer { agent, ring: Some(Ring::new(legs)), answered: None });
    }

    fn rescind(&mut self, offer: OfferUid, out: &mut Vec<Command>) {
        let State::Waiting { offers, .. } = &mut self.state else { return };
        if let Some(gone) = offers.remove(&offer) {
            hang_up_offer(&gone, Cause::Cancelled, out);
        }
    }

    fn connect(&mut self, now: Now, offer: OfferUid, out: &mut Vec<Command>) {
        let State::Waiting { music, offers } = &mut self.state else { return };
        let Some((agent, leg)) = offers.get(&offer).and_then(Offer::winner) else { return };
        offers.remove(&offer);
        let music = music.clone();
        for lost in std::mem::take(offers).values() {
            hang_up_offer(lost, Cause::AnsweredElsewhere, out);
        }
        self.ledger.agent = Some(agent);
        self.agent_leg = Some(leg);
        self.talk(now, leg, Some(offer), music, out);
        out.push(Command::Queue(ToQueue::Connected(offer)));
    }

    /// From now on the caller and `other` hear each other.
    pub(in crate::call) fn talk(
        &mut self,
        now: Now,
        other: LegId,
        offer: Option<OfferUid>,
        music: String,
        out: &mut Vec<Command>,
    ) {
        self.ledger.talking(now);
        self.enter(State::Talking { other, offer, music, caller_holds: false, other_holds: false });
        self.hear(out);
        out.push(Command::Note("talking"));
    }

    /// Who hears what while two parties are connected: who holds hears nothing, who is held hears music.
    pub(in crate::call) fn hear(&self, out: &mut Vec<Command>) {
        if self.guests.need_room() {
            return self.hear_room(out);
        }
        let State::Talking { other, music, caller_holds, other_holds, .. } = &self.state else { return };
        let hears = |holds: bool, held: bool, from: LegId| match (holds, held) {
            (true, _) => Hear::Silence,
            (false, true) => Hear::Music(music.clone()),
            (false, false) => Hear::Leg(from),
        };
        out.push(Command::Hear { leg: self.caller, what: hears(*caller_holds, *other_holds, *other) });
        out.push(Command::Hear { leg: *other, what: hears(*other_holds, *caller_holds, self.caller) });
    }

    fn caller_event(&mut self, now: Now, event: LegEvent, out: &mut Vec<Command>) {
        match event {
            LegEvent::Ended(_) | LegEvent::Failed(_) if self.third_steps_in(now, self.caller, out) => {}
            LegEvent::Ended(cause) | LegEvent::Failed(cause) => {
                self.end_but(now, Some(self.caller), cause, out)
            }
            LegEvent::Held(held) if self.hold_meeting(held, out) => {}
            LegEvent::Held(held) => self.hold(now, self.caller, held, out),
            // The caller's own leg is answered by us: there is nothing to be told of its progress.
            LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Speaks | LegEvent::Answered => {}
        }
    }

    fn other_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Command>) {
        match &self.state {
            State::Ringing { ring, .. } if ring.has(leg) => self.ringing_event(now, leg, event, out),
            State::Waiting { offers, .. } => {
                let found = offers.iter().find(|(_, offer)| offer.has(leg)).map(|(id, _)| *id);
                if let Some(id) = found {
                    self.offer_event(id, leg, event, out);
                }
            }
            State::Talking { other, .. } if *other == leg => match event {
                LegEvent::Ended(_) | LegEvent::Failed(_) if self.third_steps_in(now, leg, out) => {}
                LegEvent::Ended(cause) | LegEvent::Failed(cause) => self.end_but(now, Some(leg), cause, out),
                LegEvent::Held(held) => self.hold(now, leg, held, out),
                LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Speaks | LegEvent::Answered => {}
            },
            State::New
            | State::Ringing { .. }
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Joining { .. }
            | State::Talking { .. }
            | State::Transferring(_)
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => {}
        }
    }

    fn ringing_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Command>) {
        let State::Ringing { ring, .. } = &mut self.state else { return };
        match event {
            LegEvent::Ringing => out.push(Command::Progress { leg: self.caller, media: None }),
            LegEvent::EarlyMedia if ring.is_single() => {
                out.push(Command::Progress { leg: self.caller, media: Some(leg) });
                // Carriers announce audio and send none: the caller hears our tone until their first packet.
                let what = if ring.has_spoken(leg) { Hear::Leg(leg) } else { Hear::Ringback };
                out.push(Command::Hear { leg: self.caller, what });
                out.push(Command::Hear { leg, what: Hear::Leg(self.caller) });
            }
            LegEvent::Speaks => {
                ring.speaks(leg);
                if ring.is_single() {
                    out.push(Command::Hear { leg: self.caller, what: Hear::Leg(leg) });
                }
            }
            // Several phones ring: whose audio would it be? The caller's own phone makes the ringing tone.
            LegEvent::EarlyMedia => out.push(Command::Progress { leg: self.caller, media: None }),
            LegEvent::Answered => {
                let losers: Vec<LegId> = ring.clone().answered(leg).collect();
                out.extend(
                    losers
                        .iter()
                        .map(|loser| Command::HangUp { leg: *loser, cause: Cause::AnsweredElsewhere }),
                );
                self.answer_caller(Some(leg), out);
                self.talk(now, leg, None, HOLD_MUSIC.to_owned(), out);
            }
            LegEvent::Failed(cause) | LegEvent::Ended(cause) => {
                if let Some(cause) = ring.failed(leg, cause) {
                    self.unanswered(now, cause, out);
                }
            }
            LegEvent::Held(_) => {}
        }
    }

    fn offer_event(&mut self, id: OfferUid, leg: LegId, event: LegEvent, out: &mut Vec<Command>) {
        let State::Waiting { offers, .. } = &mut self.state else { return };
        let Some(offer) = offers.get_mut(&id) else { return };
        match event {
            LegEvent::Ringing | LegEvent::EarlyMedia => out.push(Command::Queue(ToQueue::Ringing(id))),
            LegEvent::Answered => {
                let Some(ring) = offer.ring.take() else { return };
                offer.answered = Some(leg);
                out.extend(
                    ring.answered(leg)
                        .map(|loser| Command::HangUp { leg: loser, cause: Cause::AnsweredElsewhere }),
                );
                out.push(Command::Queue(ToQueue::Answered(id)));
            }
            LegEvent::Failed(cause) | LegEvent::Ended(cause) => {
                let over = match &mut offer.ring {
                    Some(ring) => ring.failed(leg, cause),
                    None => Some(cause),
                };
                if let Some(cause) = over {
                    offers.remove(&id);
                    out.push(Command::Queue(ToQueue::Refused(id, cause.offer_result())));
                }
            }
            LegEvent::Held(_) | LegEvent::Speaks => {}
        }
    }

    pub(in crate::call) fn hold(&mut self, now: Now, leg: LegId, held: bool, out: &mut Vec<Command>) {
        let State::Talking { other, offer, caller_holds, other_holds, .. } = &mut self.state else { return };
        let told = if leg == self.caller {
            *caller_holds = held;
            *other
        } else {
            *other_holds = held;
            self.caller
        };
        let any = *caller_holds || *other_holds;
        let offer = *offer;
        self.ledger.held(now, any);
        self.hear(out);
        out.extend(self.tells_holds().then_some(Command::PassHold { leg: told, held }));
        out.push(Command::Note(if held { "on hold" } else { "talking again" }));
        if let Some(offer) = offer {
            out.push(Command::Queue(ToQueue::Held(offer, any)));
        }
    }

    fn timeout(&mut self, now: Now, out: &mut Vec<Command>) {
        if self.poll_timeout().is_none_or(|at| at > now.instant) {
            return;
        }
        if matches!(self.state, State::Menu(_)) {
            self.menu(now, |menu, at, said, steps| menu.timeout(at, said, steps), out);
        } else if !self.guests_timeout(now, out) {
            self.unanswered(now, Cause::NoAnswer, out);
        }
    }

    /// Nobody has answered: the switch may know where next.
    fn unanswered(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        let State::Ringing { ring, onward: true, .. } = &self.state else { return self.end(now, cause, out) };
        out.extend(ring.legs().map(|leg| Command::HangUp { leg, cause: Cause::NoAnswer }));
        self.enter(State::Onward);
        out.push(Command::Next(cause));
    }

    pub(in crate::call) fn end(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        self.end_but(now, None, cause, out);
    }

    /// Ends every leg but the one that is over already, and tells the distributor.
    pub(in crate::call) fn end_but(
        &mut self,
        now: Now,
        over: Option<LegId>,
        cause: Cause,
        out: &mut Vec<Command>,
    ) {
        match &self.state {
            State::Ended => return,
            State::New
            | State::Listening
            | State::Meeting { .. }
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_) => {}
            State::Ringing { ring, .. } => {
                let why = if cause == Cause::NoAnswer { cause } else { Cause::Cancelled };
                out.extend(ring.legs().map(|leg| Command::HangUp { leg, cause: why }));
            }
            State::Transferring(_) => self.end_transfer(over, cause, out),
            State::Joining { .. } | State::Waiting { .. } => {
                self.drop_offers(out);
                let by_caller =
                    over == Some(self.caller) && matches!(cause, Cause::Normal | Cause::Cancelled);
                let word = if by_caller {
                    ToQueue::HungUp
                } else if cause == Cause::ByRequest {
                    ToQueue::Removed
                } else {
                    ToQueue::Failed
                };
                out.push(Command::Queue(word));
            }
            State::Talking { other, offer, .. } => {
                if over != Some(*other) {
                    out.push(Command::HangUp { leg: *other, cause });
                }
                if let Some(offer) = offer {
                    out.push(Command::Queue(ToQueue::ConversationEnded(*offer)));
                }
            }
        }
        if over == Some(self.caller) {
            self.caller_answered = true;
            self.close(now, cause, out);
        } else {
            self.finish(now, cause, out);
        }
    }

    /// Ends the caller's leg, then the call.
    fn finish(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        out.push(if self.caller_answered {
            Command::HangUp { leg: self.caller, cause }
        } else {
            Command::Refuse { leg: self.caller, cause }
        });
        self.close(now, cause, out);
    }

    pub(in crate::call) fn close(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        self.enter(State::Ended);
        self.dismiss_guests(cause, out);
        out.push(Command::Finished(Box::new(self.ledger.close(now, cause))));
    }

    fn drop_offers(&mut self, out: &mut Vec<Command>) {
        if let State::Waiting { offers, .. } = &mut self.state {
            for offer in std::mem::take(offers).values() {
                hang_up_offer(offer, Cause::Cancelled, out);
            }
        }
    }

    pub(in crate::call) fn answer_caller(&mut self, like: Option<LegId>, out: &mut Vec<Command>) {
        if !self.caller_answered {
            self.caller_answered = true;
            out.push(Command::Answer { leg: self.caller, like });
        }
    }

    pub(in crate::call) fn enter(&mut self, state: State) {
        self.state = state;
    }
}

impl Offer {
    /// The agent and his leg, once a phone of his was answered.
    fn winner(&self) -> Option<(AgentId, LegId)> {
        self.answered.map(|leg| (self.agent.clone(), leg))
    }

    fn has(&self, leg: LegId) -> bool {
        self.answered == Some(leg) || self.ring.as_ref().is_some_and(|ring| ring.has(leg))
    }
}

fn hang_up_offer(offer: &Offer, cause: Cause, out: &mut Vec<Command>) {
    let ringing = offer.ring.iter().flat_map(Ring::legs);
    out.extend(ringing.chain(offer.answered).map(|leg| Command::HangUp { leg, cause }));
}

#[cfg(test)]
mod tests;
