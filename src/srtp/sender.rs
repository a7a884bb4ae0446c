//! What we send with one master key: each packet gets its index, is sealed, and no index is ever used twice.

use crate::srtp::header::Header;
use crate::srtp::key::MasterKey;
use crate::srtp::seal::Seal;
use crate::srtp::window::Window;

/// One of our streams: a synchronisation source of ours under a master key.
#[derive(Debug)]
pub struct Sender {
    rtp: Seal,
    control: Seal,
    sent: Option<Window>,
    control_index: u32,
}

impl Sender {
    /// A stream that has sent nothing.
    pub fn new(master: &MasterKey) -> Self {
        Self { rtp: Seal::for_rtp(master), control: Seal::for_control(master), sent: None, control_index: 0 }
    }

    /// The same stream under a new key. RFC 3711 sections 3.2.1 and 3.3.1: its counters go on.
    #[must_use]
    pub fn rekeyed(&self, master: &MasterKey) -> Self {
        Self { sent: self.sent, control_index: self.control_index, ..Self::new(master) }
    }

    /// Seals the RTP packet that lies in `packet` from `start` on. `false` when it must not be sent: its number was
    /// used already, and two packets under one number give the key stream away.
    #[must_use]
    pub fn seal_rtp(&mut self, packet: &mut Vec<u8>, start: usize) -> bool {
        let Ok(header) = Header::read(packet.get(start..).unwrap_or_default()) else { return false };
        let index = match &self.sent {
            Some(window) => window.index_of(header.sequence).filter(|index| window.takes(*index)),
            None => Some(u64::from(header.sequence)),
        };
        let Some(index) = index else { return false };
        self.sent.get_or_insert(Window::new(index)).mark(index);
        self.rtp.seal_rtp(packet, start, header.len, header.ssrc, index);
        true
    }

    /// Seals the compound packet of `ssrc` that lies in `packet` from `start` on.
    pub fn seal_control(&mut self, packet: &mut Vec<u8>, start: usize, ssrc: u32) {
        // RFC 3711 section 3.4: 31 bits, which last for centuries of reports.
        self.control_index = self.control_index.wrapping_add(1) & (u32::MAX >> 1);
        self.control.seal_control(packet, start, ssrc, self.control_index);
    }
}
