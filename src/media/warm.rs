//! Looks at the legs of a batch before it is handled, so that their memory comes from afar at the same time.
//!
//! A leg is spoken to every 20 ms, by when other legs have had the processor's caches; handled one by one, each packet
//! would wait for its own memory. Changes nothing and decides nothing.

use crate::media::leg::Leg;
use std::hint::black_box;

/// Looks at the legs on these pairs, and at those that hear them.
pub(crate) fn warm(legs: &[Option<Box<Leg>>], pairs: impl Iterator<Item = u32> + Clone) {
    let leg = |pair: u32| legs.get(pair as usize)?.as_deref();
    let mut seen = 0u64;
    for speaker in pairs.clone().filter_map(leg) {
        let ingress = &speaker.ingress;
        seen ^= u64::from(speaker.bond.is_some()) ^ speaker.key.0 ^ u64::from(speaker.watch.told);
        seen ^= u64::from(ingress.latch.heard_at().is_some()) ^ ingress.counts.packets;
        seen ^= u64::from(ingress.last_at.is_some()) ^ u64::from(ingress.expects());
        seen ^= ingress.reception.as_ref().map_or(0, |reception| u64::from(reception.jitter()));
        seen ^= speaker.listeners.first().copied().map_or(0, u64::from);
    }
    let heard_by = |speaker: &Leg| speaker.listeners.first().copied();
    for listener in pairs.filter_map(leg).filter_map(heard_by).filter_map(leg) {
        let egress = &listener.egress;
        seen ^= egress.packets ^ u64::from(egress.last_at.is_some()) ^ u64::from(egress.timeline.ssrc());
        seen ^= egress.ptime_ms() ^ u64::from(listener.ingress.latch.target().is_some());
    }
    black_box(seen);
}
