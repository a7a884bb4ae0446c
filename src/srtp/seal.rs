//! The session keys of RTP or RTCP in one direction, and what they do to one packet.
//!
//! Not which index a packet has: `sender` and `receiver` know that.

use crate::srtp::key::Label;
use crate::srtp::key::MasterKey;
use crate::srtp::suite::Suite;
use aes::Aes128;
use aes::Block;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::BlockSizeUser;
use aes::cipher::KeyInit;
use aes::cipher::consts::U16;
use hmac::Hmac;
use hmac::Mac;
use ring::aead::AES_128_GCM;
use ring::aead::AES_256_GCM;
use ring::aead::Aad;
use ring::aead::LessSafeKey;
use ring::aead::Nonce;
use ring::aead::UnboundKey;
use sha1::Sha1;
use std::fmt;
use subtle::ConstantTimeEq;

/// RTCP's header and the sender's source stay readable (RFC 3711 section 3.4).
const CONTROL_HEADER_LEN: usize = 8;
/// The word behind an RTCP packet: whether it is encrypted, and its index.
const INDEX_LEN: usize = 4;
/// RFC 3711 section 3.4: the first bit of that word.
const ENCRYPTED: u32 = 1 << 31;
/// AES-GCM's tag.
const GALOIS_TAG_LEN: usize = 16;

/// The keys of one kind of packets in one direction.
pub(in crate::srtp) struct Seal {
    how: How,
    salt: [u8; 14],
    tag_len: usize,
}

/// Boxed, for the round keys are long and live as long as the leg.
enum How {
    Counter(Box<Counter>),
    Galois(Box<LessSafeKey>),
}

struct Counter {
    cipher: Aes128,
    mac: Hmac<Sha1>,
}

impl Seal {
    /// The keys for RTP.
    pub(in crate::srtp) fn for_rtp(master: &MasterKey) -> Self {
        let tag_len = master.suite().tag_len();
        Self::new(master, [Label::Cipher, Label::Tag, Label::Salt], tag_len)
    }

    /// The keys for RTCP.
    pub(in crate::srtp) fn for_control(master: &MasterKey) -> Self {
        let tag_len = master.suite().control_tag_len();
        Self::new(master, [Label::ControlCipher, Label::ControlTag, Label::ControlSalt], tag_len)
    }

