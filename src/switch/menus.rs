//! Menus: what a call in one hears and may press, and where its choice leads.

use crate::call;
use crate::call::Cause;
use crate::call::Choice;
use crate::call::Plan;
use crate::call::Script;
use crate::clock::Now;
use crate::config::Menu;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::MenuId;
use crate::switch::core::Core;
use crate::switch::course::At;
use crate::switch::course::Turn;

impl Core {
    /// A call has come to a menu.
    pub(crate) fn menu_turn(&mut self, call: CallUid, id: &MenuId) -> Turn {
        let Some(menu) = self.config.menu(id) else { return Turn::Refuse(Cause::NotFound) };
        let script = self.script(menu);
        self.arrive(call, At::Menu(id.clone()));
        Turn::Begin(Plan::Menu(script))
    }

    fn script(&self, menu: &Menu) -> Script {
        let reach = self.dialplan.reach();
        Script {
            prompt: menu.prompt.clone(),
            invalid: menu.invalid.clone(),
            keys: menu.keys.keys().copied().collect(),
            timeout: menu.timeout,
            repeats: menu.repeats,
            direct: menu.direct_dial.then(|| (reach.first.clone(), reach.digits_max)),
        }
    }

    /// The caller has chosen.
    pub(crate) fn chosen(&mut self, now: Now, call: CallUid, choice: Choice) {
        let Some(slot) = self.calls.get(&call) else { return };
        let At::Menu(id) = &slot.course.at else { return };
        let called = slot.call.ledger().to.clone();
        let Some(menu) = self.config.menu(id) else { return };
        let (to, is_named) = match &choice {
            Choice::Number(number) => (self.dialplan.own_number(number), false),
            Choice::Key(_) | Choice::Nothing => {
                let target = if let Choice::Key(key) = &choice {
                    menu.keys.get(key)
                } else {
                    menu.on_timeout.as_ref()
                };
                let to = target.map(|target| self.dialplan.target(target, &called));
                (to, target.is_some_and(|target| target.number.is_some()))
            }
        };
        let said = match &choice {
            Choice::Key(key) => format!("menu {id}: key {key}"),
            Choice::Number(_) => format!("menu {id}: a number"),
            Choice::Nothing => format!("menu {id}: nothing"),
        };
        self.note(now, call, said);
        match to {
            None if choice == Choice::Nothing => self.no_way(call, Cause::NoAnswer),
            None | Some(Destination::NotFound) => self.tell(call, call::Input::NotChosen),
            Some(to) => match self.toll_leads(now, call, &to, is_named) {
                Ok(()) => self.lead(now, call, to),
                Err(cause) => self.no_way(call, cause),
            },
        }
    }
}
