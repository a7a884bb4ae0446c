//! Doing what the API asks, and answering its questions.

use crate::acd;
use crate::acd::AcdError;
use crate::call;
use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Now;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::record::AgentStatus;
use crate::record::OfferResult;
use crate::record::QueueStatus;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::switch::action::Action;
use crate::switch::action::Answer;
use crate::switch::action::Done;
use crate::switch::action::Gauges;
use crate::switch::action::Question;
use crate::switch::action::Refusal;
use crate::switch::action::Snapshot;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::core::Work;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::recording::Asker;
use crate::switch::view::AgentView;
use crate::switch::view::CallState;
use crate::switch::view::OfferState;
use crate::switch::view::OfferView;
use crate::switch::views;
use std::collections::BTreeMap;

impl Core {
    /// Does what is asked, with all that it causes.
    ///
    /// # Errors
    /// Why it was not done; nothing has changed then.
    pub fn act(&mut self, now: Now, action: Action, out: &mut Vec<Output>) -> Result<Done, Refusal> {
        self.guarded(now, out, |core| core.do_action(now, action)).unwrap_or(Err(Refusal::Busy))
    }

    fn do_action(&mut self, now: Now, action: Action) -> Result<Done, Refusal> {
        match action {
            Action::SetAgentStatus { agent, status, queues, by } => {
                let known = self.agent_shown(&agent)?.id;
                self.is_known_reason(&status)?;
                self.ask_acd(now, acd::Input::SetStatus { agent, status, queues, by: Some(by) })?;
                self.agent_shown(&known).map(|view| Done::Agent(Box::new(view)))
            }
            Action::EndWrapUp { agent, by } => {
                let known = agent.clone();
                self.ask_acd(now, acd::Input::EndWrapUp { agent, by: Some(by) })?;
                self.agent_shown(&known).map(|view| Done::Agent(Box::new(view)))
            }
            Action::MoveCaller { queue, caller, to_queue, position, priority, by } => {
                self.waits_in(now, &queue, caller)?;
                let input = acd::Input::Move { entry: caller, to_queue, position, priority, by: Some(by) };
                self.move_caller(now, caller, input)
            }
            Action::RemoveCaller { queue, caller, by } => {
                self.waits_in(now, &queue, caller)?;
                self.ask_acd(now, acd::Input::Remove { entry: caller, by: Some(by) })?;
                Ok(Done::Removed)
            }
            Action::AcceptOffer(offer) => self.accept_offer(now, offer),
            Action::RejectOffer(offer) => self.reject_offer(now, offer),
            Action::SetPhone { phone, setting, value, by } => self.set_phone_by(&phone, setting, value, &by),
            Action::Parties { call, change, by } => self.change_parties(now, call, &change, &by),
            Action::Record { call, what, is_agent, by } => {
                self.record_action(now, call, what, &Asker { by: &by, is_agent })?;
                self.call_shown(call)
                    .map(|view| Done::Call(Box::new(view)))
                    .ok_or_else(|| not_found("call", call.to_string()))
            }
            Action::HangUp { call, by } => {
                if !self.calls.contains_key(&call) {
                    return Err(self.no_live_call(call));
                }
                self.note(now, call, format!("hung up by {by}"));
                self.tell(call, call::Input::HangUp(Cause::ByRequest));
                self.run(now);
                self.call_shown(call)
                    .map(|view| Done::Call(Box::new(view)))
                    .ok_or_else(|| not_found("call", call.to_string()))
            }
        }
    }

    /// A pause is for a reason of the configuration, or for none.
    fn is_known_reason(&self, status: &QueueStatus) -> Result<(), Refusal> {
        let QueueStatus::Paused { reason: Some(reason) } = status else { return Ok(()) };
        let known = &self.config.pause_reasons;
        if known.iter().any(|pause| pause.id == *reason) {
            return Ok(());
        }
        let names: Vec<_> = known.iter().map(|pause| pause.id.as_str()).collect();
        let detail =
            format!("there is no pause reason `{reason}`; the configuration has: {}", names.join(", "));
        Err(Refusal::Invalid { field: "reason", detail })
    }

    /// Checks with the distributor, then has it done at once.
    fn ask_acd(&mut self, now: Now, input: acd::Input) -> Result<(), Refusal> {
        self.acd.validate(&input).map_err(refusal)?;
        self.work.push_back(Work::Acd(input));
        self.run(now);
        Ok(())
    }

