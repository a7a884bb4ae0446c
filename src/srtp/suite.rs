//! The crypto suites that we know, by the names of SDP (RFC 4568 section 6.2, RFC 7714 section 14.2).

/// A crypto suite: cipher, length of its keys, length of its tags.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Suite {
    /// AES in counter mode with a tag of 80 bits: what every device has.
    AesCm80,
    /// The same with a tag of 32 bits on RTP.
    AesCm32,
    /// AES-GCM with a key of 128 bits.
    AesGcm128,
    /// AES-GCM with a key of 256 bits.
    AesGcm256,
}

impl Suite {
    /// All of them, in the order in which we prefer them: the one that every device has first, the short tag last.
    pub const ALL: [Self; 4] = [Self::AesCm80, Self::AesGcm128, Self::AesGcm256, Self::AesCm32];

    /// The name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesGcm128 => "AEAD_AES_128_GCM",
            Self::AesGcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name. RFC 4568 section 9.1 writes names in upper case; some phones do not.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key and of the cipher's session key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm80 | Self::AesCm32 | Self::AesGcm128 => 16,
            Self::AesGcm256 => 32,
        }
    }

    /// Bytes of the master salt and of the session salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm80 | Self::AesCm32 => 14,
            Self::AesGcm128 | Self::AesGcm256 => 12,
        }
    }

    /// Bytes of the tag of an RTP packet.
    pub(in crate::srtp) const fn tag_len(self) -> usize {
        match self {
            Self::AesCm80 => 10,
            Self::AesCm32 => 4,
            Self::AesGcm128 | Self::AesGcm256 => 16,
        }
    }

    /// Bytes of the tag of an RTCP packet. RFC 4568 section 6.2.2: the short tag is for RTP alone.
    pub(in crate::srtp) const fn control_tag_len(self) -> usize {
        match self {
            Self::AesCm80 | Self::AesCm32 => 10,
            Self::AesGcm128 | Self::AesGcm256 => 16,
        }
    }
}
