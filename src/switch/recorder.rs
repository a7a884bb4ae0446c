//! What is kept of the SIP that passes by, and which of it belongs to which call.

use crate::clock::Now;
use crate::clock::Wall;
use crate::config;
use crate::ids::CallUid;
use crate::sip::endpoint::Flow;
use crate::switch::core::Core;
use crate::trace::Head;
use crate::trace::Packet;
use crate::trace::Ring;
use crate::trace::Thread;
use crate::trace::Way;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Calls whose dialogs are remembered; the oldest is forgotten first.
const CALLS_MAX: usize = 20_000;
/// Dialogs of one call: its legs, and the forks of those.
const THREADS_MAX: usize = 64;

/// The ring, and the calls.
#[derive(Debug)]
pub(crate) struct Recorder {
    ring: Ring,
    /// Ids of calls sort by their age.
    calls: BTreeMap<CallUid, Vec<Thread>>,
}

impl Recorder {
    /// An empty one.
    pub(crate) fn new(settings: config::Trace) -> Self {
        Self { ring: Ring::new(settings.bytes, settings.age), calls: BTreeMap::new() }
    }

    /// A message passes by.
    pub(crate) fn note(&mut self, now: Wall, way: Way, flow: &Flow, call_id: &[u8], bytes: &Bytes) {
        if !self.ring.is_on() {
            return;
        }
        // A message of a stream may be a small part of a large buffer, which it would keep alive.
        let bytes = if flow.transport.is_reliable() { Bytes::copy_from_slice(bytes) } else { bytes.clone() };
        self.ring.push(Packet {
            at: now,
            way,
            transport: flow.transport.word(),
            local: flow.local,
            remote: flow.remote,
            thread: Thread::of(call_id),
            bytes,
        });
    }

    /// Messages with this Call-ID belong to that call.
    pub(crate) fn belongs(&mut self, call: CallUid, call_id: &[u8]) {
        if !self.ring.is_on() {
            return;
        }
        let thread = Thread::of(call_id);
        let threads = self.calls.entry(call).or_default();
        if threads.len() < THREADS_MAX && !threads.contains(&thread) {
            threads.push(thread);
        }
        if self.calls.len() > CALLS_MAX {
            self.calls.pop_first();
        }
    }

    /// The messages of a call, the oldest first; `None` when nothing is known of it.
    pub(crate) fn of_call(&self, call: CallUid) -> Option<Vec<Packet>> {
        self.calls.get(&call).map(|threads| self.ring.of(threads))
    }

    /// All messages.
    pub(crate) fn all(&self) -> Vec<Packet> {
        self.ring.all()
    }

    /// Forgets what is too old.
    pub(crate) fn expire(&mut self, now: Wall) {
        self.ring.expire(now);
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        self.ring.bytes()
    }
}

impl Core {
    /// A message is sent.
    pub(crate) fn note_sent(&mut self, now: Now, flow: &Flow, bytes: &Bytes) {
        let head = Head::of(bytes);
        self.recorder.note(now.wall, Way::Out, flow, head.call_id, bytes);
    }
}
