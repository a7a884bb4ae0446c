//! How a queue chooses among its free agents. Exact semantics are on each variant of [`Strategy`].
//!
//! A strategy orders the queue's free agents by a [`Rank`] that does not change while they are free, so that choosing
//! is looking at the first of an ordered set. It knows nothing of callers.

use crate::acd::agent::AgentNo;
use crate::acd::agent::Seat;
use crate::ids::Random;
use std::collections::BTreeSet;
use std::ops::Bound;

/// How an agent is chosen. Except in `RingAll`, agents of a lower level go first, inside a level those with a lower
/// penalty; the strategy decides among equals.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Who has been free longest. Free time starts when wrap-up or another call ends, when he becomes ready, and anew
    /// after an offer that he did not take; not when a caller hung up on him or the switch took an offer back.
    #[default]
    LongestIdle,
    /// All free agents ring, whatever their level; the first who answers gets the caller. Agents who become free
    /// join in.
    RingAll,
    /// The next free one, in the order of positions, after the one who was offered a caller last.
    RoundRobin,
    /// The first free one in the order of positions.
    Linear,
    /// Each with the same chance.
    Random,
    /// Each with a chance as 1 / (1 + penalty).
    WeightedRandom,
    /// Who took the fewest callers of this queue today (or since the start of the switch), then longest idle.
    FewestCalls,
    /// Who talked least with callers of this queue today (or since the start of the switch), then longest idle.
    LeastTalkTime,
}

const NAMES: [(&str, Strategy); 8] = [
    ("longest-idle", Strategy::LongestIdle),
    ("ring-all", Strategy::RingAll),
    ("round-robin", Strategy::RoundRobin),
    ("linear", Strategy::Linear),
    ("random", Strategy::Random),
    ("weighted-random", Strategy::WeightedRandom),
    ("fewest-calls", Strategy::FewestCalls),
    ("least-talk-time", Strategy::LeastTalkTime),
];

/// A free agent's place in the order of one queue.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    level: u32,
    penalty: u32,
    first: u64,
    second: u64,
    pub(crate) agent: AgentNo,
}

impl Rank {
    fn same_group(&self, other: &Self) -> bool {
        (self.level, self.penalty) == (other.level, other.penalty)
    }
}

impl Strategy {
    /// The strategy of that name in the configuration.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, strategy)| *strategy)
    }

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, strategy)| *strategy == self).map_or("longest-idle", |(name, _)| name)
    }

    /// Whether ranks depend on what was counted today.
    pub(crate) const fn counts_today(self) -> bool {
        matches!(self, Self::FewestCalls | Self::LeastTalkTime)
    }

    /// An agent's place, fixed when he becomes free. `idle_turn` grows with each agent who becomes free.
    pub(crate) fn rank(self, seat: &Seat, idle_turn: u64, agent: AgentNo) -> Rank {
        let rank = |first, second| Rank { level: seat.level, penalty: seat.penalty, first, second, agent };
        match self {
            Self::LongestIdle => rank(idle_turn, 0),
            Self::RingAll => Rank { level: 0, penalty: 0, first: idle_turn, second: 0, agent },
            Self::RoundRobin | Self::Linear => rank(u64::from(seat.position), 0),
            Self::Random => rank(0, 0),
            Self::WeightedRandom => Rank { penalty: 0, ..rank(u64::from(seat.penalty), 0) },
            Self::FewestCalls => rank(seat.taken_today, idle_turn),
            Self::LeastTalkTime => rank(seat.talked_today_us, idle_turn),
        }
    }

    /// The free agent who is offered the next caller; `last` is the one who was offered one before.
    pub(crate) fn choose(
        self,
        free: &BTreeSet<Rank>,
        last: Option<Rank>,
        random: &mut Random,
    ) -> Option<Rank> {
        let first = free.first()?;
        let group = || free.iter().take_while(|rank| rank.same_group(first));
        let chosen = match self {
            Self::LongestIdle | Self::RingAll | Self::Linear | Self::FewestCalls | Self::LeastTalkTime => {
                first
            }
            Self::RoundRobin => {
                let after = last.map(|last| Rank { level: first.level, penalty: first.penalty, ..last });
                after
                    .and_then(|after| free.range((Bound::Excluded(after), Bound::Unbounded)).next())
                    .filter(|next| next.same_group(first))
                    .unwrap_or(first)
            }
            Self::Random => {
                let turn = random.below(group().count() as u64);
                group().nth(usize::try_from(turn).unwrap_or(0)).unwrap_or(first)
            }
            Self::WeightedRandom => {
                let weight = |rank: &Rank| (1_u64 << 32) / rank.first.saturating_add(1).min(1 << 32);
                let mut left = random.below(group().map(weight).sum());
                group()
                    .find(|rank| {
                        let hit = left < weight(rank);
                        left = left.saturating_sub(weight(rank));
                        hit
                    })
                    .unwrap_or(first)
            }
        };
        Some(*chosen)
    }
}
