//! The targets of a trunk: where calls can go, in which order, and how each of them does.

use crate::clock::Instant;
use crate::ids::Random;
use crate::sip::endpoint::Transport;
use crate::trunk::health::Health;
use crate::trunk::lookup::Candidate;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a target is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// By which transport.
    pub transport: Transport,
    /// Its address.
    pub address: SocketAddr,
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is, under which name and rank.
    pub candidate: Candidate,
    /// How it does.
    pub health: Health,
}

/// The targets.
#[derive(Clone, Debug)]
pub struct Roster {
    every: Option<Duration>,
    targets: Vec<Target>,
}

impl Roster {
    /// None yet; each is to be asked by OPTIONS so often.
    pub fn new(every: Option<Duration>) -> Self {
        Self { every, targets: Vec::new() }
    }

    /// Takes what was resolved; who was there before keeps what is known of it.
    pub fn replace(&mut self, now: Instant, candidates: &[Candidate], random: &mut Random) {
        let mut old = std::mem::take(&mut self.targets);
        for candidate in candidates {
            if self.targets.iter().any(|target| target.candidate.place == candidate.place) {
                continue;
            }
            let known = old.iter().position(|target| target.candidate.place == candidate.place);
            let health = match known {
                Some(index) => old.swap_remove(index).health,
                None => Health::new(now, self.every, random),
            };
            self.targets.push(Target { candidate: candidate.clone(), health });
        }
    }

    /// All targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target at that place.
    pub fn target_mut(&mut self, place: Place) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| target.candidate.place == place)
    }

    /// All targets, to serve their timers.
    pub fn targets_mut(&mut self) -> impl Iterator<Item = &mut Target> {
        self.targets.iter_mut()
    }

    /// Whether one of them is at that address.
    pub fn has_ip(&self, ip: IpAddr) -> bool {
        self.targets.iter().any(|target| target.candidate.place.address.ip() == ip)
    }

    /// Whether calls can go to any of them.
    pub fn is_usable(&self, now: Instant) -> bool {
        self.targets.iter().any(|target| target.health.is_usable(now))
    }

    /// Those that may be called now, in the order to try them: by priority, and within one by weight (RFC 2782). With
    /// `all`, the others follow.
    pub fn order(&self, now: Instant, all: bool, random: &mut Random) -> Vec<Candidate> {
        let usable = |usable: bool| {
            let of_use = self.targets.iter().filter(move |target| target.health.is_usable(now) == usable);
            of_use.map(|target| target.candidate.clone()).collect::<Vec<_>>()
        };
        let mut order = weighed(usable(true), random);
        if all {
            order.extend(weighed(usable(false), random));
        }
        order
    }

    /// When a timer of theirs is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.targets.iter().filter_map(|target| target.health.poll_timeout()).min()
    }
}

/// RFC 2782, "Usage rules": the lowest priority first; within one, each is drawn with a chance in proportion to its
/// weight, and those of weight 0 have a small one.
fn weighed(mut left: Vec<Candidate>, random: &mut Random) -> Vec<Candidate> {
    let mut order = Vec::with_capacity(left.len());
    while let Some(priority) = left.iter().map(|one| one.priority).min() {
        // "arrange all SRV RRs (that have not been ordered yet) in any order, except that all those with weight 0 are
        // placed at the beginning of the list".
        let mut group: Vec<usize> = (0..left.len()).filter(|at| left[*at].priority == priority).collect();
        group.sort_by_key(|at| left[*at].weight != 0);
        let sum: u64 = group.iter().map(|at| u64::from(left[*at].weight)).sum();
        // One of weight alone is taken in its order, without drawing.
        let drawn = if sum == 0 { 0 } else { random.below(sum + 1) };
        let mut running = 0;
        let chosen = group.iter().copied().find(|at| {
            running += u64::from(left[*at].weight);
            running >= drawn
        });
        let Some(chosen) = chosen else { return order };
        order.push(left.remove(chosen));
    }
    order
}
