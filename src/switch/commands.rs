//! Carrying out a call's commands: SIP answers and requests, media commands, word for the distributor, the record.

use crate::acd;
use crate::call::Audience;
use crate::call::Cause;
use crate::call::Command;
use crate::call::Hear;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::call::ToQueue;
use crate::clock::Now;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::QueueId;
use crate::media::command::Command as MediaCommand;
use crate::media::command::HeardBy;
use crate::media::command::Source;
use crate::media::command::Then;
use crate::media::command::Tone;
use crate::metrics::labels::Side;
use crate::record::Cdr;
use crate::record::Fact;
use crate::recording::Ending;
use crate::sdp::Direction as Flowing;
use crate::sip::dialog::Dialog;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::core::Work;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::view::LegRole;
use crate::switch::views;

/// Ended legs that a call shows: one that is offered to agents all day must not grow without end.
const ENDED_LEGS_MAX: usize = 64;

impl Core {
    /// One command of a call.
    pub(crate) fn carry_out(&mut self, now: Now, call: CallUid, command: Command) {
        match command {
            Command::Progress { leg, media } => self.progress(now, leg, media),
            Command::Answer { leg, like } => self.answer(now, leg, like),
            Command::Refuse { leg, cause } => self.refuse(now, leg, cause),
            Command::Dial { leg, like } => self.dial(now, leg, like),
            Command::HangUp { leg, cause } => self.hang_up(now, leg, cause),
            Command::Hear { leg, what } => self.hear(leg, what),
            Command::PassHold { leg, held } => {
                let direction = if held { Flowing::SendOnly } else { Flowing::SendRecv };
                self.reinvite(now, leg, direction);
            }
            Command::Transfer { by, step } => self.transfer_step(now, call, by, step),
            Command::Recall { by } => self.recall(now, call, by),
            Command::Queue(word) => self.tell_queue(now, call, word),
            Command::Next(cause) => self.next(now, call, cause),
            Command::Chosen(choice) => self.chosen(now, call, choice),
            Command::PassKey { leg, key, way } => self.pass_key(now, leg, key, way),
            Command::Note(what) => self.note(now, call, what.to_owned()),
            Command::Finished(cdr) => self.finished(now, call, *cdr),
        }
    }

    /// Adds a line to the call's timeline.
    pub(crate) fn note(&mut self, now: Now, call: CallUid, what: String) {
        /// A call that is held and resumed all day must not grow without end.
        const TIMELINE_MAX: usize = 200;
        if let Some(slot) = self.calls.get_mut(&call)
            && slot.timeline.len() < TIMELINE_MAX
        {
            slot.timeline.push((now.wall, what));
        }
    }

    fn progress(&mut self, now: Now, leg: LegId, media: Option<LegId>) {
        let media = media.filter(|_| self.may_have_early_audio(leg));
        let status = if media.is_some() { 183 } else { 180 };
        let Some(Leg { phase: Phase::Incoming { told, .. }, .. }) = self.legs.get(&leg) else { return };
        // A second phone that rings, or ringing after early audio, tells the caller nothing new.
        if *told >= status {
            return;
        }
        let offers_early = self.offers_in_provisional(leg);
        if (media.is_some() || offers_early) && !self.settle_answer(leg, media) {
            return;
        }
        let reason = if media.is_some() { "Session Progress" } else { "Ringing" };
        self.respond_to_invite(now, leg, status, reason, None);
        if let Some(Leg { phase: Phase::Incoming { told, .. }, .. }) = self.legs.get_mut(&leg) {
            *told = status;
        }
    }

    pub(crate) fn answer(&mut self, now: Now, id: LegId, like: Option<LegId>) {
        let Some(Leg { phase: Phase::Incoming { tx, .. }, .. }) = self.legs.get(&id) else { return };
        let tx = *tx;
        if !self.settle_answer(id, like) {
            self.respond_to_invite(now, id, 488, "Not Acceptable Here", None);
            self.tell_leg(id, LegEvent::Ended(Cause::NotAcceptable));
            self.drop_leg(id);
            return;
        }
        if self.answer_must_wait(id, like) {
            return;
        }
        self.respond_to_invite(now, id, 200, "OK", None);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.renegotiation.answer_in_ack = leg.remote.is_none();
        leg.phase = Phase::Up;
        leg.unacknowledged = Some(tx);
        self.invites.insert(tx, id);
        self.watch_media(id);
        self.warn_of_private_media(now, id);
        self.arm_leg(id);
    }

