//! SRTP of a phone's call: its packets are sealed and opened with what the call's bodies agreed on.

use super::call::Call;
use super::world::{Line, World};
use strowger::ids::Random;
use strowger::sdp::Agreed;
use strowger::srtp::{Fault, KeyPair, MasterKey, Receiver, Sender};

/// The contexts of the keys in force, and what was seen under all of them.
#[derive(Debug, Default)]
pub struct Encrypted {
    keys: Option<Box<KeyPair>>,
    contexts: Option<(Sender, Receiver)>,
    /// How often the keys changed, the first ones counted.
    pub changes: usize,
    /// Packets that were opened.
    pub opened: usize,
    /// Packets that were not authentic.
    pub refused: Vec<Fault>,
}

impl Encrypted {
    fn follow(&mut self, agreed: &Agreed) -> Option<&mut (Sender, Receiver)> {
        if self.keys != agreed.srtp {
            self.keys = agreed.srtp.clone();
            let made = |keys: &KeyPair| (Sender::new(&keys.ours), Receiver::new(&keys.theirs));
            self.contexts = self.keys.as_deref().map(made);
            self.changes += usize::from(self.keys.is_some());
        }
        self.contexts.as_mut()
    }

    /// The packet as it goes on the wire.
    pub(super) fn seal(&mut self, agreed: &Agreed, packet: &mut Vec<u8>) {
        if let Some((sender, _)) = self.follow(agreed) {
            assert!(sender.seal_rtp(packet, 0), "a phone numbers its packets");
        }
    }
}

impl Call {
    /// The packet as the switch wrote it; `None` for one that is not authentic.
    pub(super) fn opened(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let Some(agreed) = &self.agreed else { return Some(packet.to_vec()) };
        let Some((_, receiver)) = self.encrypted.follow(agreed) else { return Some(packet.to_vec()) };
        let mut out = Vec::new();
        match receiver.open_rtp(packet, &mut out) {
            Ok(()) => self.encrypted.opened += 1,
            Err(fault) => {
                self.encrypted.refused.push(fault);
                return None;
            }
        }
        Some(out)
    }
}

impl World {
    /// The phone's next offer in that call has other keys.
    pub fn new_keys(&mut self, line: Line) {
        let mut random = Random::seeded(self.seed ^ 0x6e77);
        let local = &mut self.phones[line.phone.0].calls[line.call].local;
        local.keys = local.keys.iter().map(|key| MasterKey::draw(key.suite(), &mut random)).collect();
    }
}
