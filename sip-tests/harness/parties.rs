//! The world's parties: phones and carriers are added, and told what to do.

use super::call::{Call, State, Why};
use super::exchange::SWITCH;
use super::phone::{Phone, Treatment};
use super::world::{CARRIER, Line, PhoneId, World};
use std::rc::Rc;
use std::time::Duration;
use strowger::clock::Instant;

impl World {
    pub fn add_at(&mut self, number: &str, address: &str) -> PhoneId {
        let server = SWITCH.parse().expect("an address");
        let address = address.parse().expect("an address");
        let phone = Phone::new(number, address, server, Rc::clone(&self.voices), self.random.fork());
        self.phones.push(phone);
        PhoneId(self.phones.len() - 1)
    }

    /// A phone that is registered.
    pub fn add_phone(&mut self, number: &str) -> PhoneId {
        let address = format!("10.1.0.{}:5060", self.phones.len() + 1);
        let phone = self.add_at(number, &address);
        self.register(phone, 3600);
        self.check(self.phones[phone.0].account.status == Some(200), "a phone can't register");
        phone
    }

    /// The carrier behind the trunk.
    pub fn add_carrier(&mut self) -> PhoneId {
        self.add_at("+33123456789", CARRIER)
    }

    pub fn phone(&mut self, phone: PhoneId) -> &mut Phone {
        &mut self.phones[phone.0]
    }

    /// Has a phone do something.
    pub fn with_phone<T>(&mut self, phone: PhoneId, what: impl FnOnce(&mut Phone, Instant) -> T) -> T {
        let done = what(&mut self.phones[phone.0], self.now);
        self.carry_phone(phone);
        done
    }

    pub fn treat(&mut self, phone: PhoneId, treatment: Treatment) {
        self.phones[phone.0].treatment = treatment;
    }

    /// Registers and waits for the answer; its status.
    pub fn register(&mut self, phone: PhoneId, expires: u32) -> u16 {
        self.with_phone(phone, |phone, now| phone.register(now, expires));
        self.expect("an answer to REGISTER", Duration::from_secs(5), |world| {
            world.phones[phone.0].account.status.is_some()
        });
        self.phones[phone.0].account.status.unwrap_or(0)
    }

    /// Sends OPTIONS and waits for the answer.
    pub fn options(&mut self, phone: PhoneId) -> u16 {
        let before = self.phones[phone.0].others.len();
        self.with_phone(phone, |phone, now| {
            phone.request(now, strowger::sip::msg::Method::Options, "sip:example.com");
        });
        self.expect("an answer to OPTIONS", Duration::from_secs(5), |world| {
            world.phones[phone.0].others.len() > before
        });
        self.phones[phone.0].others.last().and_then(|answer| answer.status()).unwrap_or(0)
    }

    pub fn dial(&mut self, phone: PhoneId, to: &str) -> Line {
        let call = self.with_phone(phone, |phone, now| phone.dial(now, to, false));
        Line { phone, call }
    }

    pub fn dial_offerless(&mut self, phone: PhoneId, to: &str) -> Line {
        let call = self.with_phone(phone, |phone, now| phone.dial(now, to, true));
        Line { phone, call }
    }

    pub fn call(&self, line: Line) -> &Call {
        &self.phones[line.phone.0].calls[line.call]
    }

    pub fn call_mut(&mut self, line: Line) -> &mut Call {
        &mut self.phones[line.phone.0].calls[line.call]
    }

    /// The line on which this phone rings, if it does.
    pub fn ringing(&self, phone: PhoneId) -> Option<Line> {
        let calls = &self.phones[phone.0].calls;
        calls.iter().position(|call| call.state == State::Ringing).map(|call| Line { phone, call })
    }

    /// Waits until it rings.
    pub fn rings(&mut self, phone: PhoneId) -> Line {
        self.rings_within(phone, Duration::from_secs(1))
    }

    pub fn rings_within(&mut self, phone: PhoneId, longest: Duration) -> Line {
        self.expect("the phone rings", longest, |world| world.ringing(phone).is_some());
        self.ringing(phone).expect("it rings")
    }

    pub fn answer(&mut self, line: Line) {
        self.with_phone(line.phone, |phone, now| phone.answer(now, line.call));
    }

    pub fn refuse(&mut self, line: Line, status: u16) {
        self.with_phone(line.phone, |phone, now| phone.refuse(now, line.call, status));
    }

    pub fn hang_up(&mut self, line: Line) {
        self.with_phone(line.phone, |phone, now| phone.hang_up(now, line.call));
    }

    pub fn reinvite(&mut self, line: Line, direction: Option<strowger::sdp::Direction>) {
        self.with_phone(line.phone, |phone, now| phone.reinvite(now, line.call, direction));
    }

    pub fn up(&mut self, line: Line) {
        self.expect("the call is answered", Duration::from_secs(1), |world| {
            world.call(line).state == State::Up
        });
    }

    /// A call that is answered as soon as it rings: the caller's line and the other's.
    pub fn connect_by(&mut self, from: PhoneId, number: &str, to: PhoneId) -> (Line, Line) {
        let calling = self.dial(from, number);
        let called = self.rings(to);
        self.answer(called);
        self.up(calling);
        (calling, called)
    }

    /// Both hear each other; then the first hangs up, and the other is told.
    pub fn talk_and_end(&mut self, one: Line, other: Line) {
        self.talk(one, other);
        self.hang_up(one);
        self.over(other);
    }

    /// Waits until the call is over; how it ended.
    pub fn over(&mut self, line: Line) -> Why {
        self.over_within(line, Duration::from_secs(1))
    }

    pub fn over_within(&mut self, line: Line, longest: Duration) -> Why {
        self.expect("the call is over", longest, |world| world.call(line).state == State::Over);
        self.call(line).why.clone().expect("what is over has a reason")
    }
}