    pub(crate) fn refuse(&mut self, now: Now, id: LegId, cause: Cause) {
        let (status, reason) = cause_map::refusal(cause);
        self.respond_to_invite(now, id, status, reason, Some(cause));
        self.drop_leg(id);
    }

    /// Ends a leg in whatever phase it is. For its call it is over; a late answer is seen to by `response`.
    pub(crate) fn hang_up(&mut self, now: Now, id: LegId, cause: Cause) {
        let reason = self.reason_for(id, cause);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match &mut leg.phase {
            Phase::Planned => self.drop_leg(id),
            Phase::Incoming { .. } => self.refuse(now, id, cause),
            Phase::Outgoing { tx, cancelled, .. } => {
                *cancelled = Some(cause);
                let tx = *tx;
                self.close_media(id);
                self.endpoint.cancel(now.instant, tx, reason.as_deref(), &mut self.effects);
            }
            // RFC 3261 section 15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an
            // ACK for its 2xx response or until the server transaction times out": it might overtake the 2xx.
            Phase::Up if leg.unacknowledged.is_some() => {
                leg.phase = Phase::Leaving { cause };
                self.close_media(id);
            }
            Phase::Up => {
                self.send_bye(now, id, cause);
                self.drop_leg(id);
            }
            Phase::Leaving { .. } => {}
        }
    }

    /// Sends a BYE in the leg's dialog (RFC 3261 section 15.1.1).
    pub(crate) fn send_bye(&mut self, now: Now, id: LegId, cause: Cause) {
        let reason = self.reason_for(id, cause);
        self.send_in_dialog(now, id, Method::Bye, Purpose::Farewell(id), |request| {
            if let Some(reason) = &reason {
                request.header(Name::Reason, reason.as_bytes());
            }
        });
    }

    /// Hangs up the legs that wait for an ACK: there is no time left for it.
    pub(crate) fn leave_now(&mut self, now: Now) {
        let waiting = |(id, leg): (&LegId, &Leg)| matches!(leg.phase, Phase::Leaving { .. }).then_some(*id);
        #[expect(clippy::disallowed_methods, reason = "at the end, and sorted")]
        let mut legs: Vec<LegId> = self.legs.iter().filter_map(waiting).collect();
        legs.sort();
        for leg in legs {
            self.send_bye(now, leg, Cause::Shutdown);
            self.drop_leg(leg);
        }
    }

    fn hear(&mut self, leg: LegId, what: Hear) {
        let source = match what {
            Hear::Silence => Source::Silence,
            Hear::Leg(other) => match self.legs.get(&other) {
                Some(other) => Source::Leg(other.media()),
                None => Source::Silence,
            },
            Hear::Music(class) => Source::Music { class },
            Hear::Sounds { names, number } => Source::Prompts { files: names, then: Then::Silence, number },
            Hear::Ringback => Source::Tone(Tone::Ringback),
            Hear::Room(audience) => self.room_source(leg, &audience),
        };
        if let Some(leg) = self.legs.get(&leg) {
            let command = MediaCommand::Hear { leg: leg.media(), source };
            self.out.push(Output::Media { worker: leg.worker, command });
        }
    }

    /// The room of the leg's call, which it has from now on.
    fn room_source(&mut self, leg: LegId, audience: &Audience) -> Source {
        let slot = self.legs.get(&leg).and_then(|leg| self.calls.get_mut(&leg.call));
        let Some(slot) = slot else { return Source::Silence };
        let room = *slot.room.get_or_insert_with(|| self.conferences.new_room());
        let media = |leg: &LegId| self.legs.get(leg).map(Leg::media);
        let heard_by = match audience {
            Audience::All => HeardBy::All,
            Audience::Only(legs) => HeardBy::Only(legs.iter().filter_map(media).collect()),
        };
        Source::Room { room, heard_by }
    }

    fn tell_queue(&mut self, now: Now, call: CallUid, word: ToQueue) {
        if let ToQueue::Join(queue) = word {
            self.join(now, call, queue);
            return;
        }
        let Some(entry) = self.calls.get(&call).and_then(|slot| slot.entry) else { return };
        let input = match word {
            ToQueue::Join(_) => return,
            ToQueue::HungUp => acd::Input::HungUp { entry },
            ToQueue::Removed => acd::Input::Remove { entry, by: None },
            ToQueue::Failed => acd::Input::Failed { entry },
            ToQueue::Ringing(offer) => acd::Input::Ringing { offer },
            ToQueue::Answered(offer) => acd::Input::Answered { offer },
            ToQueue::Connected(offer) => acd::Input::Connected { offer },
            ToQueue::Refused(offer, why) => acd::Input::Refused { offer, why },
            ToQueue::Held(offer, held) => acd::Input::Held { offer, held },
            ToQueue::ConversationEnded(offer) => acd::Input::ConversationEnded { offer },
        };
        self.work.push_back(Work::Acd(input));
    }

