//! Which uses of a nonce have been seen: against a request that is overheard and sent again.
//!
//! RFC 7616 section 3.3: the nonce count lets a server "detect request replays by maintaining its own copy of this
//! count". Nonces themselves need no memory ([`crate::sip::digest::Realm`]); only those that were answered rightly are
//! kept here, until they are too old anyway. Owned by the one who judges credentials.

use crate::clock::Wall;
use crate::sip::digest::credentials::Credentials;
use crate::sip::digest::realm::made_at;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts below the highest that may still come: requests overtake each other on UDP.
const WINDOW: u32 = 64;

/// What was seen of a nonce: the highest count, and a bit for each of the 64 before and with it.
#[derive(Copy, Clone, Debug)]
struct Use {
    highest: u32,
    seen: u64,
}

impl Use {
    /// Notes a count; false when it was there already, or too long ago to tell.
    fn note(&mut self, count: u32) -> bool {
        if count > self.highest {
            self.seen = self.seen.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let back = self.highest - count;
        let bit = if back < WINDOW { 1_u64 << back } else { return false };
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

/// The memory, bounded: when it is full the oldest nonce is forgotten, and it and all before it count as used up, so
/// that forgetting never lets a replay in: its phone is asked once more, with `stale=true`.
#[derive(Debug)]
pub struct Replays {
    /// By the time and the random part of a nonce.
    uses: BTreeMap<(i64, u64), Use>,
    /// Nonces up to this one are used up.
    floor: (i64, u64),
    lifetime: Duration,
    nonces_max: usize,
}

impl Replays {
    /// A memory for nonces that live so long, of so many at the most (some 50 bytes each).
    pub fn new(lifetime: Duration, nonces_max: usize) -> Self {
        Self { uses: BTreeMap::new(), floor: (i64::MIN, 0), lifetime, nonces_max: nonces_max.max(1) }
    }

    /// Takes note of credentials that [`crate::sip::digest::Realm::verify`] found right; false when they were used
    /// before. Without `qop` there is no count, and a nonce is good for one request.
    pub fn accept(&mut self, now: Wall, credentials: &Credentials<'_>) -> bool {
        self.expire(now);
        let Some(id) = made_at(&credentials.nonce) else { return false };
        // RFC 7616 section 3.4: nc is 00000001 in the first request.
        let count = credentials.nonce_count().unwrap_or(1);
        if id <= self.floor || count == 0 || id.0 < self.oldest(now) {
            return false;
        }
        if let Some(used) = self.uses.get_mut(&id) {
            return used.note(count);
        }
        self.uses.insert(id, Use { highest: count, seen: 1 });
        if self.uses.len() > self.nonces_max
            && let Some((oldest, _)) = self.uses.pop_first()
        {
            self.floor = oldest;
        }
        // A nonce that is older than all that are kept was the one to go.
        id > self.floor
    }

    /// Nonces made before are too old.
    fn oldest(&self, now: Wall) -> i64 {
        now.as_micros().saturating_sub(i64::try_from(self.lifetime.as_micros()).unwrap_or(i64::MAX))
    }

    /// Forgets nonces that are too old to be accepted.
    pub fn expire(&mut self, now: Wall) {
        let oldest = self.oldest(now);
        while self.uses.first_key_value().is_some_and(|((made, _), _)| *made < oldest) {
            self.uses.pop_first();
        }
    }

    /// Nonces that are remembered.
    pub fn len(&self) -> usize {
        self.uses.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn accept(replays: &mut Replays, second: i64, made: i64, nc: &str) -> bool {
        let nonce = format!("{:016x}{:016x}{:032}", made * 1_000_000, 7, 0).into_bytes();
        let said = Credentials {
            nonce: Cow::Owned(nonce),
            nc: (!nc.is_empty()).then_some(nc.as_bytes()),
            ..Credentials::default()
        };
        replays.accept(Wall::from_micros(second * 1_000_000), &said)
    }

    #[test]
    fn each_count_is_good_once_in_any_order_of_a_small_window() {
        let mut replays = Replays::new(Duration::from_secs(300), 10);
        for nc in ["00000001", "00000004", "00000002", "00000003", "0000ffff"] {
            assert!(accept(&mut replays, 0, 0, nc), "{nc}");
            assert!(!accept(&mut replays, 0, 0, nc), "{nc} again");
        }
        assert!(!accept(&mut replays, 0, 0, "00000005"), "too far behind");
        assert!(accept(&mut replays, 0, 0, "0000ffd0"));
        assert!(!accept(&mut replays, 0, 0, "00000000"));
        assert!(accept(&mut replays, 0, 1, "") && !accept(&mut replays, 0, 1, ""), "once without a count");
    }

    #[test]
    fn what_is_forgotten_is_used_up() {
        let mut replays = Replays::new(Duration::from_secs(300), 3);
        for made in 1..=5 {
            assert!(accept(&mut replays, 5, made, "00000001"));
        }
        assert_eq!(replays.len(), 3);
        for made in 0..=2 {
            assert!(!accept(&mut replays, 5, made, "00000001"), "{made}");
        }
        assert!(accept(&mut replays, 5, 4, "00000002"));
        replays.expire(Wall::from_micros(400 * 1_000_000));
        assert!(replays.is_empty());
        assert!(!accept(&mut replays, 400, 5, "00000001"), "too old");
    }
}
