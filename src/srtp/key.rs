//! Master keys, and the session keys that are derived from them (RFC 3711 section 4.3).
//!
//! Never shown: `Debug` names the suite alone.

use crate::ids::Random;
use crate::srtp::seal::counter_mode;
use crate::srtp::suite::Suite;
use aes::Aes128;
use aes::Aes256;
use aes::cipher::KeyInit;
use std::fmt;

/// The longest master key with its salt.
const LEN_MAX: usize = 46;
/// The salt as the derivation takes it.
const SALT_LEN: usize = 14;

/// A master key with its salt, of a suite.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    bytes: [u8; LEN_MAX],
}

/// The master keys of both directions of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPair {
    /// What we seal with.
    pub ours: MasterKey,
    /// What we open with.
    pub theirs: MasterKey,
}

/// RFC 3711 section 4.3.2: what a session key is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::srtp) enum Label {
    /// The cipher of RTP.
    Cipher = 0,
    /// The tag of RTP.
    Tag = 1,
    /// The salt of RTP.
    Salt = 2,
    /// The cipher of RTCP.
    ControlCipher = 3,
    /// The tag of RTCP.
    ControlTag = 4,
    /// The salt of RTCP.
    ControlSalt = 5,
}

impl MasterKey {
    /// A fresh key.
    pub fn draw(suite: Suite, random: &mut Random) -> Self {
        let mut bytes = [0; LEN_MAX];
        for chunk in bytes.chunks_mut(8) {
            let drawn = random.next_u64().to_be_bytes();
            chunk.copy_from_slice(drawn.get(..chunk.len()).unwrap_or_default());
        }
        Self::cut(suite, bytes)
    }

    /// The key of these bytes, the salt after the key proper; `None` when there are too many or too few.
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        let mut all = [0; LEN_MAX];
        all.get_mut(..suite.key_len() + suite.salt_len())
            .filter(|place| place.len() == bytes.len())?
            .copy_from_slice(bytes);
        Some(Self { suite, bytes: all })
    }

    fn cut(suite: Suite, mut bytes: [u8; LEN_MAX]) -> Self {
        bytes.iter_mut().skip(suite.key_len() + suite.salt_len()).for_each(|byte| *byte = 0);
        Self { suite, bytes }
    }

    /// The suite that it is for.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The key, then the salt.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_len() + self.suite.salt_len()).unwrap_or_default()
    }

    /// A session key, as long as asked for.
    pub(in crate::srtp) fn session_key<const N: usize>(&self, label: Label) -> [u8; N] {
        // RFC 3711 section 4.3.1 with a derivation rate of 0: the label stands seven bytes before the salt's end. RFC 7714
        // section 11: a salt of 96 bits is filled up with zeros at its end.
        let mut counter = [0; 16];
        let salt = self.bytes.iter().skip(self.suite.key_len()).take(SALT_LEN);
        counter.iter_mut().zip(salt).for_each(|(byte, salt)| *byte = *salt);
        counter[7] ^= label as u8;
        let mut key = [0; N];
        let (small, large) = (self.bytes.first_chunk::<16>(), self.bytes.first_chunk::<32>());
        match (self.suite, small, large) {
            (Suite::AesGcm256, _, Some(master)) => {
                counter_mode(&Aes256::new(master.into()), counter, &mut key);
            }
            (_, Some(master), _) => counter_mode(&Aes128::new(master.into()), counter, &mut key),
            (_, None, _) => {}
        }
        key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}
