//! Waiting for a condition, with a generous ceiling: no test asserts how fast the machine is.

#![allow(clippy::disallowed_methods, reason = "black-box tests live in real time")]

use std::time::Duration;
use std::time::Instant;

/// The ceiling of a condition that must come true.
const CEILING: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(20);

/// Asks until the answer is something; fails with what was waited for.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    until_within(CEILING, what, probe)
}

/// The same with a ceiling of its own: for what others hold.
pub fn until_within<T>(ceiling: Duration, what: &str, probe: impl FnMut() -> Option<T>) -> T {
    poll(ceiling, probe, || what.to_string())
}

/// The same; a failure also says how things are.
pub fn until_or<T>(what: &str, probe: impl FnMut() -> Option<T>, state: impl Fn() -> String) -> T {
    poll(CEILING, probe, || format!("{what}; {}", state()))
}

fn poll<T>(ceiling: Duration, mut probe: impl FnMut() -> Option<T>, words: impl Fn() -> String) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < ceiling, "waited {} s in vain: {}", ceiling.as_secs(), words());
        std::thread::sleep(STEP);
    }
}

/// Waits until it is true.
pub fn until_true(what: &str, mut probe: impl FnMut() -> bool) {
    until(what, || probe().then_some(()));
}

/// A moment in real time, for deadlines of the tests' own threads.
pub fn now() -> Instant {
    Instant::now()
}
