//! Between the distributor and the calls: its offers become ringing phones, its facts figures and log lines.

use crate::acd;
use crate::acd::Changed;
use crate::call;
use crate::call::Cause;
use crate::clock::Now;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::core::Work;
use crate::switch::leg::Leg;
use crate::switch::leg::Shown;
use crate::switch::subscriptions::Matter;
use crate::switch::view::LegRole;

impl Core {
    /// One input of the distributor with all its outputs.
    pub(crate) fn acd_input(&mut self, now: Now, input: acd::Input) {
        let joining =
            if let acd::Input::Join { entry, call, .. } = &input { Some((*entry, *call)) } else { None };
        let mut outputs = Vec::new();
        self.acd.handle(now, input, &mut outputs);
        // The caller is taken in before any agent is rung for him.
        if let Some((joined, call)) = joining {
            let refused = outputs
                .iter()
                .any(|output| matches!(output, acd::Output::Evict { entry, .. } if *entry == joined));
            if !refused {
                self.tell(call, call::Input::Joined);
            }
        }
        for output in outputs {
            self.acd_output(now, output);
        }
    }

    fn acd_output(&mut self, now: Now, output: acd::Output) {
        match output {
            acd::Output::Offer { offer, agent, phone, call, queue, .. } => {
                self.ring_agent(now, offer, agent, &phone, call, &queue);
            }
            acd::Output::Rescind { offer, .. } => {
                if let Some(call) = self.acd.offer(offer).map(|card| card.call) {
                    self.tell(call, call::Input::Rescind(offer));
                }
            }
            acd::Output::Connect { offer, call, agent, .. } => {
                self.note(now, call, format!("agent {agent} answered"));
                self.tell(call, call::Input::Connect(offer));
            }
            acd::Output::Evict { call, reason, .. } => {
                self.note(now, call, format!("left the queue: {reason:?}"));
                let cause = if reason == LeftReason::Removed { Cause::ByRequest } else { Cause::QueueLeft };
                self.tell(call, call::Input::Evicted(cause));
            }
            acd::Output::Moved { into, call, queue, .. } => {
                if let Some(slot) = self.calls.get_mut(&call) {
                    slot.entry = Some(into);
                }
                self.note(now, call, format!("moved to queue {queue}"));
                let music = self.config.queue(&queue).map_or_else(String::new, |queue| queue.music.clone());
                self.tell(call, call::Input::Moved { queue, music });
            }
            acd::Output::Fact(fact) => self.fact(fact),
            acd::Output::Changed(changed) => self.changed(changed),
        }
    }

    fn ring_agent(
        &mut self,
        now: Now,
        offer: OfferUid,
        agent: AgentId,
        phone: &PhoneNumber,
        call: CallUid,
        queue: &QueueId,
    ) {
        let Some(slot) = self.calls.get(&call) else {
            self.work
                .push_back(Work::Acd(acd::Input::Refused { offer, why: Cause::Cancelled.offer_result() }));
            return;
        };
        let number = slot.call.ledger().from.clone();
        let caller = slot.caller_name.clone().unwrap_or_else(|| number.clone());
        let queue_name = self.config.queues.iter().find(|one| one.id == *queue).map_or("", |one| &one.name);
        // FEATURES B3: a desk phone shows in the display name what kind of call it is.
        let shown = Shown { number, name: Some(format!("{queue_name}: {caller}")) };
        let legs = self.plan_phone(now, call, phone, LegRole::Agent, &shown);
        self.note(now, call, format!("rings agent {agent}"));
        self.tell(call, call::Input::RingAgent { offer, agent, legs });
    }

    fn fact(&mut self, fact: Fact) {
        if let Fact::Queue(event) = &fact {
            self.count_queue_event(event);
            if let Some(fold) = self.folds.get_mut(&event.queue) {
                fold.add(event);
            }
        }
        self.out.push(Output::Fact(fact));
    }

    fn changed(&mut self, changed: Changed) {
        match &changed {
            Changed::Agent(agent) => self.subscriptions.mark(Matter::Agent(agent.clone())),
            Changed::Queue(queue) => self.subscriptions.mark(Matter::Queue(queue.clone())),
            Changed::Offer(_) | Changed::Caller(_) => {}
        }
        match changed {
            Changed::Agent(agent) => drop(self.board.agents.insert(agent)),
            Changed::Queue(queue) => self.board.queue_changed(queue),
            Changed::Offer(offer) => drop(self.board.offers.insert(offer)),
            Changed::Caller(entry) => drop(self.board.callers.insert(entry)),
        }
    }

    /// A leg of an agent's phone that is not of a queue has begun: the agent is busy for the distributor.
    pub(crate) fn own_call_began(&mut self, phone: &PhoneNumber) {
        let Some(agent) = self.agents_by_phone.get(phone).cloned() else { return };
        let calls = self.own_calls.entry(agent.clone()).or_default();
        *calls += 1;
        if *calls == 1 {
            self.work.push_back(Work::Acd(acd::Input::Busy { agent, busy: true }));
        }
    }

    /// A leg has ended; where it was an agent's own call, and his last, he is free for the distributor.
    pub(crate) fn own_call_ended(&mut self, leg: &Leg) {
        if leg.role == LegRole::Agent || !leg.own_call {
            return;
        }
        let Some(agent) = leg.phone.as_ref().and_then(|phone| self.agents_by_phone.get(phone)).cloned()
        else {
            return;
        };
        let Some(calls) = self.own_calls.get_mut(&agent) else { return };
        *calls = calls.saturating_sub(1);
        if *calls == 0 {
            self.work.push_back(Work::Acd(acd::Input::Busy { agent, busy: false }));
        }
    }

    /// Tells the distributor whether the phone of an agent can be reached now.
    pub(crate) fn reachability(&mut self, now: Now, phone: &PhoneNumber) {
        let Some(agent) = self.agents_by_phone.get(phone).cloned() else { return };
        let reachable = self.is_reachable(now, phone);
        if self.reachable.insert(agent.clone(), reachable) != Some(reachable) {
            self.work.push_back(Work::Acd(acd::Input::Reachable { agent, reachable }));
        }
    }
}