    fn join(&mut self, now: Now, call: CallUid, queue: QueueId) {
        let entry = EntryUid::draw(now.wall, &mut self.random);
        let Some(slot) = self.calls.get_mut(&call) else { return };
        slot.entry = Some(entry);
        let number = slot.call.ledger().from.clone();
        let name = slot.caller_name.clone();
        self.work.push_back(Work::Acd(acd::Input::Join { entry, call, queue, number, name, priority: None }));
    }

    fn finished(&mut self, now: Now, call: CallUid, cdr: Cdr) {
        tracing::info!(
            call = %call,
            outcome = ?cdr.outcome,
            cause = cdr.cause,
            wait_ms = cdr.wait.as_millis(),
            talk_ms = cdr.talk.as_millis(),
            "the call has ended"
        );
        if let Some(slot) = self.calls.get(&call) {
            self.count_call(slot.direction, &cdr);
        }
        self.out.push(Output::Fact(Fact::Cdr(cdr)));
        self.forget_call(now, call);
    }

    /// Takes the call and its legs out of every table. Legs whose CANCEL is under way stay for a late answer, those
    /// without ACK for their BYE.
    pub(crate) fn forget_call(&mut self, now: Now, call: CallUid) {
        self.end_recording(now, call, Ending::CallEnded, None);
        let Some(slot) = self.calls.get_mut(&call) else { return };
        if let Some(at) = slot.armed.take() {
            self.call_timers.remove(&(at, call));
        }
        for leg in std::mem::take(&mut slot.legs) {
            let late = matches!(
                self.legs.get(&leg),
                Some(Leg { phase: Phase::Outgoing { cancelled: Some(_), .. } | Phase::Leaving { .. }, .. })
            );
            if !late {
                self.drop_leg(leg);
            } else if let (Some(leg), Some(slot)) = (self.legs.get(&leg), self.calls.get_mut(&call)) {
                slot.ended_legs.push(views::ended_leg(leg));
            }
        }
        self.leave_conference(call);
        self.toll.ended(now.instant, call);
        if let Some(slot) = self.calls.remove(&call) {
            let view = self.call_view(call, &slot, Some(now.wall));
            self.board.call_ended(view);
        }
    }

    /// Takes a leg out of every table and closes its media.
    pub(crate) fn drop_leg(&mut self, id: LegId) {
        self.close_media(id);
        let Some(mut leg) = self.legs.remove(&id) else { return };
        if let Some(at) = leg.armed {
            self.leg_timers.remove(&(at, id));
        }
        if let Some(slot) = self.calls.get_mut(&leg.call)
            && slot.ended_legs.len() < ENDED_LEGS_MAX
        {
            slot.ended_legs.push(views::ended_leg(&leg));
        }
        if let Some(dialog) = leg.dialog_id.take() {
            self.dialogs.remove(&dialog);
            self.ended_dialogs.note(dialog);
        }
        if let Some(phone) = &leg.phone {
            self.phone_workers.ended(phone);
        }
        self.transferor_gone(&mut leg);
        if let Phase::Incoming { tx, .. } = leg.phase {
            self.invites.remove(&tx);
        }
        if let Some(trunk) = &leg.trunk {
            self.trunks.call_ended(trunk);
            self.trunks.forget(id);
        }
        self.own_call_ended(&leg);
        self.touch_lamp_of(&leg);
    }

    /// Closes the leg's media, once.
    pub(crate) fn close_media(&mut self, id: LegId) {
        if let Some(leg) = self.legs.get_mut(&id)
            && std::mem::take(&mut leg.media_open)
        {
            if leg.is_up() {
                let side = if leg.role == LegRole::Caller { Side::Caller } else { Side::Callee };
                self.closing.insert(id, side);
            }
            let command = MediaCommand::Close { leg: leg.media() };
            self.out.push(Output::Media { worker: leg.worker, command });
        }
    }

    /// The leg's dialog for a request of ours, if it has one.
    pub(crate) fn dialog(&mut self, id: LegId) -> Option<&mut Dialog> {
        self.legs.get_mut(&id)?.dialog.as_mut()
    }
}
