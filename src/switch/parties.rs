//! Changing a conversation from outside: third parties, supervisors, mute, hold and keys, by the API and by codes.
//!
//! Who may is checked here for codes; for the API it was checked before. What then happens is the call's (`call::guests`).

use crate::call;
use crate::call::GuestRole;
use crate::call::LegId;
use crate::call::Supervision;
use crate::call::Way;
use crate::clock::Now;
use crate::config::FeatureCode;
use crate::dialplan::Destination;
use crate::dialplan::Feature;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::sdp;
use crate::sip::msg::Name;
use crate::switch::action::Done;
use crate::switch::action::PartyChange;
use crate::switch::action::Refusal;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::replaces::Arrival;
use crate::switch::toll_gate;
use crate::switch::view::LegRole;

impl Core {
    /// What the API asks for in a conversation.
    pub(crate) fn change_parties(
        &mut self,
        now: Now,
        call: CallUid,
        change: &PartyChange,
        by: &str,
    ) -> Result<Done, Refusal> {
        let slot = self.calls.get(&call).ok_or_else(|| self.no_live_call(call))?;
        let talks = matches!(slot.call.state(), call::State::Talking { .. });
        if !talks {
            return Err(conflict("call_not_talking", "nobody talks in this call now"));
        }
        match change {
            PartyChange::Add { to } => self.add_party(now, call, to)?,
            PartyChange::Remove { leg } => self.remove_party(call, *leg)?,
            PartyChange::Supervise { phone, mode } => self.supervise(now, call, phone, *mode)?,
            PartyChange::Mute(muted) => {
                let leg = self.our_party(call)?;
                self.tell(call, call::Input::Mute { leg, muted: *muted });
            }
            PartyChange::Hold(held) => {
                let leg = self.our_party(call)?;
                self.tell(call, call::Input::Hold { leg, held: *held });
            }
            PartyChange::Press(keys) => {
                let leg = self.our_party(call)?;
                let peer = self.calls.get(&call).and_then(|slot| slot.call.peer_of(leg));
                let peer =
                    peer.ok_or_else(|| conflict("call_not_talking", "nobody is there to hear keys"))?;
                keys.chars().for_each(|key| self.pass_key(now, peer, key, Way::Info));
            }
        }
        tracing::info!(call = %call, by, ?change, "the parties of a call change");
        self.run(now);
        let view = self.call_shown(call).ok_or(Refusal::NotFound { what: "call", id: call.to_string() })?;
        Ok(Done::Call(Box::new(view)))
    }

    /// The party on our side of a conversation: the agent, else who was called at a phone of ours, else who calls from one.
    fn our_party(&self, call: CallUid) -> Result<LegId, Refusal> {
        let none = || conflict("no_phone_of_ours", "no phone of this switch is in this call");
        let slot = self.calls.get(&call).ok_or_else(none)?;
        let other = slot.call.peer_of(slot.call.caller());
        let is_phone = |leg: &LegId| self.legs.get(leg).is_some_and(|leg| leg.phone.is_some());
        let candidates = [slot.call.agent_leg(), other, Some(slot.call.caller())];
        candidates.into_iter().flatten().find(is_phone).ok_or_else(none)
    }

    fn room_for_guest(&self, call: CallUid) -> Result<(), Refusal> {
        match self.calls.get(&call) {
            Some(slot) if slot.call.may_have_guest() => Ok(()),
            _ => Err(conflict("too_many_parties", "no further party can come into this call")),
        }
    }

    fn add_party(&mut self, now: Now, call: CallUid, to: &str) -> Result<(), Refusal> {
        self.room_for_guest(call)?;
        let by = self.our_party(call)?;
        let destination = self.dialplan.from_phone(to);
        if !matches!(destination, Destination::Phone(_) | Destination::Trunk { .. } | Destination::Group(_)) {
            let detail = format!("`{to}` is not a number of a person: a phone, a group or one outside");
            return Err(Refusal::Invalid { field: "to", detail });
        }
        let phone = self.legs.get(&by).and_then(|leg| leg.phone.clone());
        if let Some(phone) = phone
            && toll_gate::outside(&destination).is_some()
            && self.toll_sends_on(now, call, &phone, &destination).is_err()
        {
            return Err(conflict("barred", "the phone in this call may not call there"));
        }
        let shown = self.calls.get(&call).map(|slot| slot.course.shown.clone()).unwrap_or_default();
        let legs = self
            .plan_destination(now, call, &destination, &shown)
            .map_err(|_| conflict("unreachable", "nobody can be reached there now"))?;
        self.note(now, call, format!("a party is added: {to}"));
        self.tell(call, call::Input::Invite { legs, role: GuestRole::Party });
        Ok(())
    }

