//! The call's side of what the switch itself does for a caller: words that are said, menus, and the way on from there or
//! from phones that nobody has answered.

use crate::call::bridge::Call;
use crate::call::bridge::State;
use crate::call::cause::Cause;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::event::Afterwards;
use crate::call::event::LegId;
use crate::call::event::Way;
use crate::call::menu::Menu;
use crate::call::menu::Script;
use crate::call::menu::Step;
use crate::call::ring::Ring;
use crate::clock::Instant;
use crate::clock::Now;
use std::time::Duration;

impl Call {
    /// Whether a plan can begin: nothing was done yet, or the switch was asked where next.
    pub(in crate::call) fn may_begin(&self) -> bool {
        let chosen = |menu: &Menu| menu.has_chosen();
        matches!(&self.state, State::New | State::Onward)
            || matches!(&self.state, State::Menu(menu) if chosen(menu))
    }

    /// Rings phones; a caller who was answered before hears that they ring.
    pub(in crate::call) fn attempt(
        &mut self,
        now: Now,
        legs: &[LegId],
        ring: Duration,
        out: &mut Vec<Command>,
    ) {
        if self.caller_answered {
            out.push(Command::Hear { leg: self.caller, what: Hear::Ringback });
        }
        out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like: self.caller }));
        self.enter(State::Ringing { ring: Ring::new(legs), until: now.instant + ring, onward: true });
    }

    /// Says something to the caller.
    pub(in crate::call) fn speak(
        &mut self,
        now: Now,
        names: Vec<String>,
        then: Afterwards,
        out: &mut Vec<Command>,
    ) {
        self.answer_caller(None, out);
        // Words that only tell why a call came to nothing don't make it an answered one.
        if matches!(then, Afterwards::Echo | Afterwards::HangUp(Cause::Normal)) {
            self.ledger.talking(now);
        }
        self.said = self.said.wrapping_add(1);
        let number = self.said;
        out.push(Command::Hear { leg: self.caller, what: Hear::Sounds { names, number } });
        self.enter(State::Speaking { number, then });
    }

    pub(in crate::call) fn enter_menu(&mut self, script: Script, out: &mut Vec<Command>) {
        self.answer_caller(None, out);
        let mut steps = Vec::new();
        let menu = Menu::begin(script, &mut self.said, &mut steps);
        self.enter(State::Menu(Box::new(menu)));
        out.push(Command::Note("in a menu"));
        self.menu_steps(steps, out);
    }

    /// Sounds have ended.
    pub(in crate::call) fn said(&mut self, now: Now, number: u32, out: &mut Vec<Command>) {
        let State::Speaking { number: mine, then } = &self.state else {
            return self.menu(now, |menu, at, said, steps| menu.said(at, number, said, steps), out);
        };
        if *mine != number {
            return;
        }
        match then.clone() {
            Afterwards::HangUp(cause) => self.end(now, cause, out),
            Afterwards::Join { queue, music } => self.join(now, queue, music, out),
            Afterwards::Echo => {
                out.push(Command::Hear { leg: self.caller, what: Hear::Leg(self.caller) });
                self.enter(State::Listening);
            }
        }
    }

    /// A key: for the menu, or for the other party.
    pub(in crate::call) fn key(&mut self, now: Now, leg: LegId, key: char, way: Way, out: &mut Vec<Command>) {
        if let State::Talking { other, .. } = self.state {
            let to = if leg == self.caller { other } else { self.caller };
            if leg == self.caller || leg == other {
                // In a room the media engine passes no key on.
                let way = if self.guests.need_room() { Way::Info } else { way };
                out.push(Command::PassKey { leg: to, key, way });
            }
        } else if leg == self.caller {
            self.menu(now, |menu, at, said, steps| menu.key(at, key, said, steps), out);
        }
    }

    /// Has the menu do something, if the caller is in one.
    pub(in crate::call) fn menu(
        &mut self,
        now: Now,
        what: impl FnOnce(&mut Menu, Instant, &mut u32, &mut Vec<Step>),
        out: &mut Vec<Command>,
    ) {
        let mut steps = Vec::new();
        if let State::Menu(menu) = &mut self.state {
            what(menu, now.instant, &mut self.said, &mut steps);
        }
        self.menu_steps(steps, out);
    }

    fn menu_steps(&mut self, steps: Vec<Step>, out: &mut Vec<Command>) {
        for step in steps {
            match step {
                Step::Say(names, number) => {
                    out.push(Command::Hear { leg: self.caller, what: Hear::Sounds { names, number } });
                }
                Step::Silence => out.push(Command::Hear { leg: self.caller, what: Hear::Silence }),
                Step::Chosen(choice) => {
                    out.push(Command::Hear { leg: self.caller, what: Hear::Silence });
                    out.push(Command::Chosen(choice));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::event::Input;
    use crate::call::event::LegEvent;
    use crate::call::event::Plan;
    use crate::call::ledger::Ledger;
    use crate::clock::Wall;
    use crate::ids::CallUid;
    use crate::record::CdrOutcome;

    const CALLER: LegId = LegId(1);
    const BOB: LegId = LegId(2);

    fn at(millis: u64) -> Now {
        Now { instant: Instant::from_micros(millis * 1000), wall: Wall::from_micros(millis as i64 * 1000) }
    }

    fn call() -> Call {
        Call::new(CALLER, Ledger::open(at(0), CallUid::from_u128(7), "1001".into(), "1002".into()))
    }

    fn step(call: &mut Call, millis: u64, input: Input) -> Vec<Command> {
        let mut out = Vec::new();
        call.handle(at(millis), input, &mut out);
        out
    }

    fn attempt(leg: LegId) -> Input {
        Input::Begin(Plan::Attempt { legs: vec![leg], ring: Duration::from_secs(5) })
    }

    #[test]
    fn who_is_not_answered_is_led_on_and_told_once() {
        let mut call = call();
        step(&mut call, 0, attempt(BOB));
        let asked = step(&mut call, 5000, Input::Timeout);
        let hang_up = Command::HangUp { leg: BOB, cause: Cause::NoAnswer };
        assert_eq!(asked, [hang_up, Command::Next(Cause::NoAnswer)]);
        // A late answer is nobody's; the next attempt is not the first one's.
        assert!(step(&mut call, 5001, Input::Leg(BOB, LegEvent::Answered)).is_empty());
        step(&mut call, 5002, attempt(LegId(3)));
        let asked = step(&mut call, 5100, Input::Leg(LegId(3), LegEvent::Failed(Cause::Busy)));
        assert_eq!(asked, [Command::Next(Cause::Busy)]);
        let over = step(&mut call, 5101, Input::HangUp(Cause::Busy));
        assert_eq!(over.first(), Some(&Command::Refuse { leg: CALLER, cause: Cause::Busy }));
        assert!(matches!(over.last(), Some(Command::Finished(cdr)) if cdr.outcome == CdrOutcome::Busy));
        assert!(step(&mut call, 5102, attempt(BOB)).is_empty(), "what is over does not begin");
    }

    #[test]
    fn a_plan_does_not_begin_beside_another() {
        let mut call = call();
        step(&mut call, 0, attempt(BOB));
        assert!(step(&mut call, 1, attempt(LegId(3))).is_empty());
        step(&mut call, 2, Input::Leg(BOB, LegEvent::Answered));
        let say = Plan::Say { sounds: vec!["x".to_owned()], then: Afterwards::Echo };
        assert!(step(&mut call, 3, Input::Begin(say)).is_empty());
        let keys = step(&mut call, 4, Input::Key { leg: CALLER, key: '5', way: Way::Info });
        assert_eq!(keys, [Command::PassKey { leg: BOB, key: '5', way: Way::Info }]);
        let strange = step(&mut call, 4, Input::Key { leg: LegId(9), key: '5', way: Way::Info });
        assert!(strange.is_empty());
    }

    #[test]
    fn words_end_once_and_by_their_own_number() {
        let mut call = call();
        let then = Afterwards::HangUp(Cause::Normal);
        let began = step(&mut call, 0, Input::Begin(Plan::Say { sounds: vec!["x".to_owned()], then }));
        let what = Hear::Sounds { names: vec!["x".to_owned()], number: 1 };
        assert_eq!(began, [Command::Answer { leg: CALLER, like: None }, Command::Hear { leg: CALLER, what }]);
        assert!(step(&mut call, 10, Input::Said { leg: CALLER, number: 0 }).is_empty());
        assert!(step(&mut call, 10, Input::Said { leg: BOB, number: 1 }).is_empty());
        let over = step(&mut call, 900, Input::Said { leg: CALLER, number: 1 });
        assert_eq!(over.first(), Some(&Command::HangUp { leg: CALLER, cause: Cause::Normal }));
        assert!(matches!(over.last(), Some(Command::Finished(cdr)) if cdr.outcome == CdrOutcome::Answered));
    }
}
