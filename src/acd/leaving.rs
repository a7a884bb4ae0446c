//! How callers come, move and go. Each stay has one `Entered` and one `Left`, both written here.

use crate::acd::caller::Caller;
use crate::acd::event::Output;
use crate::acd::machine::Acd;
use crate::acd::order::Order;
use crate::acd::queue::QueueNo;
use crate::acd::timers::Timer;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::QueueId;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;

impl Acd {
    pub(crate) fn join(
        &mut self,
        entry: EntryUid,
        call: CallUid,
        queue: &QueueId,
        number: String,
        name: Option<String>,
        priority: Option<i32>,
    ) {
        if self.callers.contains_key(&entry) {
            return;
        }
        let Some(no) = self.queue_nos.get(queue).copied() else {
            // There is no queue to count the caller in, but his call must not hang.
            let queue = queue.clone();
            self.out.push(Output::Evict { entry, call, queue, reason: LeftReason::Failed });
            return;
        };
        let settings = &self.queues[no.0].settings;
        let priority = priority.unwrap_or(settings.priority);
        let aging = settings.priority_aging;
        let turn = self.next_turn();
        let caller = Caller {
            call,
            queue: no,
            number,
            name,
            priority,
            order: Order::new(priority, aging, self.now.instant, turn),
            enqueued: self.now.instant,
            entered: self.now,
            offers: Vec::new(),
            connecting: false,
            until: None,
        };
        let refusal = self.refusal(no);
        self.enter(entry, caller);
        if let Some(reason) = refusal {
            self.evict(entry, Outcome::EvictedSystem, reason);
        }
    }

    /// Why a queue takes no caller now.
    fn refusal(&self, no: QueueNo) -> Option<LeftReason> {
        let queue = &self.queues[no.0];
        let full = queue.waiting.len() >= usize::try_from(queue.settings.max_length).unwrap_or(usize::MAX);
        if self.stopped {
            Some(LeftReason::Restart)
        } else if full {
            Some(LeftReason::Full)
        } else if !queue.settings.join_when_empty && self.nobody_logged_in(no) {
            Some(LeftReason::JoinedEmpty)
        } else {
            None
        }
    }

    fn enter(&mut self, entry: EntryUid, mut caller: Caller) {
        let (no, call) = (caller.queue, caller.call);
        let queue = &mut self.queues[no.0];
        if let Some(max_wait) = queue.settings.max_wait {
            let until = self.now.instant + max_wait;
            caller.until = Some(until);
            self.timers.set(until, Timer::MaxWait(entry));
        }
        queue.waiting.insert(caller.order, entry);
        queue.open.insert(caller.order, entry);
        queue.by_age.insert((caller.entered.instant, entry));
        queue.totals.entered += 1;
        let (number, name, priority) = (caller.number.clone(), caller.name.clone(), caller.priority);
        self.callers.insert(entry, caller);
        self.log(no, entry, call, QueueChange::Entered { number, name, priority });
        self.touched.to_serve.push(no);
        self.touched.queues.push(no);
        self.touched.callers.push(entry);
    }

    /// Takes a caller out. Offers of him that are still open end with `offers`.
    pub(crate) fn leave(
        &mut self,
        entry: EntryUid,
        outcome: Outcome,
        reason: LeftReason,
        offers: OfferResult,
    ) -> Option<Caller> {
        self.leave_with(entry, outcome, reason, offers, None)
    }

    /// The same; `agent` is who handles him.
    pub(crate) fn leave_with(
        &mut self,
        entry: EntryUid,
        outcome: Outcome,
        reason: LeftReason,
        offers: OfferResult,
        agent: Option<AgentId>,
    ) -> Option<Caller> {
        let caller = self.callers.remove(&entry)?;
        for offer in &caller.offers {
            self.end_offer(*offer, offers);
        }
        if let Some(until) = caller.until {
            self.timers.cancel(until, Timer::MaxWait(entry));
        }
        let waited = self.now.instant.since(caller.entered.instant);
        let queue = &mut self.queues[caller.queue.0];
        queue.waiting.remove(&caller.order);
        queue.open.remove(&caller.order);
        queue.by_age.remove(&(caller.entered.instant, entry));
        queue.totals.count_left(outcome, reason, waited <= queue.settings.service_level);
        if outcome == Outcome::Handled {
            queue.pace.served(self.now.instant, !queue.waiting.is_empty());
        } else if queue.waiting.is_empty() {
            queue.pace.emptied();
        }
        self.log(caller.queue, entry, caller.call, QueueChange::Left { outcome, reason, waited, agent });
        self.touched.queues.push(caller.queue);
        self.touched.callers.push(entry);
        Some(caller)
    }

    /// Takes a caller out and lets the shell decide about his call.
    pub(crate) fn evict(&mut self, entry: EntryUid, outcome: Outcome, reason: LeftReason) {
        if let Some(caller) = self.leave(entry, outcome, reason, OfferResult::Cancelled) {
            let queue = self.queues[caller.queue.0].settings.id.clone();
            self.out.push(Output::Evict { entry, call: caller.call, queue, reason });
        }
    }