    fn remove_party(&mut self, call: CallUid, leg: u64) -> Result<(), Refusal> {
        let id = LegId(leg);
        let known =
            self.calls.get(&call).is_some_and(|slot| slot.call.is_guest(id) || slot.call.is_party(id));
        if !known {
            return Err(Refusal::NotFound { what: "leg", id: leg.to_string() });
        }
        self.tell(call, call::Input::PutOut(id));
        Ok(())
    }

    fn supervise(&mut self, now: Now, call: CallUid, phone: &str, mode: Supervision) -> Result<(), Refusal> {
        let number = PhoneNumber::new(phone);
        let known = self.supervisor_leg(call, &number);
        if let Some(leg) = known {
            self.tell(call, call::Input::Supervise { leg, mode });
            return Ok(());
        }
        self.room_for_guest(call)?;
        let of = self.our_party(call)?;
        if !self.dialplan.is_phone(phone) {
            let detail = format!("there is no phone `{phone}`");
            return Err(Refusal::Invalid { field: "phone", detail });
        }
        let shown = self.calls.get(&call).map(|slot| slot.course.shown.clone()).unwrap_or_default();
        let legs = self.plan_phone(now, call, &number, LegRole::Supervisor, &shown);
        if legs.is_empty() {
            return Err(conflict("unreachable", "the supervisor's phone can't be reached now"));
        }
        self.tell(call, call::Input::Invite { legs, role: GuestRole::Supervisor(mode, of) });
        Ok(())
    }

    /// The leg of a supervisor who is in the call already.
    fn supervisor_leg(&self, call: CallUid, phone: &PhoneNumber) -> Option<LegId> {
        let legs = &self.calls.get(&call)?.legs;
        let his =
            |leg: &Leg| leg.role == LegRole::Supervisor && leg.is_up() && leg.phone.as_ref() == Some(phone);
        legs.iter().copied().find(|id| self.legs.get(id).is_some_and(his))
    }

    /// An INVITE that is a supervisor's code: `*51` and the like with a phone's number.
    pub(crate) fn supervise_by_code(
        &mut self,
        now: Now,
        arrival: &Arrival<'_>,
        number: &PhoneNumber,
        remote: Option<sdp::Remote>,
        feature: &Feature,
    ) {
        let mode = if feature.code == FeatureCode::Whisper {
            Supervision::Whisper
        } else if feature.code == FeatureCode::Barge {
            Supervision::Barge
        } else {
            Supervision::Listen
        };
        match self.supervised(number, &PhoneNumber::new(&feature.argument)) {
            Ok((call, of)) => {
                let role = GuestRole::Supervisor(mode, of);
                let input = |leg| call::Input::Arrive { leg, role };
                self.join_as(now, arrival, number, remote, call, LegRole::Supervisor, input);
            }
            Err((status, why)) => {
                tracing::info!(status, why, "a supervisor's code is refused");
                let reason = if status == 403 { "Forbidden" } else { "Temporarily Unavailable" };
                self.reply_with(now, arrival.tx, arrival.message, status, reason, |response| {
                    response.header_fmt(Name::Warning, format_args!("399 strowger \"{why}\""));
                });
            }
        }
    }

    /// The conversation of a phone, where that phone's agent may supervise it.
    fn supervised(
        &self,
        by: &PhoneNumber,
        phone: &PhoneNumber,
    ) -> Result<(CallUid, LegId), (u16, &'static str)> {
        if !self.may_supervise(by, phone) {
            return Err((403, "you supervise no queue of that phone's agent"));
        }
        let talks = |(call, slot): (&CallUid, &crate::switch::core::CallSlot)| {
            let his = |id: &LegId| {
                self.legs.get(id).is_some_and(|leg| leg.is_up() && leg.phone.as_ref() == Some(phone))
            };
            let leg = slot.legs.iter().copied().find(|id| slot.call.is_party(*id) && his(id))?;
            slot.call.may_have_guest().then_some((*call, leg))
        };
        self.calls.iter().find_map(talks).ok_or((480, "that phone talks to nobody now"))
    }

    /// Whether one phone's agent supervises a queue in which the other phone's works.
    fn may_supervise(&self, by: &PhoneNumber, phone: &PhoneNumber) -> bool {
        let agent = |phone: &PhoneNumber| {
            let id = self.agents_by_phone.get(phone)?;
            self.config.agents.iter().find(|agent| agent.id == *id)
        };
        let (Some(supervisor), Some(agent)) = (agent(by), agent(phone)) else { return false };
        match supervisor.role {
            crate::config::Role::Agent => false,
            crate::config::Role::Administrator => true,
            crate::config::Role::Supervisor => {
                agent.queues.iter().any(|membership| supervisor.supervises.contains(&membership.queue))
            }
        }
    }
}

fn conflict(code: &'static str, detail: &str) -> Refusal {
    Refusal::Conflict { code, detail: detail.to_owned() }
}
