//! Checks across sections that need places: two listeners at one address.
//!
//! Whether an address belongs to this machine is found out by listening.

use crate::config::context::Context;
use crate::config::context::Listener;

/// Finds listeners that would take each other's port.
pub(crate) fn listeners(cx: &mut Context<'_>) {
    let mut faults = Vec::new();
    for (index, listener) in cx.listeners.iter().enumerate() {
        let before = cx.listeners.get(..index).unwrap_or(&[]);
        if let Some(other) = before.iter().find(|other| clash(listener, other)) {
            let what = format!(
                "`{}` {} takes the port of `{}` {} at {}",
                listener.key, listener.address, other.key, other.address, other.at
            );
            faults.push((listener.at.clone(), what));
        }
    }
    for (at, what) in faults {
        cx.fault(&at, what);
    }
}

fn clash(one: &Listener, other: &Listener) -> bool {
    let (a, b) = (one.address, other.address);
    let family = a.is_ipv4() == b.is_ipv4();
    let host = a.ip() == b.ip() || (family && (a.ip().is_unspecified() || b.ip().is_unspecified()));
    // Port 0 is a different one each time.
    one.is_udp == other.is_udp && a.port() == b.port() && a.port() != 0 && host
}