    pub(crate) fn exit(&mut self, entry: EntryUid, reason: LeftReason) {
        let outcome = match reason {
            LeftReason::Key => Outcome::EvictedCustomer,
            LeftReason::Callback => Outcome::Pending,
            LeftReason::Closed => Outcome::EvictedSystem,
            LeftReason::Answered
            | LeftReason::HungUp
            | LeftReason::Timeout
            | LeftReason::Full
            | LeftReason::JoinedEmpty
            | LeftReason::LeftEmpty
            | LeftReason::Removed
            | LeftReason::Moved
            | LeftReason::Restart
            | LeftReason::Failed => return,
        };
        self.leave(entry, outcome, reason, OfferResult::Cancelled);
    }

    /// A ringing phone does not prolong the wait; an agent who has answered does, for the moment until the bridge.
    pub(crate) fn wait_is_over(&mut self, entry: EntryUid) {
        let Some(caller) = self.callers.get_mut(&entry) else { return };
        caller.until = None;
        if !caller.connecting {
            self.evict(entry, Outcome::EvictedSystem, LeftReason::Timeout);
        }
    }

    /// Puts out who waits where the last agent has left, seen after the whole change.
    pub(crate) fn evict_from_emptied(&mut self) {
        let mut emptied = std::mem::take(&mut self.touched.emptied);
        emptied.sort_unstable();
        emptied.dedup();
        for no in emptied {
            if self.queues[no.0].settings.leave_when_empty && self.nobody_logged_in(no) {
                self.evict_all(no, LeftReason::LeftEmpty);
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        for no in (0..self.queues.len()).map(QueueNo) {
            self.evict_all(no, LeftReason::Restart);
        }
        self.end_all_wrap_ups();
    }

    fn evict_all(&mut self, no: QueueNo, reason: LeftReason) {
        let entries: Vec<_> = self.queues[no.0].waiting.values().copied().collect();
        for entry in entries {
            self.evict(entry, Outcome::EvictedSystem, reason);
        }
    }

    pub(crate) fn move_caller(
        &mut self,
        entry: EntryUid,
        to_queue: Option<QueueId>,
        position: Option<u32>,
        priority: Option<i32>,
    ) {
        let Some(caller) = self.callers.get(&entry).filter(|caller| !caller.connecting) else { return };
        let from = caller.queue;
        let to = match to_queue {
            None => from,
            Some(id) => match self.queue_nos.get(&id) {
                Some(no) => *no,
                None => return,
            },
        };
        let entry = if to == from { entry } else { self.move_across(entry, to) };
        if let Some(priority) = priority {
            self.set_priority(entry, priority);
        }
        if let Some(position) = position {
            let order = self.order_before(entry, position);
            self.set_order(entry, order);
        }
    }

    /// A new stay in another queue, with the old waiting time deciding the place. A supervisor may move callers
    /// into a full or empty queue.
    fn move_across(&mut self, entry: EntryUid, to: QueueNo) -> EntryUid {
        let left = self.leave(entry, Outcome::EvictedUser, LeftReason::Moved, OfferResult::Rescinded);
        let Some(caller) = left else { return entry };
        let into = EntryUid::draw(self.now.wall, &mut self.random);
        let settings = &self.queues[to.0].settings;
        let (queue, aging) = (settings.id.clone(), settings.priority_aging);
        self.out.push(Output::Moved { entry, into, call: caller.call, queue });
        let turn = self.next_turn();
        let order = Order::new(caller.priority, aging, caller.enqueued, turn);
        let stay = Caller { queue: to, order, entered: self.now, offers: Vec::new(), until: None, ..caller };
        self.enter(into, stay);
        into
    }

    fn set_priority(&mut self, entry: EntryUid, priority: i32) {
        let turn = self.next_turn();
        let Some(caller) = self.callers.get_mut(&entry) else { return };
        caller.priority = priority;
        let aging = self.queues[caller.queue.0].settings.priority_aging;
        let order = Order::new(priority, aging, caller.enqueued, turn);
        self.set_order(entry, order);
    }

    /// The order that puts a caller before the one who is now at `position` among the others.
    fn order_before(&mut self, entry: EntryUid, position: u32) -> Order {
        let caller = &self.callers[&entry];
        let (no, own) = (caller.queue, caller.order);
        let skip = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
        let others = || self.queues[no.0].waiting.iter().filter(|(_, other)| **other != entry);
        let Some((target, _)) = others().nth(skip) else {
            let last = others().next_back().map_or(own, |(order, _)| own.max(*order));
            return last.with_turn(self.next_turn());
        };
        // Those who came in the same microsecond as the one at the place get later turns, in their order.
        let target = *target;
        let equals: Vec<_> =
            others().skip(skip).take_while(|(o, _)| o.equals_but_turn(&target)).map(|(_, e)| *e).collect();
        let order = target.with_turn(self.next_turn());
        for equal in equals {
            let turn = self.next_turn();
            self.set_order(equal, target.with_turn(turn));
        }
        order
    }

    fn set_order(&mut self, entry: EntryUid, order: Order) {
        let Some(caller) = self.callers.get_mut(&entry) else { return };
        let old = std::mem::replace(&mut caller.order, order);
        let queue = &mut self.queues[caller.queue.0];
        queue.waiting.remove(&old);
        queue.waiting.insert(order, entry);
        if queue.open.remove(&old).is_some() {
            queue.open.insert(order, entry);
            self.touched.to_serve.push(caller.queue);
        }
        self.touched.queues.push(caller.queue);
        self.touched.callers.push(entry);
    }
}
