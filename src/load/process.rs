//! What a process spends: the run time of all its threads, and its memory, as the kernel counts them.
//!
//! Exact to the nanosecond (`schedstat`), where `top` has hundredths of a second. The time of threads that have ended
//! is not in it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A process to watch.
#[derive(Clone, Debug)]
pub(in crate::load) struct Process(PathBuf);

impl Process {
    /// The process with that id.
    pub(in crate::load) fn with_id(id: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{id}")))
    }

    /// This process.
    pub(in crate::load) fn own() -> Self {
        Self(PathBuf::from("/proc/self"))
    }

    /// The time that its live threads have run so far; `None` when it is not there.
    pub(in crate::load) fn run_time(&self) -> Option<Duration> {
        let threads = fs::read_dir(self.0.join("task")).ok()?;
        let nanos = threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
            .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .sum();
        Some(Duration::from_nanos(nanos))
    }

    /// The most memory that it has had, in bytes.
    pub(in crate::load) fn memory_peak_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(self.0.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_has_memory() {
        let own = Process::own();
        let before = own.run_time().unwrap();
        let work = (0..200_000u64).fold(0u64, |sum, n| std::hint::black_box(sum ^ n));
        assert!(own.run_time().unwrap() >= before, "{work}");
        assert!(own.memory_peak_bytes().unwrap() > 1 << 20);
        assert_eq!(Process::with_id(u32::MAX).run_time(), None);
    }
}
