//! SRTP of one leg: the keys of each direction with what was sent and heard under them.
//!
//! Both outlive a change to plain audio and back: a key that comes again goes on where it was, so that no packet is
//! sealed twice under one number and none that was heard is heard again.

use crate::srtp::Fault;
use crate::srtp::KeyPair;
use crate::srtp::MasterKey;
use crate::srtp::Receiver;
use crate::srtp::Sender;

/// What we seal with.
#[derive(Debug, Default)]
pub(crate) struct Sealing(Option<Box<Keyed<Sender>>>);

/// What we open with.
#[derive(Debug, Default)]
pub(crate) struct Opening(Option<Box<Keyed<Receiver>>>);

#[derive(Debug)]
struct Keyed<T> {
    key: MasterKey,
    context: T,
    active: bool,
}

impl Sealing {
    /// The key from now on; `None` is plain.
    pub(crate) fn set(&mut self, keys: Option<&KeyPair>) {
        set(&mut self.0, keys.map(|keys| &keys.ours), Sender::new, Sender::rekeyed);
    }

    /// Seals the RTP packet from `start` on, where that is to be done; `false` when it must not be sent.
    pub(crate) fn rtp(&mut self, packet: &mut Vec<u8>, start: usize) -> bool {
        match active(&mut self.0) {
            Some(sender) => sender.seal_rtp(packet, start),
            None => true,
        }
    }

    /// Seals the compound packet of `ssrc` from `start` on, where that is to be done.
    pub(crate) fn control(&mut self, packet: &mut Vec<u8>, start: usize, ssrc: u32) {
        if let Some(sender) = active(&mut self.0) {
            sender.seal_control(packet, start, ssrc);
        }
    }
}

impl Opening {
    /// The key from now on; `None` is plain.
    pub(crate) fn set(&mut self, keys: Option<&KeyPair>) {
        set(&mut self.0, keys.map(|keys| &keys.theirs), Receiver::new, Receiver::rekeyed);
    }

    /// The packet as it was before it was sealed: itself, or what is in `opened` then.
    pub(crate) fn open<'a>(
        &mut self,
        packet: &'a [u8],
        is_control: bool,
        opened: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Fault> {
        let Some(receiver) = active(&mut self.0) else { return Ok(packet) };
        match is_control {
            true => receiver.open_control(packet, opened)?,
            false => receiver.open_rtp(packet, opened)?,
        }
        Ok(opened)
    }
}

fn active<T>(place: &mut Option<Box<Keyed<T>>>) -> Option<&mut T> {
    place.as_mut().filter(|keyed| keyed.active).map(|keyed| &mut keyed.context)
}

fn set<T>(
    place: &mut Option<Box<Keyed<T>>>,
    key: Option<&MasterKey>,
    new: impl FnOnce(&MasterKey) -> T,
    rekeyed: impl FnOnce(&T, &MasterKey) -> T,
) {
    match (place.as_mut(), key) {
        (Some(keyed), None) => keyed.active = false,
        (None, None) => {}
        (Some(keyed), Some(key)) => {
            if keyed.key != *key {
                (keyed.context, keyed.key) = (rekeyed(&keyed.context, key), key.clone());
            }
            keyed.active = true;
        }
        (None, Some(key)) => {
            *place = Some(Box::new(Keyed { key: key.clone(), context: new(key), active: true }));
        }
    }
}
