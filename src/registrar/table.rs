//! All bindings, by address of record, by flow and by the time they end.
//!
//! Owned by one signalling task. Nothing here waits: [`Registrar::poll_timeout`] says when [`Registrar::expire`] has
//! something to do.

use crate::clock::Instant;
use crate::clock::Now;
use crate::registrar::binding::Binding;
use crate::registrar::binding::Change;
use crate::registrar::binding::ChangeKind;
use crate::registrar::binding::Reason;
use crate::registrar::register::Granted;
use crate::registrar::register::Limits;
use crate::registrar::register::Plan;
use crate::registrar::register::RegisterDone;
use crate::registrar::register::RegisterRefusal;
use crate::registrar::register::RegisterRequest;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The bindings of all addresses of record.
#[derive(Clone, Debug)]
pub struct Registrar<F> {
    limits: Limits,
    aors: BTreeMap<Arc<str>, Vec<Binding<F>>>,
    /// The address of record of each binding's id.
    owners: BTreeMap<u64, Arc<str>>,
    ends: BTreeSet<(Instant, u64)>,
    flows: BTreeSet<(F, u64)>,
    last_id: u64,
}

impl<F: Copy + Ord> Registrar<F> {
    /// A registrar without bindings.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            aors: BTreeMap::new(),
            owners: BTreeMap::new(),
            ends: BTreeSet::new(),
            flows: BTreeSet::new(),
            last_id: 0,
        }
    }

    /// New limits, for what registers from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Applies a REGISTER to `aor`, which the caller has authenticated and brought into one form: wholly, or not at
    /// all.
    pub fn register(
        &mut self,
        now: Now,
        aor: &str,
        request: &RegisterRequest<F>,
    ) -> Result<RegisterDone<Change<F>>, RegisterRefusal> {
        let before = self.aors.get(aor).cloned().unwrap_or_default();
        let others = self.owners.len().saturating_sub(before.len());
        let mut last_id = self.last_id;
        let plan = Plan::make(now, &self.limits, before, request, &mut last_id)?;
        let grows = plan.changes.iter().any(|(kind, _)| *kind == ChangeKind::Added);
        if grows && others + plan.bindings.len() > self.limits.bindings_max {
            return Err(RegisterRefusal::Full);
        }
        self.last_id = last_id;
        let aor: Arc<str> =
            self.aors.get_key_value(aor).map_or_else(|| Arc::from(aor), |(key, _)| key.clone());
        let mut bindings: Vec<Granted> =
            plan.bindings.iter().map(|binding| granted(binding, now.instant)).collect();
        bindings.sort_by_key(|granted| Reverse(granted.q));
        self.store(&aor, plan.bindings);
        let changes =
            plan.changes.into_iter().map(|(kind, binding)| Change { aor: aor.clone(), kind, binding });
        Ok(RegisterDone { bindings, changes: changes.collect() })
    }

    /// The contacts to ring: live and reachable, the most preferred first, then the one registered last. Of the flows of
    /// one device only the first: RFC 5626 section 5.1 forbids to send a request to the same device twice.
    pub fn bindings(&self, aor: &str, now: Instant) -> Vec<&Binding<F>> {
        let mut bindings: Vec<_> = self.aors.get(aor).into_iter().flatten().collect();
        bindings.retain(|binding| binding.is_live(now) && !binding.unreachable);
        bindings.sort_by_key(|binding| Reverse((binding.q, binding.refreshed_at.instant, binding.id)));
        let mut devices: Vec<&str> = Vec::new();
        bindings.retain(|binding| {
            let Some(device) = binding.instance.as_deref().filter(|_| binding.reg_id.is_some()) else {
                return true;
            };
            let first = !devices.contains(&device);
            devices.push(device);
            first
        });
        bindings
    }

    /// All contacts of an address of record, whether they can be rung or not.
    pub fn all_of(&self, aor: &str) -> impl Iterator<Item = &Binding<F>> {
        self.aors.get(aor).into_iter().flatten()
    }

    /// A live binding by its number, with its address of record.
    pub fn binding(&self, id: u64, now: Instant) -> Option<(&str, &Binding<F>)> {
        let aor = self.owners.get(&id)?;
        let binding = self.aors.get(aor)?.iter().find(|binding| binding.id == id)?;
        binding.is_live(now).then_some((aor.as_ref(), binding))
    }

    /// All live bindings with their addresses of record, the unreachable ones among them.
    pub fn all(&self, now: Instant) -> impl Iterator<Item = (&str, &Binding<F>)> {
        self.aors
            .iter()
            .flat_map(|(aor, bindings)| bindings.iter().map(|binding| (aor.as_ref(), binding)))
            .filter(move |(_, binding)| binding.is_live(now))
    }

    /// How many bindings are held.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// When the next binding ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// Removes the bindings whose time is over.
    pub fn expire(&mut self, now: Instant) -> Vec<Change<F>> {
        let mut changes = Vec::new();
        while let Some((_, id)) = self.ends.first().filter(|(at, _)| *at <= now).copied() {
            changes.extend(self.remove(id, Reason::Expired));
        }
        changes
    }

    /// The contact did not answer at all, or its host refused: it is not rung again until it registers or is heard
    /// of. When another contact was registered since, it is dead for good (a phone that rebooted) and goes.
    pub fn unreachable(&mut self, aor: &str, key: &str) -> Option<Change<F>> {
        let id = self.aors.get(aor)?.iter().find(|binding| binding.key == key)?.id;
        self.unreachable_binding(id)
    }

    /// The same, by the binding's number.
    pub fn unreachable_binding(&mut self, id: u64) -> Option<Change<F>> {
        let bindings = self.aors.get(self.owners.get(&id)?)?;
        let dead = bindings.iter().find(|binding| binding.id == id)?;
        let is_superseded = bindings.iter().any(|other| {
            !other.unreachable
                && (other.refreshed_at.instant, other.id) > (dead.refreshed_at.instant, dead.id)
        });
        if is_superseded { self.remove(id, Reason::Unreachable) } else { self.mark(id, true) }
    }

    /// Something came from the contact, or it answered: it may be rung again.
    pub fn reachable(&mut self, aor: &str, key: &str) -> Option<Change<F>> {
        let id = self.aors.get(aor)?.iter().find(|binding| binding.key == key)?.id;
        self.mark(id, false)
    }

    /// The connection is gone: its contacts cannot be rung until they register over a new one (RFC 5626 section 5.3).
    pub fn flow_closed(&mut self, flow: F) -> Vec<Change<F>> {
        let ids: Vec<u64> = self.flows.range((flow, 0)..=(flow, u64::MAX)).map(|(_, id)| *id).collect();
        ids.into_iter().filter_map(|id| self.mark(id, true)).collect()
    }

    /// Takes back what was kept over a restart, with the time that each has left by the wall clock, at most
    /// [`Limits::expires_seconds_max`] should that clock have jumped. A binding that is over, that is there already
    /// or that is beyond the limits is left out. Gives how many were taken.
    pub fn restore(&mut self, now: Now, mut kept: Vec<(String, Binding<F>)>) -> usize {
        let mut taken = 0;
        // The ids then tell the order in which they registered, as before.
        kept.sort_by_key(|(_, binding)| binding.refreshed_at.wall);
        for (aor, mut binding) in kept {
            let left = binding.expires_wall.as_micros().saturating_sub(now.wall.as_micros());
            let left_max = u64::from(self.limits.expires_seconds_max) * 1_000_000;
            let left = u64::try_from(left).unwrap_or(0).min(left_max);
            let mut bindings = self.aors.get(aor.as_str()).cloned().unwrap_or_default();
            if left == 0
                || bindings.len() >= self.limits.contacts_per_aor_max
                || self.owners.len() >= self.limits.bindings_max
                || bindings.iter().any(|other| other.key == binding.key)
            {
                continue;
            }
            self.last_id += 1;
            binding.id = self.last_id;
            binding.expires_at = now.instant + Duration::from_micros(left);
            binding.refreshed_at.instant = now.instant;
            bindings.push(binding);
            self.store(&Arc::from(aor), bindings);
            taken += 1;
        }
        taken
    }

    fn mark(&mut self, id: u64, unreachable: bool) -> Option<Change<F>> {
        let aor = self.owners.get(&id)?.clone();
        let binding = self.aors.get_mut(&aor)?.iter_mut().find(|binding| binding.id == id)?;
        if binding.unreachable == unreachable {
            return None;
        }
        binding.unreachable = unreachable;
        let kind = if unreachable { ChangeKind::Unreachable } else { ChangeKind::Reachable };
        Some(Change { aor, kind, binding: binding.clone() })
    }

    fn remove(&mut self, id: u64, reason: Reason) -> Option<Change<F>> {
        let aor = self.owners.get(&id)?.clone();
        let mut bindings = self.aors.get(&aor)?.clone();
        let at = bindings.iter().position(|binding| binding.id == id)?;
        let binding = bindings.remove(at);
        self.store(&aor, bindings);
        Some(Change { aor, kind: ChangeKind::Removed(reason), binding })
    }

    /// Puts `bindings` in the place of what `aor` had, in the table and in every index.
    fn store(&mut self, aor: &Arc<str>, bindings: Vec<Binding<F>>) {
        for old in self.aors.remove(aor).into_iter().flatten() {
            self.owners.remove(&old.id);
            self.ends.remove(&(old.expires_at, old.id));
            self.flows.remove(&(old.flow, old.id));
        }
        for new in &bindings {
            self.owners.insert(new.id, aor.clone());
            self.ends.insert((new.expires_at, new.id));
            self.flows.insert((new.flow, new.id));
        }
        if !bindings.is_empty() {
            self.aors.insert(aor.clone(), bindings);
        }
    }
}

fn granted<F>(binding: &Binding<F>, now: Instant) -> Granted {
    Granted {
        uri: binding.uri.clone(),
        expires_seconds: binding.expires_seconds(now),
        q: binding.q,
        instance: binding.instance.clone(),
        reg_id: binding.reg_id,
        id: binding.id,
        call_id: binding.call_id.clone(),
    }
}
