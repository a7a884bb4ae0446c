//! What can be dialled inside a menu: the first digits and the greatest length of our own numbers, by which the menu knows
//! whether a key may be the beginning of a number.

use crate::config::Config;
use std::collections::BTreeSet;

/// The shape of our own numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// With which keys a number can begin.
    pub first: BTreeSet<char>,
    /// The most keys of a number.
    pub digits_max: usize,
}

impl From<&Config> for Reach {
    fn from(config: &Config) -> Self {
        let mut reach = Self::default();
        config.phones.keys().for_each(|phone| reach.add(phone.as_str()));
        config.queues.iter().filter_map(|queue| queue.number.as_deref()).for_each(|number| reach.add(number));
        config.groups.iter().filter_map(|group| group.number.as_deref()).for_each(|number| reach.add(number));
        config.menus.iter().filter_map(|menu| menu.number.as_deref()).for_each(|number| reach.add(number));
        for range in &config.phone_ranges {
            // All numbers of a range are as long; each first digit is among those of its ends, or between them.
            let mut ends = range.numbers();
            if let Some(first) = ends.next() {
                reach.add(first.as_str());
                let begin = first.as_str().chars().next();
                let last = range.last();
                let end = last.as_str().chars().next();
                if let (Some(begin), Some(end)) = (begin, end)
                    && begin.is_ascii_digit()
                {
                    reach.first.extend(begin..=end);
                }
            }
        }
        reach
    }
}

impl Reach {
    /// Only what a phone's keys can dial counts.
    fn add(&mut self, number: &str) {
        let is_key = |letter: char| letter.is_ascii_digit() || letter == '*';
        if number.chars().all(is_key) {
            self.first.extend(number.chars().next());
            self.digits_max = self.digits_max.max(number.len());
        }
    }
}
