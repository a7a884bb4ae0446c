//! Ring groups: which phones ring now, and what follows when none of them answers.

use crate::call::Cause;
use crate::clock::Now;
use crate::dialplan::group::Hunt;
use crate::ids::CallUid;
use crate::ids::GroupId;
use crate::switch::core::Core;
use crate::switch::course::At;
use crate::switch::course::Turn;
use crate::switch::leg::Shown;
use crate::switch::view::LegRole;

impl Core {
    /// A call has come to a group.
    pub(crate) fn group_turn(&mut self, now: Now, call: CallUid, id: &GroupId) -> Turn {
        let Some(group) = self.config.group(id).cloned() else { return Turn::Refuse(Cause::NotFound) };
        let turn = self.group_turns.entry(id.clone()).or_default();
        let hunt = Hunt::new(&group.members, group.strategy, *turn, &mut self.random);
        *turn = turn.wrapping_add(1);
        self.arrive(call, At::Plain);
        self.note(now, call, format!("rings group {id}"));
        self.group_next(now, call, id, hunt, Cause::Unreachable)
    }

    /// The next phones of a group that can be rung; when there are none, where its calls go then.
    pub(crate) fn group_next(
        &mut self,
        now: Now,
        call: CallUid,
        id: &GroupId,
        mut hunt: Hunt,
        cause: Cause,
    ) -> Turn {
        let Some(group) = self.config.group(id).cloned() else { return Turn::Refuse(cause) };
        let Some(slot) = self.calls.get(&call) else { return Turn::Refuse(cause) };
        let mut shown: Shown = slot.course.shown.clone();
        if let Some(prefix) = &group.caller_id_prefix {
            let name = shown.name.as_deref().unwrap_or(&shown.number);
            shown.name = Some(format!("{prefix} {name}"));
        }
        let calling = self.calling_phone(call);
        let mut cause = cause;
        loop {
            let phones = hunt.take_next();
            if phones.is_empty() {
                break;
            }
            let mut legs = Vec::new();
            for phone in phones {
                if calling.as_ref() == Some(&phone) {
                    // A member who calls his own group means the others.
                    continue;
                }
                if self.phone_settings(&phone).do_not_disturb {
                    // What the caller is told when nobody else could be rung.
                    cause = Cause::Busy;
                    continue;
                }
                legs.extend(self.plan_phone(now, call, &phone, LegRole::Party, &shown));
            }
            if !legs.is_empty() {
                if let Some(slot) = self.calls.get_mut(&call) {
                    slot.course.at = At::Group(id.clone(), hunt);
                }
                return self.attempt(call, legs, group.ring);
            }
        }
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.course.at = At::Plain;
        }
        match &group.no_answer {
            Some(target) => {
                let to = self.dialplan.target(target, group.number.as_deref().unwrap_or_default());
                // The group's own number is the configuration's as well.
                match self.toll_leads(now, call, &to, true) {
                    Ok(()) => Turn::To(to),
                    Err(cause) => Turn::Refuse(cause),
                }
            }
            None => Turn::Refuse(cause),
        }
    }
}
