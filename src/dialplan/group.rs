//! The order in which a ring group's phones are rung. Who can be rung at all is found out later.

use crate::config::GroupStrategy;
use crate::ids::PhoneNumber;
use crate::ids::Random;
use std::collections::VecDeque;

/// A group's phones that were not rung yet, for one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunt {
    rest: VecDeque<PhoneNumber>,
    at_once: bool,
}

impl Hunt {
    /// The order for one call. `turn` is the group's count of calls, by which `round-robin` begins one further each time.
    pub fn new(members: &[PhoneNumber], strategy: GroupStrategy, turn: usize, random: &mut Random) -> Self {
        let mut rest: VecDeque<PhoneNumber> = members.iter().cloned().collect();
        match strategy {
            GroupStrategy::All | GroupStrategy::Linear => {}
            GroupStrategy::RoundRobin => rest.rotate_left(turn.checked_rem(members.len()).unwrap_or(0)),
            GroupStrategy::Random => {
                // Fisher and Yates.
                for last in (1..rest.len()).rev() {
                    let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(0);
                    rest.swap(last, other);
                }
            }
        }
        Self { rest, at_once: strategy == GroupStrategy::All }
    }

    /// The phones that ring next; empty when all had their turn.
    pub fn take_next(&mut self) -> Vec<PhoneNumber> {
        let count = if self.at_once { self.rest.len() } else { self.rest.len().min(1) };
        self.rest.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(strategy: GroupStrategy, turn: usize, seed: u64) -> Vec<Vec<String>> {
        let members: Vec<PhoneNumber> = ["1", "2", "3"].map(PhoneNumber::new).to_vec();
        let mut hunt = Hunt::new(&members, strategy, turn, &mut Random::seeded(seed));
        let mut order = Vec::new();
        loop {
            let next = hunt.take_next();
            if next.is_empty() {
                return order;
            }
            order.push(next.iter().map(|phone| phone.as_str().to_owned()).collect());
        }
    }

    #[test]
    fn each_strategy_has_its_order_and_each_phone_its_turn() {
        assert_eq!(order(GroupStrategy::All, 5, 1), [["1", "2", "3"]]);
        assert_eq!(order(GroupStrategy::Linear, 5, 1), [["1"], ["2"], ["3"]]);
        assert_eq!(order(GroupStrategy::RoundRobin, 4, 1), [["2"], ["3"], ["1"]]);
        let mut firsts = [0; 3];
        for seed in 0..300 {
            let order = order(GroupStrategy::Random, 0, seed);
            assert_eq!(order.len(), 3, "seed {seed}");
            firsts[order[0][0].parse::<usize>().unwrap() - 1] += 1;
        }
        assert!(firsts.iter().all(|count| *count > 50), "{firsts:?}");
    }
}
