//! Media ports that the workers have bound and announced, waiting for a leg.
//!
//! The switch never binds a port: it only hands out what is here, so an answer never names a port that can't be had.

use std::collections::VecDeque;

/// Free ports by media worker.
#[derive(Debug, Default)]
pub(crate) struct PortStock {
    free: Vec<VecDeque<u16>>,
}

impl PortStock {
    /// A worker has bound these.
    pub(crate) fn add(&mut self, worker: usize, ports: Vec<u16>) {
        if self.free.len() <= worker {
            self.free.resize_with(worker + 1, VecDeque::new);
        }
        self.free[worker].extend(ports);
    }

    /// Free ports in all.
    pub(crate) fn free(&self) -> usize {
        self.free.iter().map(VecDeque::len).sum()
    }

    /// The worker with the most free ports, for a new call: all legs of a call live in one worker.
    pub(crate) fn roomiest(&self) -> Option<usize> {
        let (worker, ports) = self.free.iter().enumerate().max_by_key(|(_, ports)| ports.len())?;
        (!ports.is_empty()).then_some(worker)
    }

    /// Whether that worker has ports for the two legs of a call.
    pub(crate) fn has_room(&self, worker: usize) -> bool {
        self.free.get(worker).is_some_and(|ports| ports.len() >= 2)
    }

    /// A port of that worker; the longest free first, so that late packets of an old call find nobody.
    pub(crate) fn take(&mut self, worker: usize) -> Option<u16> {
        self.free.get_mut(worker)?.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_goes_to_the_roomiest_worker_and_gets_the_longest_free_port() {
        let mut stock = PortStock::default();
        assert_eq!(stock.roomiest(), None);
        stock.add(1, vec![20_000, 20_002]);
        stock.add(0, vec![30_000]);
        assert_eq!(stock.roomiest(), Some(1));
        assert_eq!(stock.take(1), Some(20_000));
        stock.add(1, vec![20_000]);
        assert_eq!(stock.take(1), Some(20_002));
        assert_eq!(stock.take(7), None);
    }
}
