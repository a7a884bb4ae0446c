//! What a simulated phone does about transfers: REFER, the NOTIFYs it gets, INVITE with Replaces.

use super::call::{Call, Notified, State};
use super::phone::{DOMAIN, Phone, Purpose};
use super::sound::{MUSIC, Sound};
use super::world::{Line, PhoneId, World};
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sdp::Direction;
use strowger::sip::msg::{Message, Method, Name};

impl Phone {
    /// Sends REFER in the call's dialog; `fill` is its further headers.
    pub fn refer(&mut self, now: Instant, index: usize, to: &str, headers: &[(&str, &str)]) {
        if self.calls[index].state != State::Up {
            return;
        }
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        self.in_dialog(now, index, Method::Refer, Purpose::Refer(index), |request| {
            request.header(Name::Contact, contact.as_bytes()).header(Name::ReferTo, to.as_bytes());
            for (name, value) in headers {
                request.header_named(name.as_bytes(), value.as_bytes());
            }
        });
    }

    /// SUBSCRIBE in the call's dialog for the subscription that its REFER has made.
    pub fn subscribe_to_transfer(&mut self, now: Instant, index: usize, expires: u32) {
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        self.in_dialog(now, index, Method::Subscribe, Purpose::Other, |request| {
            request
                .header(Name::Contact, contact.as_bytes())
                .header(Name::Event, b"refer")
                .header_fmt(Name::Expires, format_args!("{expires}"));
        });
    }

    pub(super) fn transfer_notified(&mut self, now: Instant, index: usize, message: &Message) {
        let text = |name| String::from_utf8_lossy(message.header(name).unwrap_or_default()).into_owned();
        let event = text(Name::Event);
        if !event.starts_with("refer") {
            return;
        }
        assert_eq!(text(Name::ContentType), "message/sipfrag;version=2.0");
        let body = String::from_utf8_lossy(message.body_slice()).into_owned();
        let status = body.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("a NOTIFY without a status line: {body:?}"));
        let last = text(Name::SubscriptionState).starts_with("terminated");
        let calls = &mut self.calls[index];
        assert!(
            !calls.notifies.iter().any(|one| one.last && one.event == event && !last),
            "a NOTIFY after the subscription's end"
        );
        calls.notifies.push(Notified { at: now, event, status, last });
    }
}

impl Call {
    /// What the last subscription was told at its end.
    pub fn transferred(&self) -> Option<u16> {
        self.notifies.iter().rev().find(|one| one.last).map(|one| one.status)
    }
}

impl World {
    /// Hands the other party over to a number.
    pub fn refer(&mut self, line: Line, number: &str) {
        self.refer_with(line, &format!("<sip:{number}@{DOMAIN}>"), &[]);
    }

    pub fn refer_with(&mut self, line: Line, to: &str, headers: &[(&str, &str)]) {
        self.with_phone(line.phone, |phone, now| phone.refer(now, line.call, to, headers));
    }

    /// Hands the other party of `line` over to that of `second`.
    pub fn refer_attended(&mut self, line: Line, second: Line) {
        let to = self.attended(second);
        self.refer_with(line, &to, &[]);
    }

    /// The Refer-To of an attended transfer to the other party of `second`.
    pub fn attended(&self, second: Line) -> String {
        let escape = |byte: u8| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        let replaces: String = self.replaces(second).bytes().map(escape).collect();
        format!("<sip:x@{DOMAIN}?Replaces={replaces}>")
    }

    /// The Replaces that names this call, as its phone sees it.
    pub fn replaces(&self, line: Line) -> String {
        let call = self.call(line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let remote = match &call.dialog {
            Some(dialog) => text(dialog.id().remote_tag()),
            None if call.incoming => {
                let invite = call.invite.as_ref().expect("an INVITE came");
                text(invite.from().expect("From").tag().expect("a tag"))
            }
            None => text(call.peer_tag.as_deref().unwrap_or_default()),
        };
        format!("{};to-tag={remote};from-tag={}", call.call_id, call.tag)
    }

    /// Calls with an INVITE that replaces a dialog.
    pub fn dial_replacing(&mut self, phone: PhoneId, replaces: &str) -> Line {
        let call = self.with_phone(phone, |phone, now| phone.dial_replacing(now, replaces));
        Line { phone, call }
    }

    /// Waits for the answer to the last REFER of this line.
    pub fn referred(&mut self, line: Line) -> u16 {
        let before = self.call(line).refers.len();
        self.expect("an answer to REFER", Duration::from_secs(5), |world| {
            world.call(line).refers.len() > before || !world.call(line).refers.is_empty()
        });
        *self.call(line).refers.last().expect("it was answered")
    }

    /// Waits until the transferor is told of the transfer's end.
    /// Over a bad network the BYE of the same moment may overtake it.
    pub fn told(&mut self, line: Line, status: u16) {
        if !self.is_clean() {
            return;
        }
        self.expect(&format!("a last NOTIFY {status}"), Duration::from_secs(5), |world| {
            world.call(line).transferred() == Some(status)
        });
    }

    /// One holds the other, who hears music.
    pub fn hold(&mut self, holder: Line, held: Line) {
        self.reinvite(holder, Some(Direction::SendOnly));
        self.expect("the other is told of the hold", Duration::from_secs(2), |world| {
            world.call(held).told.last().is_some_and(|(_, direction)| *direction == "sendonly")
        });
        self.hears(held, MUSIC);
    }

    /// What each of these hears from now on, and nothing else: shorter than `hears`, for thousands of runs.
    pub fn hear(&mut self, all: &[(Line, Sound)]) {
        self.run(Duration::from_millis(44));
        let from = self.now;
        self.run(Duration::from_millis(80));
        for (line, sound) in all {
            self.heard_since(*line, *sound, from);
        }
    }

    /// As `hear`: two who talk with each other.
    pub fn hear_each_other(&mut self, one: Line, other: Line) {
        let (hers, his) = (self.voice(one), self.voice(other));
        self.hear(&[(one, his), (other, hers)]);
    }

    /// Two phones that talk: who calls and who is called.
    pub fn connect(&mut self, caller: PhoneId, called: PhoneId) -> (Line, Line) {
        let number = self.phones[called.0].number.clone();
        let (calling, ringing) = self.connect_by(caller, &number, called);
        self.expect("the answer is acknowledged", Duration::from_secs(2), |world| {
            world.call(ringing).ack_seen
        });
        (calling, ringing)
    }
}
