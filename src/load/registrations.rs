//! The script of a load of registrations: one account after the other at a steady rate, each once.

use crate::clock::Instant;
use crate::load::options::Options;
use crate::load::options::seconds;
use crate::sim::histogram::Histogram;
use crate::sim::party::Event;
use crate::sim::party::Order;
use crate::sim::party::Registration;
use crate::sim::script::Orders;
use crate::sim::script::Script;
use std::collections::BTreeMap;
use std::time::Duration;

/// Short, so that the server forgets a test's bindings soon.
const EXPIRES: Duration = Duration::from_secs(60);
/// Accounts started in one go after a stall.
const BURST_MAX: usize = 500;
/// After the last REGISTER: all its retransmissions.
const GRACE: Duration = Duration::from_secs(40);

/// The script.
#[derive(Debug)]
pub(in crate::load) struct Registrations<'o> {
    options: &'o Options,
    total: u64,
    begun: Option<Instant>,
    started: u64,
    time_is_up: bool,
    pub(in crate::load) took: Histogram,
    pub(in crate::load) failed_by_code: BTreeMap<u16, u64>,
    pub(in crate::load) last: Option<Instant>,
}

impl<'o> Registrations<'o> {
    pub(in crate::load) fn new(options: &'o Options, total: u64) -> Self {
        Self {
            options,
            total,
            begun: None,
            started: 0,
            time_is_up: false,
            took: Histogram::default(),
            failed_by_code: BTreeMap::new(),
            last: None,
        }
    }

    /// When the first one was started.
    pub(in crate::load) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// Registrations that found no end.
    pub(in crate::load) fn unfinished(&self) -> u64 {
        self.started - self.ended()
    }

    fn ended(&self) -> u64 {
        self.took.count() + self.failed_by_code.values().sum::<u64>()
    }

    fn due(&self, begun: Instant, number: u64) -> Instant {
        begun + seconds(number as f64 / self.options.rate)
    }
}

impl Script for Registrations<'_> {
    fn event(&mut self, now: Instant, _party: usize, event: Event, _orders: &mut Orders) {
        match event {
            Event::Registered { took, .. } => {
                self.took.add(took);
                self.last = Some(now);
            }
            Event::RegistrationFailed { code, .. } => {
                *self.failed_by_code.entry(code).or_default() += 1;
                self.last = Some(now);
            }
            Event::Unregistered { .. }
            | Event::Invited { .. }
            | Event::Ringing { .. }
            | Event::Answered { .. }
            | Event::Ended(_) => {}
        }
    }

    fn timeout(&mut self, now: Instant, orders: &mut Orders) {
        let begun = *self.begun.get_or_insert(now);
        for _ in 0..BURST_MAX {
            if self.started >= self.total || self.due(begun, self.started) > now {
                break;
            }
            let registration = Registration {
                label: self.started,
                user: self.options.user(self.started),
                password: self.options.secret.clone(),
                expires: EXPIRES,
                keep: false,
            };
            self.started += 1;
            orders.push((0, Order::Register(Box::new(registration))));
        }
        self.time_is_up = self.due(begun, self.total) + GRACE <= now;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let begun = self.begun?;
        let next = if self.started < self.total {
            self.due(begun, self.started)
        } else {
            self.due(begun, self.total) + GRACE
        };
        Some(next)
    }

    fn is_over(&self) -> bool {
        self.time_is_up || (self.started >= self.total && self.unfinished() == 0)
    }
}
