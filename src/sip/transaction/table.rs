//! A bounded table of transactions: found by handle in one step, by fingerprint in two.
//!
//! Not a cache: nothing is evicted. Above its limit the table takes no more and the endpoint says 503. A handle is
//! index and generation in one number, so a handle to a transaction that is over finds nothing, never a stranger.

use crate::sip::transaction::key::Fingerprint;
use crate::sip::transaction::key::FingerprintMap;

/// Transactions of one side, client or server.
#[derive(Debug)]
pub struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    by_key: FingerprintMap<u64>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    held: Option<(Fingerprint, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_key: FingerprintMap::default() }
    }
}

impl<T> Table<T> {
    /// Adds a transaction and gives its handle. A key that is there already now finds the new one.
    pub fn insert(&mut self, key: Fingerprint, value: T) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, held: None });
            u32::try_from(self.slots.len().saturating_sub(1)).unwrap_or(u32::MAX)
        });
        let Some(slot) = self.slots.get_mut(index as usize) else { return u64::MAX };
        slot.held = Some((key, value));
        let handle = handle_of(slot.generation, index);
        self.by_key.insert(key, handle);
        handle
    }

    /// The handle of the transaction with this key.
    pub fn find(&self, key: Fingerprint) -> Option<u64> {
        self.by_key.get(&key).copied()
    }

    /// The transaction of this handle.
    pub fn get(&self, handle: u64) -> Option<&T> {
        let slot = self.slots.get(index_of(handle))?;
        (slot.generation == generation_of(handle)).then_some(())?;
        slot.held.as_ref().map(|(_, value)| value)
    }

    /// The transaction of this handle, to be changed.
    pub fn get_mut(&mut self, handle: u64) -> Option<&mut T> {
        let slot = self.slots.get_mut(index_of(handle))?;
        (slot.generation == generation_of(handle)).then_some(())?;
        slot.held.as_mut().map(|(_, value)| value)
    }

    /// Takes the transaction out; its handle finds nothing from now on.
    pub fn remove(&mut self, handle: u64) -> Option<T> {
        let index = index_of(handle);
        let slot = self.slots.get_mut(index)?;
        (slot.generation == generation_of(handle)).then_some(())?;
        let (key, value) = slot.held.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(u32::try_from(index).unwrap_or(u32::MAX));
        if self.by_key.get(&key) == Some(&handle) {
            self.by_key.remove(&key);
        }
        Some(value)
    }

    /// Transactions held.
    pub fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// True without any transaction.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn handle_of(generation: u32, index: u32) -> u64 {
    (u64::from(generation) << 32) | u64::from(index)
}

fn index_of(handle: u64) -> usize {
    (handle & u64::from(u32::MAX)) as usize
}

fn generation_of(handle: u64) -> u32 {
    (handle >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Random;
    use crate::sip::transaction::key::Keyring;

    #[test]
    fn a_handle_outlives_its_transaction_without_finding_a_stranger() {
        let ring = Keyring::new(&mut Random::seeded(1));
        let (one, two) = (ring.client(b"one", b"INVITE"), ring.client(b"two", b"INVITE"));
        let mut table = Table::default();
        let first = table.insert(one, "first");
        assert_eq!(table.find(one), Some(first));
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert(two, "second");
        assert_eq!(table.remove(first), None);
        assert_eq!((table.get(first), table.find(one)), (None, None));
        assert_eq!((table.get(second), table.len()), (Some(&"second"), 1));
        assert_eq!(table.remove(second), Some("second"));
        assert!(table.is_empty());
    }
}
