//! A binding: one contact of an address of record, and what may happen to it.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A contact that is bound to an address of record. `F` names the flow that it registered over: the socket and peer
/// on UDP, the connection on TCP, TLS and WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding<F> {
    /// The contact's URI as it was sent.
    pub uri: String,
    /// The URI in the form that is compared: equal exactly when RFC 3261 section 19.1.4 calls the URIs equal.
    pub key: String,
    /// The way back to the phone.
    pub flow: F,
    /// Where the REGISTER came from.
    pub received_from: SocketAddr,
    /// When it ends, by the clock that never jumps.
    pub expires_at: Instant,
    /// When it ends, for people and for a restart.
    pub expires_wall: Wall,
    /// When it was registered or refreshed last.
    pub refreshed_at: Now,
    /// Preference in thousandths, 0 to 1000.
    pub q: u16,
    /// The Call-ID of the last REGISTER.
    pub call_id: String,
    /// The CSeq number of the last REGISTER.
    pub cseq: u32,
    /// `+sip.instance`, which names the device (RFC 5626 section 4.1).
    pub instance: Option<String>,
    /// `reg-id`, which names the device's flow (RFC 5626 section 4.2).
    pub reg_id: Option<u32>,
    /// The `Path` that requests to it take, topmost first (RFC 3327).
    pub path: Vec<String>,
    /// What the phone says it is.
    pub user_agent: Option<String>,
    /// Whether it proved dead since its last REGISTER; it is then not rung.
    pub unreachable: bool,
    /// The registrar's own number, which rises with every new binding; 0 in one that is about to be restored.
    pub id: u64,
}

impl<F> Binding<F> {
    /// Whole seconds left, rounded up; 0 when it is over.
    pub fn expires_seconds(&self, now: Instant) -> u32 {
        let left = self.expires_at.since(now);
        let seconds = left.as_micros().div_ceil(Duration::from_secs(1).as_micros());
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    pub(in crate::registrar) fn is_live(&self, now: Instant) -> bool {
        self.expires_at > now
    }
}

/// Something that happened to a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<F> {
    /// The address of record.
    pub aor: Arc<str>,
    /// What happened.
    pub kind: ChangeKind,
    /// The binding after the change; as it was last when it was removed.
    pub binding: Binding<F>,
}

/// What happened to a binding.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A new contact.
    Added,
    /// The same contact, registered again.
    Refreshed,
    /// It is not rung until it registers again or is heard of.
    Unreachable,
    /// It was thought dead and is not.
    Reachable,
    /// It is gone.
    Removed(Reason),
}

/// Why a binding is gone.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The phone took it back.
    Unregistered,
    /// Its time was over.
    Expired,
    /// The same device registered another contact, as after a reboot.
    Replaced,
    /// It proved dead, and another contact is there.
    Unreachable,
}
