//! The table of subscriptions: who watches what, found by dialog, by matter, by phone, by flow and by time.
//!
//! Not their life (`subscription::machine`), not the SIP around it (`subscribe`) and not what lamps show (`lamps`).

use crate::clock::Instant;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::Flow;
use crate::subscription::Event;
use crate::subscription::Package;
use crate::subscription::Sheet;
use crate::subscription::Subscription;
use crate::subscription::dialog_info::Dialect;
use crate::subscription::message_summary::Mailboxes;
use crate::subscription::message_summary::NoMailboxes;
use crate::switch::lamps::Lamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A subscription, by its number.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WatchId(u64);

/// Tells the transactions of NOTIFYs from those of legs, whose numbers never reach it.
const NOTIFY: u64 = 1 << 63;

impl WatchId {
    /// As the endpoint's `user` number.
    pub(crate) const fn pack(self) -> u64 {
        self.0 | NOTIFY
    }

    /// From that number; `None` when it is of something else.
    pub(crate) const fn unpack(user: u64) -> Option<Self> {
        if user & NOTIFY == 0 { None } else { Some(Self(user & !NOTIFY)) }
    }
}

/// What can change so that lamps change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Matter {
    /// A phone: its registration and its calls.
    Phone(PhoneNumber),
    /// A mailbox.
    Mailbox(PhoneNumber),
    /// A queue: who waits.
    Queue(QueueId),
    /// An agent: log-in, pause, wrap-up.
    Agent(AgentId),
    /// A park slot.
    Slot(PhoneNumber),
}

/// How a document looks: those with the same look get the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) package: Package,
    pub(crate) lamp: Lamp,
    /// The address of what is watched, as the subscriber has it.
    pub(crate) entity: String,
    pub(crate) dialect: Dialect,
    /// It goes over a datagram transport, where a message must stay small.
    pub(crate) compact: bool,
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) machine: Subscription,
    pub(crate) dialog: Dialog,
    /// Whose it is.
    pub(crate) phone: PhoneNumber,
    pub(crate) event: Event,
    pub(crate) look: Look,
    /// The present document, told or about to be told.
    pub(crate) newest: Arc<Sheet>,
    armed: Option<Instant>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    watches: BTreeMap<WatchId, Watch>,
    by_dialog: HashMap<DialogId, WatchId>,
    by_phone: BTreeMap<PhoneNumber, BTreeSet<WatchId>>,
    by_matter: BTreeMap<Matter, BTreeSet<WatchId>>,
    by_flow: BTreeSet<(Flow, WatchId)>,
    timers: BTreeSet<(Instant, WatchId)>,
    /// Matters that may have changed since lamps were last looked at.
    marked: BTreeSet<Matter>,
    /// Calls of the phones that are watched.
    calls_of: BTreeSet<(PhoneNumber, CallUid)>,
    pub(crate) mailboxes: Box<dyn Mailboxes>,
    last_id: u64,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            watches: BTreeMap::new(),
            by_dialog: HashMap::new(),
            by_phone: BTreeMap::new(),
            by_matter: BTreeMap::new(),
            by_flow: BTreeSet::new(),
            timers: BTreeSet::new(),
            marked: BTreeSet::new(),
            calls_of: BTreeSet::new(),
            mailboxes: Box::new(NoMailboxes),
            last_id: 0,
        }
    }
}

