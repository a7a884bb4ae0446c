//! What a worker hands to the recorder: copies of a leg's packets, in blocks, over a bounded channel.
//!
//! A leg that is tapped gives what its party says and what it hears, as it is on the wire. The worker never waits: a
//! block that finds no room is thrown away and counted. Not the recorder (`recording`), which only takes blocks.

use crate::clock::Instant;
use crate::media::command::Codec;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The recording that a tapped leg's packets go to: a number that the switch gives, unique in the process.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TapKey(pub u64);

/// Whose voice a packet has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Voice {
    /// The leg's party's own.
    Said,
    /// What it hears.
    Heard,
}

/// One packet's place in the streams.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Tap {
    /// Which recording.
    pub key: TapKey,
    /// Whose voice.
    pub voice: Voice,
    /// The payload's codec.
    pub codec: Codec,
    /// The stream's source.
    pub ssrc: u32,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// The first packet of a talk spurt (RFC 3551 section 4.1).
    pub marker: bool,
    /// When it came or went.
    pub at: Instant,
}

/// Packets of some time, of all tapped legs of a worker.
#[derive(Clone, Debug, Default)]
pub struct Block {
    taps: Vec<(Tap, usize)>,
    bytes: Vec<u8>,
}

impl Block {
    /// Adds a packet.
    pub fn push(&mut self, tap: Tap, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.taps.push((tap, self.bytes.len()));
    }

    /// The packets with their payloads, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Tap, &[u8])> {
        let mut start = 0;
        self.taps.iter().map(move |(tap, end)| {
            let payload = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (tap, payload)
        })
    }

    /// How many packets.
    pub fn len(&self) -> usize {
        self.taps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }
}

/// Where blocks go. Shared by the workers.
pub trait TapSink: Send + Sync {
    /// Takes a block, or gives it back when there is no room. Must not wait.
    ///
    /// # Errors
    /// The block, to be thrown away and counted.
    fn take(&self, block: Block) -> Result<(), Block>;
}

/// For a process that records nothing: every block is refused.
#[derive(Copy, Clone, Debug, Default)]
pub struct NoTaps;

impl TapSink for NoTaps {
    fn take(&self, block: Block) -> Result<(), Block> {
        Err(block)
    }
}

/// Blocks that wait, counted by who puts them in and who takes them out.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Claims room for one, if fewer than `max` wait.
    pub fn claim(&self, max: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1)).is_ok()
    }

    /// One was taken out.
    pub fn taken(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }
}

/// A block is handed over when it is so large.
const BLOCK_BYTES: usize = 64 * 1024;
/// Or so old: what the recorder then adds to it stays within its second.
const BLOCK_AGE: Duration = Duration::from_millis(100);

/// When a worker hands its block over.
pub(crate) struct Handing {
    /// Since when something is in the block.
    since: Option<Instant>,
    sink: Arc<dyn TapSink>,
}

impl Handing {
    /// Nothing was tapped yet.
    pub(crate) fn new(sink: Arc<dyn TapSink>) -> Self {
        Self { since: None, sink }
    }

    /// Hands the block over when it is large or old enough, or `wanted`. How many packets were lost.
    pub(crate) fn look(&mut self, now: Instant, block: &mut Block, wanted: bool) -> u64 {
        if block.is_empty() {
            return 0;
        }
        let since = *self.since.get_or_insert(now);
        if !wanted && now < since + BLOCK_AGE && block.bytes.len() < BLOCK_BYTES {
            return 0;
        }
        self.since = None;
        let (taps, bytes) = (block.taps.capacity(), block.bytes.capacity());
        let next = Block { taps: Vec::with_capacity(taps), bytes: Vec::with_capacity(bytes) };
        match self.sink.take(std::mem::replace(block, next)) {
            Ok(()) => 0,
            Err(lost) => lost.len() as u64,
        }
    }

    /// When the block has to be handed over.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.since.map(|since| since + BLOCK_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Shelf {
        blocks: Mutex<Vec<Block>>,
        waiting: Waiting,
    }

    impl TapSink for Shelf {
        fn take(&self, block: Block) -> Result<(), Block> {
            if !self.waiting.claim(2) {
                return Err(block);
            }
            self.blocks.lock().unwrap().push(block);
            Ok(())
        }
    }

    fn tap(timestamp: u32) -> Tap {
        let (key, voice, codec) = (TapKey(1), Voice::Said, Codec::Pcmu);
        Tap { key, voice, codec, ssrc: 7, timestamp, marker: false, at: Instant::default() }
    }

    #[test]
    fn blocks_go_when_they_are_old_large_or_wanted_and_what_finds_no_room_is_counted() {
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let shelf = Arc::new(Shelf::default());
        let mut handing = Handing::new(Arc::<Shelf>::clone(&shelf));
        let mut block = Block::default();
        assert_eq!((handing.look(at(0), &mut block, true), handing.due_at()), (0, None));
        for ms in [0, 99, 100] {
            assert!(shelf.blocks.lock().unwrap().is_empty(), "not old enough");
            block.push(tap(ms), &[ms as u8; 4]);
            assert_eq!(handing.look(at(u64::from(ms)), &mut block, false), 0);
        }
        let first: Vec<_> = {
            let blocks = shelf.blocks.lock().unwrap();
            blocks[0].iter().map(|(tap, payload)| (tap.timestamp, payload.to_vec())).collect()
        };
        assert_eq!(first, [(0, vec![0; 4]), (99, vec![99; 4]), (100, vec![100; 4])]);
        assert!(block.is_empty() && handing.due_at().is_none());
        block.push(tap(4), &[4]);
        assert_eq!(handing.look(at(101), &mut block, false), 0);
        assert_eq!(handing.due_at(), Some(at(201)));
        assert_eq!(handing.look(at(101), &mut block, true), 0, "at once when wanted");
        (0..2).for_each(|n| block.push(tap(n), &vec![0; BLOCK_BYTES]));
        assert_eq!(handing.look(at(102), &mut block, false), 2, "two wait already");
        shelf.waiting.taken();
        block.push(tap(5), &[5]);
        assert_eq!(handing.look(at(103), &mut block, true), 0);
        assert_eq!(shelf.blocks.lock().unwrap().len(), 3);
    }
}