    fn new(master: &MasterKey, [cipher, tag, salt]: [Label; 3], tag_len: usize) -> Self {
        const KNOWN: &str = "the key has the algorithm's length";
        let galois = |key: UnboundKey| How::Galois(Box::new(LessSafeKey::new(key)));
        let how = match master.suite() {
            Suite::AesCm80 | Suite::AesCm32 => {
                let cipher = Aes128::new(&master.session_key::<16>(cipher).into());
                // RFC 3711 section 5.2: the key of the tag has 160 bits.
                let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&master.session_key::<20>(tag));
                let mac = mac.expect("HMAC takes any key");
                How::Counter(Box::new(Counter { cipher, mac }))
            }
            Suite::AesGcm128 => {
                galois(UnboundKey::new(&AES_128_GCM, &master.session_key::<16>(cipher)).expect(KNOWN))
            }
            Suite::AesGcm256 => {
                galois(UnboundKey::new(&AES_256_GCM, &master.session_key::<32>(cipher)).expect(KNOWN))
            }
        };
        Self { how, salt: master.session_key(salt), tag_len }
    }

    /// AES-GCM with session keys as the RFC's examples have them.
    #[cfg(test)]
    pub(in crate::srtp) fn galois(key: &[u8], salt: &[u8]) -> Self {
        let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
        let mut whole = [0; 14];
        whole[..12].copy_from_slice(salt);
        Self { how: How::Galois(Box::new(key)), salt: whole, tag_len: GALOIS_TAG_LEN }
    }

    /// Encrypts the RTP packet that lies in `packet` from `start` on, and appends its tag.
    pub(in crate::srtp) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) {
        let Some((header, payload)) =
            packet.get_mut(start..).and_then(|packet| packet.split_at_mut_checked(header_len))
        else {
            return;
        };
        match &self.how {
            How::Counter(keys) => {
                counter_mode(&keys.cipher, self.counter(ssrc, index), payload);
                let tag = keys.tag(packet.get(start..).unwrap_or_default(), &rolled(index));
                packet.extend(tag.iter().take(self.tag_len));
            }
            How::Galois(key) => {
                let tag = seal_galois(key, self.nonce(ssrc, index), header, payload);
                packet.extend(tag);
            }
        }
    }

    /// Opens the RTP packet in `packet`: its length without the tag, or `None` when it is not the sender's.
    pub(in crate::srtp) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let end = packet.len().checked_sub(self.tag_len).filter(|end| *end >= header_len)?;
        match &self.how {
            How::Counter(keys) => {
                let (body, tag) = packet.split_at_mut_checked(end)?;
                keys.is_tag(body, &rolled(index), tag).then_some(())?;
                counter_mode(&keys.cipher, self.counter(ssrc, index), body.get_mut(header_len..)?);
            }
            How::Galois(key) => {
                let (header, payload) = packet.split_at_mut_checked(header_len)?;
                key.open_in_place(self.nonce(ssrc, index), Aad::from(header), payload).ok()?;
            }
        }
        Some(end)
    }

    /// Encrypts the compound packet that lies in `packet` from `start` on, and appends its index and tag.
    pub(in crate::srtp) fn seal_control(&self, packet: &mut Vec<u8>, start: usize, ssrc: u32, index: u32) {
        let word = (ENCRYPTED | index).to_be_bytes();
        let Some((header, payload)) =
            packet.get_mut(start..).and_then(|packet| packet.split_at_mut_checked(CONTROL_HEADER_LEN))
        else {
            return;
        };
        match &self.how {
            How::Counter(keys) => {
                counter_mode(&keys.cipher, self.counter(ssrc, u64::from(index)), payload);
                packet.extend(word);
                let tag = keys.tag(packet.get(start..).unwrap_or_default(), &[]);
                packet.extend(tag.iter().take(self.tag_len));
            }
            How::Galois(key) => {
                let nonce = self.nonce(ssrc, u64::from(index));
                let tag = seal_galois(key, nonce, &control_aad(header, word), payload);
                packet.extend(tag);
                packet.extend(word);
            }
        }
    }

    /// The index that an RTCP packet says it has; `None` when it is not encrypted, or too short to say.
    pub(in crate::srtp) fn control_index(&self, packet: &[u8]) -> Option<u32> {
        let behind = match self.how {
            How::Counter(_) => self.tag_len,
            How::Galois(_) => 0,
        };
        let end = packet.len().checked_sub(behind)?;
        let word = u32::from_be_bytes(*packet.get(..end)?.last_chunk::<INDEX_LEN>()?);
        // Packets that are authenticated alone (RFC 4568 section 6.3.2) were never agreed on.
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    /// Opens the compound packet in `packet`: its length without what was appended.
    pub(in crate::srtp) fn open_control(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let end =
            packet.len().checked_sub(self.tag_len + INDEX_LEN).filter(|end| *end >= CONTROL_HEADER_LEN)?;
        match &self.how {
            How::Counter(keys) => {
                let (body, tag) = packet.split_at_mut_checked(end + INDEX_LEN)?;
                keys.is_tag(body, &[], tag).then_some(())?;
                let secret = body.get_mut(CONTROL_HEADER_LEN..end)?;
                counter_mode(&keys.cipher, self.counter(ssrc, u64::from(index)), secret);
            }
            How::Galois(key) => {
                let (packet, word) = packet.split_last_chunk_mut::<INDEX_LEN>()?;
                let (header, payload) = packet.split_at_mut_checked(CONTROL_HEADER_LEN)?;
                let aad = Aad::from(control_aad(header, *word));
                key.open_in_place(self.nonce(ssrc, u64::from(index)), aad, payload).ok()?;
            }
        }
        Some(end)
    }

    /// RFC 3711 section 4.1.1: the salt, the source and the index, each at its place, before the block's number.
    fn counter(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut counter = u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        let mut salt = [0; 16];
        salt.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte = salt);
        counter ^= u128::from_be_bytes(salt);
        counter.to_be_bytes()
    }

    /// RFC 7714 sections 8.1 and 9.1: two zeros, the source, the index in 48 bits, with the salt over all of it.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let plain = u128::from(ssrc) << 48 | u128::from(index);
        let mut nonce = [0; 12];
        let parts = plain.to_be_bytes().into_iter().skip(4).zip(self.salt);
        nonce.iter_mut().zip(parts).for_each(|(byte, (plain, salt))| *byte = plain ^ salt);
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Counter {
    fn tag(&self, packet: &[u8], more: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(more);
        mac.finalize().into_bytes().into()
    }

    fn is_tag(&self, packet: &[u8], more: &[u8], tag: &[u8]) -> bool {
        let right = self.tag(packet, more);
        right.get(..tag.len()).is_some_and(|right| right.ct_eq(tag).into())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// RFC 3711 section 4.2: the roll-over counter is under the tag although it is not sent.
const fn rolled(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 7714 section 9.2: the header and the word with the index are authenticated.
fn control_aad(header: &[u8], word: [u8; INDEX_LEN]) -> [u8; CONTROL_HEADER_LEN + INDEX_LEN] {
    let mut aad = [0; CONTROL_HEADER_LEN + INDEX_LEN];
    aad.iter_mut().zip(header.iter().chain(&word)).for_each(|(byte, part)| *byte = *part);
    aad
}

fn seal_galois(key: &LessSafeKey, nonce: Nonce, aad: &[u8], payload: &mut [u8]) -> [u8; GALOIS_TAG_LEN] {
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), payload);
    let tag = tag.expect("a packet is shorter than what AES-GCM can take");
    let mut bytes = [0; GALOIS_TAG_LEN];
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(byte, tag)| *byte = *tag);
    bytes
}

/// AES in counter mode (RFC 3711 section 4.1.1) over `data`: eight blocks at a time, as processors have them ready.
pub(in crate::srtp) fn counter_mode<C>(cipher: &C, counter: [u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    const BLOCKS: usize = 8;
    const BLOCK_LEN: usize = 16;
    let mut counter = u128::from_be_bytes(counter);
    for chunk in data.chunks_mut(BLOCKS * BLOCK_LEN) {
        let mut blocks = [Block::default(); BLOCKS];
        for block in &mut blocks {
            *block = counter.to_be_bytes().into();
            counter = counter.wrapping_add(1);
        }
        cipher.encrypt_blocks(blocks.get_mut(..chunk.len().div_ceil(BLOCK_LEN)).unwrap_or_default());
        for (bytes, block) in chunk.chunks_mut(BLOCK_LEN).zip(&blocks) {
            bytes.iter_mut().zip(block).for_each(|(byte, key)| *byte ^= *key);
        }
    }
}
