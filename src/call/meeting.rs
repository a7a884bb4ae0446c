//! A caller in a conference: he hears the room, or music while nobody else is there.
//!
//! The conference itself is the switch's, which says whether the caller has company. Each caller of a conference is a call of
//! his own.

use crate::call::bridge::Call;
use crate::call::bridge::State;
use crate::call::command::Audience;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::clock::Now;

impl Call {
    /// The caller is answered, and is in the conference.
    pub(in crate::call) fn enter_meeting(
        &mut self,
        now: Now,
        music: Option<String>,
        company: bool,
        out: &mut Vec<Command>,
    ) {
        self.answer_caller(None, out);
        self.ledger.talking(now);
        out.push(Command::Note("in a conference"));
        self.enter(State::Meeting { music, company, holds: false });
        self.hear_meeting(out);
    }

    /// Others have come into the conference, or nobody else is left in it.
    pub(in crate::call) fn company(&mut self, has_company: bool, out: &mut Vec<Command>) {
        let State::Meeting { company, .. } = &mut self.state else { return };
        if *company != has_company {
            *company = has_company;
            self.hear_meeting(out);
        }
    }

    /// The caller has put the conference on hold: he neither hears it nor is heard, nor is his music.
    pub(in crate::call) fn hold_meeting(&mut self, held: bool, out: &mut Vec<Command>) -> bool {
        let State::Meeting { holds, .. } = &mut self.state else { return false };
        *holds = held;
        self.hear_meeting(out);
        true
    }

    fn hear_meeting(&self, out: &mut Vec<Command>) {
        let State::Meeting { music, company, holds } = &self.state else { return };
        let what = match (holds, company, music) {
            (true, ..) => Hear::Silence,
            (false, false, Some(class)) => Hear::Music(class.clone()),
            (false, ..) => Hear::Room(Audience::All),
        };
        out.push(Command::Hear { leg: self.caller, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::cause::Cause;
    use crate::call::event::Input;
    use crate::call::event::LegEvent;
    use crate::call::event::LegId;
    use crate::call::event::Plan;
    use crate::call::ledger::Ledger;
    use crate::ids::CallUid;
    use crate::record::CdrOutcome;

    const CALLER: LegId = LegId(1);

    fn step(call: &mut Call, input: Input) -> Vec<Command> {
        let mut out = Vec::new();
        call.handle(Now::default(), input, &mut out);
        out
    }

    #[test]
    fn music_until_somebody_comes_and_again_when_all_have_gone() {
        let ledger = Ledger::open(Now::default(), CallUid::from_u128(7), "1001".into(), "3042".into());
        let mut call = Call::new(CALLER, ledger);
        let hears = |what: Hear| Command::Hear { leg: CALLER, what };
        let began = step(
            &mut call,
            Input::Begin(Plan::Meeting { music: Some("default".to_owned()), company: false }),
        );
        assert_eq!(began.first(), Some(&Command::Answer { leg: CALLER, like: None }));
        assert_eq!(began.last(), Some(&hears(Hear::Music("default".to_owned()))));
        assert_eq!(step(&mut call, Input::Company(true)), [hears(Hear::Room(Audience::All))]);
        assert!(step(&mut call, Input::Company(true)).is_empty());
        assert_eq!(step(&mut call, Input::Leg(CALLER, LegEvent::Held(true))), [hears(Hear::Silence)]);
        let back = step(&mut call, Input::Leg(CALLER, LegEvent::Held(false)));
        assert_eq!(back, [hears(Hear::Room(Audience::All))]);
        assert_eq!(step(&mut call, Input::Company(false)), [hears(Hear::Music("default".to_owned()))]);
        let over = step(&mut call, Input::Leg(CALLER, LegEvent::Ended(Cause::Normal)));
        assert!(matches!(&over[..], [Command::Finished(cdr)] if cdr.outcome == CdrOutcome::Answered));
    }
}
