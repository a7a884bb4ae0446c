//! A warning on a call whose party names a private address for its audio while it is elsewhere itself.
//!
//! Its audio will be heard once its source is learnt (`rtp::latch`); a party that waits to be spoken to first is never
//! heard. Nothing is changed here: the call says why it may be silent.

use crate::call::LegId;
use crate::clock::Now;
use crate::switch::core::Core;
use std::net::IpAddr;

/// An address that nobody outside of its own network can reach (RFC 1918, 3927, 4193, 6598).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl Core {
    /// The leg is answered: says so when its audio may not come.
    pub(crate) fn warn_of_private_media(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(media) = leg.agreed.as_ref().and_then(|agreed| agreed.remote) else { return };
        if is_private(media.ip()) && !is_private(leg.flow.remote.ip()) {
            let call = leg.call;
            tracing::warn!(
                call = %call,
                "a party behind a NAT names a private address for its audio: it is heard only when it speaks first; \
                 switch on STUN or symmetric RTP in it"
            );
            self.note(now, call, "warning: a private address for audio from a public peer".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in
            ["10.1.2.3", "192.168.1.1", "172.16.9.9", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1"]
        {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["192.0.2.77", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
