//! A scripted DNS: it answers the switch's questions after a while, as the test says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::trunk::{Answer, Failure, Question, Record};

/// The DNS.
pub struct Names {
    pub zone: BTreeMap<Question, Vec<Record>>,
    pub ttl: Duration,
    pub delay: Duration,
    /// Every question goes unanswered.
    pub down: bool,
    pub asked: Vec<(Instant, Question)>,
    pending: Vec<(Instant, Question)>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            zone: BTreeMap::new(),
            ttl: Duration::from_secs(60),
            delay: Duration::from_millis(30),
            down: false,
            asked: Vec::new(),
            pending: Vec::new(),
        }
    }
}

impl Names {
    pub fn ask(&mut self, now: Instant, question: Question) {
        self.asked.push((now, question.clone()));
        let delay = if self.down { Duration::from_secs(6) } else { self.delay };
        self.pending.push((now + delay, question));
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.pending.iter().map(|(at, _)| *at).min()
    }

    /// A question whose answer is due.
    pub fn take(&mut self, now: Instant) -> Option<(Question, Answer)> {
        let index = self.pending.iter().position(|(at, _)| *at <= now)?;
        let (_, question) = self.pending.remove(index);
        let records = match self.zone.get(&question) {
            _ if self.down => Err(Failure::Unanswered),
            Some(records) => Ok(records.clone()),
            None => Err(Failure::Missing),
        };
        Some((question, Answer { records, ttl: self.ttl }))
    }

    pub fn srv(&mut self, name: &str, servers: &[(u16, u16, u16, &str)]) {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| Record::Srv {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: (*target).to_owned(),
        };
        self.zone.insert(Question::Srv(name.to_owned()), servers.iter().map(record).collect());
    }

    pub fn address(&mut self, name: &str, ips: &[&str]) {
        let record = |ip: &&str| Record::Address(ip.parse::<IpAddr>().expect("an address"));
        self.zone.insert(Question::Address(name.to_owned()), ips.iter().map(record).collect());
    }
}