impl Subscriptions {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.watches.len()
    }

    /// Whether there are none, and no lamp need be thought of.
    pub(crate) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// How many a phone has.
    pub(crate) fn of_phone(&self, phone: &PhoneNumber) -> usize {
        self.by_phone.get(phone).map_or(0, BTreeSet::len)
    }

    /// All, in the order in which they were made.
    pub(crate) fn ids(&self) -> Vec<WatchId> {
        self.watches.keys().copied().collect()
    }

    /// How many of each package, for metrics.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let count = |package| {
            let of_it = |watch: &&Watch| watch.event.package == package;
            u64::try_from(self.watches.values().filter(of_it).count()).unwrap_or(u64::MAX)
        };
        Package::ALL.into_iter().map(|package| (package.name(), count(package))).collect()
    }

    /// The number of the next one.
    pub(crate) fn next_id(&mut self) -> WatchId {
        self.last_id += 1;
        WatchId(self.last_id)
    }

    /// Puts one in.
    pub(crate) fn insert(&mut self, id: WatchId, watch: Watch) {
        self.by_dialog.insert(watch.dialog.id().clone(), id);
        self.by_phone.entry(watch.phone.clone()).or_default().insert(id);
        for matter in watch.look.lamp.matters() {
            self.by_matter.entry(matter).or_default().insert(id);
        }
        self.note_flow(id, None, watch.dialog.flow());
        self.watches.insert(id, watch);
        self.arm(id);
    }

    /// Takes one out of every index.
    pub(crate) fn remove(&mut self, id: WatchId) {
        let Some(watch) = self.watches.remove(&id) else { return };
        self.by_dialog.remove(watch.dialog.id());
        if let Some(ids) = self.by_phone.get_mut(&watch.phone) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_phone.remove(&watch.phone);
            }
        }
        for matter in watch.look.lamp.matters() {
            self.leave_matter(id, &matter);
        }
        self.by_flow.remove(&(watch.dialog.flow(), id));
        if let Some(at) = watch.armed {
            self.timers.remove(&(at, id));
        }
    }

    fn leave_matter(&mut self, id: WatchId, matter: &Matter) {
        let Some(ids) = self.by_matter.get_mut(matter) else { return };
        ids.remove(&id);
        if !ids.is_empty() {
            return;
        }
        self.by_matter.remove(matter);
        self.marked.remove(matter);
        if let Matter::Phone(phone) = matter {
            self.calls_of.retain(|(other, _)| other != phone);
        }
    }

    /// One of them.
    pub(crate) fn get(&self, id: WatchId) -> Option<&Watch> {
        self.watches.get(&id)
    }

    /// One of them, to change it.
    pub(crate) fn get_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.watches.get_mut(&id)
    }

    /// The one of that dialog.
    pub(crate) fn of_dialog(&self, dialog: &DialogId) -> Option<WatchId> {
        self.by_dialog.get(dialog).copied()
    }

    /// Those over that connection.
    pub(crate) fn of_flow(&self, flow: Flow) -> Vec<WatchId> {
        let range = (flow, WatchId(0))..=(flow, WatchId(u64::MAX));
        self.by_flow.range(range).map(|(_, id)| *id).collect()
    }

    /// A phone's oldest one for the same thing at the same contact: what a phone that has rebooted has forgotten.
    pub(crate) fn forgotten(&self, phone: &PhoneNumber, look: &Look, dialog: &Dialog) -> Option<WatchId> {
        let same = |watch: &Watch| {
            watch.look.package == look.package
                && watch.look.lamp == look.lamp
                && watch.dialog.remote_target() == dialog.remote_target()
        };
        let ids = self.by_phone.get(phone)?;
        ids.iter().copied().find(|id| self.watches.get(id).is_some_and(same))
    }

    /// A subscription follows its phone to another flow. Connections are remembered, so that their end is theirs.
    pub(crate) fn note_flow(&mut self, id: WatchId, before: Option<Flow>, now: Flow) {
        if let Some(before) = before {
            self.by_flow.remove(&(before, id));
        }
        if now.connection != 0 {
            self.by_flow.insert((now, id));
        }
    }

    /// Brings the timer of one in step with its machine.
    pub(crate) fn arm(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        let wants = watch.machine.poll_timeout();
        let armed = std::mem::replace(&mut watch.armed, wants);
        if wants == armed {
            return;
        }
        if let Some(at) = armed {
            self.timers.remove(&(at, id));
        }
        if let Some(at) = wants {
            self.timers.insert((at, id));
        }
    }

    /// When the next one wants to be told of the time.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// One whose time has come.
    pub(crate) fn due(&self, now: Instant) -> Option<WatchId> {
        self.timers.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Something may have changed; nothing to note when nobody watches it.
    pub(crate) fn mark(&mut self, matter: Matter) {
        if self.by_matter.contains_key(&matter) {
            self.marked.insert(matter);
        }
    }

    /// What was marked, and by whom it is watched.
    pub(crate) fn take_marked(&mut self) -> Vec<WatchId> {
        if self.marked.is_empty() {
            return Vec::new();
        }
        let marked = std::mem::take(&mut self.marked);
        marked.iter().filter_map(|matter| self.by_matter.get(matter)).flatten().copied().collect()
    }

    /// Whether somebody watches it.
    pub(crate) fn is_watched(&self, matter: &Matter) -> bool {
        self.by_matter.contains_key(matter)
    }

    /// A phone that is watched has a leg in that call.
    pub(crate) fn note_call(&mut self, phone: &PhoneNumber, call: CallUid) {
        self.calls_of.insert((phone.clone(), call));
    }

    /// The phone has none any more.
    pub(crate) fn forget_call(&mut self, phone: &PhoneNumber, call: CallUid) {
        self.calls_of.remove(&(phone.clone(), call));
    }

    /// The calls in which a phone that is watched has, or had, a leg.
    pub(crate) fn calls_of(&self, phone: &PhoneNumber) -> impl Iterator<Item = CallUid> {
        let (from, to) = (CallUid::from_u128(0), CallUid::from_u128(u128::MAX));
        self.calls_of.range((phone.clone(), from)..=(phone.clone(), to)).map(|(_, call)| *call)
    }
}

impl Watch {
    /// A new one, not yet in the table.
    pub(crate) fn new(
        machine: Subscription,
        dialog: Dialog,
        phone: PhoneNumber,
        event: Event,
        look: Look,
        newest: Arc<Sheet>,
    ) -> Self {
        Self { machine, dialog, phone, event, look, newest, armed: None }
    }
}
