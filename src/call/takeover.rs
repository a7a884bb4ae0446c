//! A leg that takes another one's place: a pickup, an INVITE with Replaces (RFC 3891), an attended transfer's end.
//!
//! Who may do so is not known here: the switch has checked it.

use crate::call::bridge::Call;
use crate::call::bridge::HOLD_MUSIC;
use crate::call::bridge::State;
use crate::call::cause::Cause;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::command::ToQueue;
use crate::call::event::LegId;
use crate::clock::Now;

impl Call {
    /// Whether that leg rings for somebody who is not answered by a queue: what rings for a queue is the distributor's.
    pub fn rings(&self, leg: LegId) -> bool {
        match &self.state {
            State::Ringing { ring, .. } => ring.has(leg),
            State::Transferring(transfer) => transfer.rings(leg),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Joining { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => false,
        }
    }

    /// The legs that ring for this caller, who is not answered yet; empty in any other state.
    pub fn ringing_legs(&self) -> Vec<LegId> {
        if let State::Ringing { ring, .. } = &self.state { ring.legs().collect() } else { Vec::new() }
    }

    /// Whether another leg may take this one's place.
    pub fn can_be_taken_over(&self, leg: LegId) -> bool {
        match &self.state {
            State::Talking { other, .. } => *other == leg || self.caller == leg,
            State::Waiting { .. } | State::Listening => self.caller == leg,
            State::Ringing { .. } | State::Transferring(_) => self.rings(leg),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Joining { .. }
            | State::Meeting { .. }
            | State::Ended => false,
        }
    }

    pub(in crate::call) fn take_over(&mut self, now: Now, gone: LegId, by: LegId, out: &mut Vec<Command>) {
        if !self.can_be_taken_over(gone) {
            // Somebody else was first.
            out.push(Command::HangUp { leg: by, cause: Cause::NotFound });
            return;
        }
        match &self.state {
            State::Ringing { ring, .. } => {
                let losers = ring.clone();
                out.extend(losers.legs().map(|leg| Command::HangUp { leg, cause: Cause::AnsweredElsewhere }));
                out.push(Command::Answer { leg: by, like: Some(self.caller) });
                self.answer_caller(Some(by), out);
                self.talk(now, by, None, HOLD_MUSIC.to_owned(), out);
            }
            State::Transferring(_) => {
                out.push(Command::Answer { leg: by, like: Some(self.caller) });
                self.target_answered(now, by, out);
            }
            State::Talking { .. } => self.replace_party(now, gone, by, out),
            State::Waiting { music, .. } => {
                let music = music.clone();
                self.replace_caller(gone, by, Some(music), out);
            }
            State::Listening => self.replace_caller(gone, by, None, out),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Joining { .. }
            | State::Meeting { .. }
            | State::Ended => {}
        }
    }

    fn replace_party(&mut self, now: Now, gone: LegId, by: LegId, out: &mut Vec<Command>) {
        let State::Talking { other, offer, caller_holds, other_holds, .. } = &mut self.state else { return };
        let stays = if gone == self.caller {
            self.caller = by;
            *caller_holds = false;
            *other
        } else {
            *other = by;
            *other_holds = false;
            self.caller
        };
        let held = *caller_holds || *other_holds;
        let before = *offer;
        let after = self.leave(gone, before, out);
        if let State::Talking { offer, .. } = &mut self.state {
            *offer = after;
        }
        self.transfers = self.transfers.saturating_add(1);
        self.ledger.held(now, held);
        out.push(Command::Answer { leg: by, like: Some(stays) });
        self.hear(out);
        out.push(Command::PassHold { leg: stays, held: false });
        out.push(Command::PassHold { leg: by, held });
        if let Some(offer) = after {
            out.push(Command::Queue(ToQueue::Held(offer, held)));
        }
        out.push(Command::Note("another leg has taken over"));
    }

    fn replace_caller(&mut self, gone: LegId, by: LegId, music: Option<String>, out: &mut Vec<Command>) {
        self.caller = by;
        self.leave(gone, None, out);
        out.push(Command::Answer { leg: by, like: None });
        let class = music.unwrap_or_else(|| HOLD_MUSIC.to_owned());
        out.push(Command::Hear { leg: by, what: Hear::Music(class) });
        out.push(Command::PassHold { leg: by, held: false });
        out.push(Command::Note("another leg has taken over"));
    }

    /// Parties went on in another call: who is left was their transferor.
    pub(in crate::call) fn given_away(&mut self, now: Now, legs: &[LegId], out: &mut Vec<Command>) {
        match &self.state {
            State::Talking { other, offer, .. } => {
                let (other, offer) = (*other, *offer);
                out.extend(offer.map(|offer| Command::Queue(ToQueue::ConversationEnded(offer))));
                let left = [self.caller, other].into_iter().filter(|leg| !legs.contains(leg));
                for leg in left.collect::<Vec<_>>() {
                    self.leave(leg, None, out);
                }
                self.close(now, Cause::Transferred, out);
            }
            State::Ringing { .. } => {
                out.push(Command::Refuse { leg: self.caller, cause: Cause::Transferred });
                self.close(now, Cause::Transferred, out);
            }
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Joining { .. }
            | State::Waiting { .. }
            | State::Transferring(_)
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => self.end(now, Cause::Failed, out),
        }
    }
}
