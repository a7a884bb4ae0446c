//! A caller who waits in a queue. He is in the table of callers from entering to leaving, and nowhere else.

use crate::acd::order::Order;
use crate::acd::queue::QueueNo;
use crate::clock::Instant;
use crate::clock::Now;
use crate::ids::CallUid;
use crate::ids::OfferUid;

/// One waiting caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) call: CallUid,
    pub(crate) queue: QueueNo,
    pub(crate) number: String,
    pub(crate) name: Option<String>,
    pub(crate) priority: i32,
    pub(crate) order: Order,
    /// When he first began to wait: kept when he is moved into another queue.
    pub(crate) enqueued: Instant,
    /// When he entered this queue.
    pub(crate) entered: Now,
    /// The phones that ring for him: one, but for ring-all.
    pub(crate) offers: Vec<OfferUid>,
    /// One of them was answered and is being connected.
    pub(crate) connecting: bool,
    /// When he will have waited long enough.
    pub(crate) until: Option<Instant>,
}
