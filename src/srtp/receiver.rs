//! What comes with one master key: each packet is authenticated, its index guessed, and none is taken twice.
//!
//! A peer may have several sources under one key, one after the other (RFC 4568 section 6.4.1): each is known from
//! its first authentic packet on.

use crate::srtp::header::Header;
use crate::srtp::key::MasterKey;
use crate::srtp::seal::Seal;
use crate::srtp::window::Window;

/// So many sources are remembered. A peer begins another one when its call is handed over or its device restarts.
const SOURCES_MAX: usize = 8;

/// Why a packet is not taken. The sender's fault, or that of somebody who is not the sender: drop and count.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not a packet of RTP or RTCP.
    Malformed,
    /// Not sealed with the key, or changed on its way.
    Unauthenticated,
    /// It was there already, or is older than can be told.
    Replayed,
}

/// The streams of one peer under its master key.
#[derive(Debug)]
pub struct Receiver {
    rtp: Seal,
    control: Seal,
    sources: Vec<Source>,
}

#[derive(Copy, Clone, Debug)]
struct Source {
    ssrc: u32,
    came: Option<Window>,
    control_came: Option<Window>,
    /// How far it was under the key before this one.
    before: Option<Window>,
}

impl Receiver {
    /// A peer of whom nothing has come.
    pub fn new(master: &MasterKey) -> Self {
        Self { rtp: Seal::for_rtp(master), control: Seal::for_control(master), sources: Vec::new() }
    }

    /// The same peer under a new key.
    #[must_use]
    pub fn rekeyed(&self, master: &MasterKey) -> Self {
        let kept = |source: &Source| Source {
            ssrc: source.ssrc,
            came: None,
            control_came: None,
            before: source.came.or(source.before),
        };
        Self { sources: self.sources.iter().map(kept).collect(), ..Self::new(master) }
    }

    /// Opens an RTP packet into `out`, whose contents are replaced.
    ///
    /// # Errors
    /// [`Fault`]; `out` holds nothing of use then.
    pub fn open_rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let header = Header::read(packet)?;
        let known = self.sources.iter().find(|source| source.ssrc == header.ssrc);
        let first = Some(u64::from(header.sequence));
        let guesses = match known {
            Some(Source { came: Some(window), .. }) => {
                let index = window.index_of(header.sequence).filter(|index| window.takes(*index));
                [Some(index.ok_or(Fault::Replayed)?), None]
            }
            // RFC 3711 section 3.3.1 lets the counter go on under a new key; many begin a new one.
            Some(Source { before: Some(window), .. }) => [window.index_of(header.sequence), first],
            Some(_) | None => [first, None],
        };
        for index in guesses.into_iter().flatten() {
            out.clear();
            out.extend_from_slice(packet);
            if let Some(len) = self.rtp.open_rtp(out, header.len, header.ssrc, index) {
                out.truncate(len);
                let source = self.source(header.ssrc);
                source.came.get_or_insert(Window::new(index)).mark(index);
                return Ok(());
            }
        }
        Err(Fault::Unauthenticated)
    }

    /// Opens a compound RTCP packet into `out`, whose contents are replaced.
    ///
    /// # Errors
    /// [`Fault`]; `out` holds nothing of use then.
    pub fn open_control(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let [flags, _, _, _, c0, c1, c2, c3] = *packet.first_chunk().ok_or(Fault::Malformed)?;
        if flags >> 6 != 2 {
            return Err(Fault::Malformed);
        }
        let ssrc = u32::from_be_bytes([c0, c1, c2, c3]);
        let index = self.control.control_index(packet).ok_or(Fault::Unauthenticated)?;
        let known = self.sources.iter().find(|source| source.ssrc == ssrc);
        let came = known.and_then(|source| source.control_came);
        if came.is_some_and(|window| !window.takes(u64::from(index))) {
            return Err(Fault::Replayed);
        }
        out.clear();
        out.extend_from_slice(packet);
        let len = self.control.open_control(out, ssrc, index).ok_or(Fault::Unauthenticated)?;
        out.truncate(len);
        let index = u64::from(index);
        self.source(ssrc).control_came.get_or_insert(Window::new(index)).mark(index);
        Ok(())
    }

    /// What is known of a source that has shown that it has the key.
    fn source(&mut self, ssrc: u32) -> &mut Source {
        let at = match self.sources.iter().position(|source| source.ssrc == ssrc) {
            Some(at) => at,
            None => {
                if self.sources.len() >= SOURCES_MAX {
                    self.sources.remove(0);
                }
                self.sources.push(Source { ssrc, came: None, control_came: None, before: None });
                self.sources.len() - 1
            }
        };
        self.sources.get_mut(at).expect("its place was just found")
    }
}