    fn waits_in(&self, now: Now, queue: &crate::ids::QueueId, caller: EntryUid) -> Result<(), Refusal> {
        match self.acd.caller(caller, now.instant) {
            Some(card) if card.queue == *queue => Ok(()),
            Some(_) | None => Err(not_found("caller", caller.to_string())),
        }
    }

    fn move_caller(&mut self, now: Now, caller: EntryUid, input: acd::Input) -> Result<Done, Refusal> {
        let call = self.acd.caller(caller, now.instant).map(|card| card.call);
        self.ask_acd(now, input)?;
        // In another queue the caller has a new entry.
        let entry = call.and_then(|call| self.calls.get(&call)).and_then(|slot| slot.entry);
        let card = entry.and_then(|entry| self.acd.caller(entry, now.instant));
        card.map(|card| Done::Caller(views::caller(card)))
            .ok_or_else(|| not_found("caller", caller.to_string()))
    }

    /// Asks the agent's phone to answer itself (`Event: talk`, as desk phones understand it).
    fn accept_offer(&mut self, now: Now, offer: OfferUid) -> Result<Done, Refusal> {
        let view = self.pending_offer(offer)?;
        let legs: Vec<LegId> = view
            .call
            .and_then(|call| self.calls.get(&call))
            .map(|slot| slot.legs.iter().copied().filter(|leg| self.can_be_asked(*leg)).collect())
            .unwrap_or_default();
        if legs.is_empty() {
            return Err(Refusal::Conflict {
                code: "phone_not_ringing",
                detail: "the agent's phone does not ring yet; try again or lift it".to_owned(),
            });
        }
        for leg in legs {
            self.send_in_dialog(now, leg, Method::Notify, Purpose::Farewell(leg), |request| {
                request.header(Name::Event, b"talk").header(Name::SubscriptionState, b"active");
            });
        }
        self.offer_shown(offer).map(Done::Offer)
    }

    fn can_be_asked(&self, id: LegId) -> bool {
        self.legs.get(&id).is_some_and(|leg| {
            matches!(
                leg,
                Leg { phase: Phase::Outgoing { rang: true, cancelled: None, .. }, dialog: Some(_), .. }
            )
        })
    }

    fn reject_offer(&mut self, now: Now, offer: OfferUid) -> Result<Done, Refusal> {
        let view = self.pending_offer(offer)?;
        self.work.push_back(Work::Acd(acd::Input::Refused { offer, why: OfferResult::Rejected }));
        if let Some(call) = view.call {
            self.tell(call, call::Input::Rescind(offer));
        }
        self.run(now);
        self.offer_shown(offer).map(Done::Offer)
    }

    fn pending_offer(&self, offer: OfferUid) -> Result<OfferView, Refusal> {
        let view = self.offer_shown(offer)?;
        if view.state == OfferState::Pending {
            return Ok(view);
        }
        Err(Refusal::Conflict {
            code: "offer_not_pending",
            detail: format!("offer `{offer}` does not ring any more"),
        })
    }

    fn offer_shown(&self, offer: OfferUid) -> Result<OfferView, Refusal> {
        let ended = || self.board.ended_offers().find(|view| view.id == offer).cloned();
        self.acd
            .offer(offer)
            .map(views::offer)
            .or_else(ended)
            .ok_or_else(|| not_found("offer", offer.to_string()))
    }

    fn agent_shown(&self, agent: &AgentId) -> Result<AgentView, Refusal> {
        self.acd.agent(agent).map(views::agent).ok_or_else(|| not_found("agent", agent.to_string()))
    }

    pub(crate) fn no_live_call(&self, call: CallUid) -> Refusal {
        match self.board.ended_call(call) {
            Some(_) => Refusal::Conflict { code: "call_ended", detail: format!("call `{call}` has ended") },
            None => not_found("call", call.to_string()),
        }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// What is asked for does not exist.
    pub fn ask(&self, now: Now, question: Question) -> Result<Answer, Refusal> {
        Ok(match question {
            Question::Agents => Answer::Agents(self.agents_shown()),
            Question::Agent(id) => Answer::Agent(Box::new(self.agent_shown(&id)?)),
            Question::Queues => Answer::Queues(self.queues_shown(now)),
            Question::Queue(id) => {
                let card =
                    self.acd.queue(&id, now.instant).ok_or_else(|| not_found("queue", id.to_string()))?;
                Answer::Queue(Box::new(self.queue_view(card)))
            }
            Question::Callers(id) => {
                self.acd.queue(&id, now.instant).ok_or_else(|| not_found("queue", id.to_string()))?;
                Answer::Callers(self.acd.callers(&id, now.instant).into_iter().map(views::caller).collect())
            }
            Question::Offers => {
                let ended = self.board.ended_offers().cloned();
                Answer::Offers(ended.chain(self.live_offers()).collect())
            }
            Question::Offer(id) => Answer::Offer(self.offer_shown(id)?),
            Question::Calls => Answer::Calls(self.calls_shown()),
            Question::Call(id) => {
                let view = self.call_shown(id).ok_or_else(|| not_found("call", id.to_string()))?;
                Answer::Call(Box::new(view))
            }
            Question::Registrations => Answer::Registrations(self.registrations(now)),
            Question::Trunks => Answer::Trunks(self.trunks.views(now.instant)),
            Question::Snapshot => Answer::Snapshot(Box::new(self.snapshot(now))),
            Question::Trace(None) => Answer::Trace(self.recorder.all()),
            Question::Trace(Some(call)) => {
                Answer::Trace(self.recorder.of_call(call).ok_or_else(|| not_found("call", call.to_string()))?)
            }
            Question::Gauges => Answer::Gauges(Box::new(self.gauges(now))),
        })
    }

    fn agents_shown(&self) -> Vec<AgentView> {
        self.acd.agents().into_iter().map(views::agent).collect()
    }

    fn queues_shown(&self, now: Now) -> Vec<crate::switch::view::QueueView> {
        self.acd.queues(now.instant).into_iter().map(|card| self.queue_view(card)).collect()
    }

    fn calls_shown(&self) -> Vec<crate::switch::view::CallView> {
        self.calls.iter().map(|(id, slot)| self.call_view(*id, slot, None)).collect()
    }

    /// Offers that are not over.
    fn live_offers(&self) -> impl Iterator<Item = OfferView> {
        let live = |view: &OfferView| {
            matches!(view.state, OfferState::Pending | OfferState::Accepted | OfferState::Wrapping)
        };
        self.acd.offers().into_iter().map(views::offer).filter(move |view| live(view))
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            sequence: self.board.sequence(),
            agents: self.agents_shown(),
            queues: self.queues_shown(now),
            offers: self.live_offers().collect(),
            calls: self.calls_shown(),
        }
    }

    fn gauges(&self, now: Now) -> Gauges {
        let mut agents: BTreeMap<AgentStatus, u64> = BTreeMap::new();
        for card in self.acd.agents() {
            *agents.entry(card.status).or_default() += 1;
        }
        let mut registrations: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (_, binding) in self.registrar.all(now.instant) {
            *registrations.entry(binding.flow.transport.word()).or_default() += 1;
        }
        let mut calls: BTreeMap<(&'static str, &'static str), u64> = BTreeMap::new();
        for slot in self.calls.values() {
            let state = state_word(views::call_state(slot.call.state()));
            *calls.entry((slot.direction.word(), state)).or_default() += 1;
        }
        Gauges {
            queues: self.queues_shown(now),
            agents: agents.into_iter().collect(),
            registrations: registrations.into_iter().collect(),
            calls: calls.into_iter().map(|((direction, state), count)| (direction, state, count)).collect(),
            subscriptions: self.watches_by_event(),
            draining: self.draining,
        }
    }
}

fn not_found(what: &'static str, id: String) -> Refusal {
    Refusal::NotFound { what, id }
}

/// The distributor's word for the API.
fn refusal(error: AcdError) -> Refusal {
    let detail = error.to_string();
    match error {
        AcdError::UnknownAgent(id) => not_found("agent", id.to_string()),
        AcdError::UnknownCaller(id) => not_found("caller", id.to_string()),
        AcdError::UnknownOffer(id) => not_found("offer", id.to_string()),
        AcdError::UnknownQueue(_) | AcdError::NotAssigned { .. } | AcdError::NoQueue => {
            Refusal::Invalid { field: "queues", detail }
        }
        AcdError::PositionZero => Refusal::Invalid { field: "position", detail },
        AcdError::NotInWrapUp(_) => Refusal::Conflict { code: "not_in_wrap_up", detail },
        AcdError::CallerConnecting(_) => Refusal::Conflict { code: "caller_connecting", detail },
        AcdError::OfferNotPending(_) => Refusal::Conflict { code: "offer_not_pending", detail },
    }
}

const fn state_word(state: CallState) -> &'static str {
    match state {
        CallState::Ringing => "ringing",
        CallState::Queued => "queued",
        CallState::Talking => "talking",
        CallState::Held => "held",
        CallState::Parked => "parked",
        CallState::Ended => "ended",
    }
}
