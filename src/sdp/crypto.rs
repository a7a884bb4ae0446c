//! `a=crypto` lines (RFC 4568): the suite and the master key that their writer sends with.
//!
//! What a line asks for beyond suite and key is refused with the line, but for what changes nothing here: a lifetime
//! (no call sends 2^48 packets), and a window that is smaller than ours.

use crate::srtp::MasterKey;
use crate::srtp::Suite;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;

/// RFC 4568 section 9.1: the most digits of a tag.
const TAG_DIGITS_MAX: usize = 9;

/// Whether a leg's audio is encrypted.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// Never.
    #[default]
    Off,
    /// Where the peer offers it.
    Accepted,
    /// Where the peer offers it or takes our offer of it; a peer that offers plain audio gets it.
    Offered,
    /// Always.
    Required,
}

impl Security {
    /// Whether our offers are encrypted.
    pub const fn offers(self) -> bool {
        matches!(self, Self::Offered | Self::Required)
    }

    /// Whether an encrypted offer is taken.
    pub const fn accepts(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// One line. `Debug` does not show the key, `Display` is the line's value and does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// What an answer chooses the line by.
    pub tag: u32,
    /// The key, and in it the suite.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads the value of an `a=crypto` line; `None` for one that we do not do.
    pub fn read(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= TAG_DIGITS_MAX)?;
        let tag = tag.bytes().all(|byte| byte.is_ascii_digit()).then(|| tag.parse().ok())??;
        let suite = Suite::named(words.next()?)?;
        let key = key(suite, words.next()?)?;
        words.all(is_harmless).then_some(Self { tag, key })
    }
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} inline:{}", self.tag, self.key.suite().name(), STANDARD.encode(self.key.bytes()))
    }
}

/// `inline:KEY`, `inline:KEY|2^31`. Several keys (`;`) come with key identifiers, and these are bytes in each packet that we
/// do not look for.
fn key(suite: Suite, parameters: &str) -> Option<MasterKey> {
    const METHOD: &str = "inline:";
    let method = parameters.get(..METHOD.len()).filter(|method| method.eq_ignore_ascii_case(METHOD));
    let mut parts = parameters.get(method?.len()..)?.split('|');
    // RFC 4568 section 6.1 has no padding where none is needed; some write it, some leave out what is needed.
    let text = parts.next()?.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    let is_lifetime = |part: &str| !part.is_empty() && !part.contains(':');
    parts.all(is_lifetime).then(|| MasterKey::from_bytes(suite, &bytes))?
}

/// RFC 4568 section 6.3: a derivation rate of nothing, and the hint how far packets may come out of order. Parameters
/// whose name begins with `-` may be ignored.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.eq_ignore_ascii_case("KDR=0") || is_window(parameter)
}

fn is_window(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or_default();
    name.eq_ignore_ascii_case("WSH") && value.parse::<u32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4568 section 6.1's own example, with a key of the right length.
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn lines_of_phones_are_read() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"),
            format!("1 AES_CM_128_HMAC_SHA1_80  inline:{KEY}|2147483648 WSH=128"),
            format!("1 aes_cm_128_hmac_sha1_80 INLINE:{KEY} KDR=0 -future=1"),
        ] {
            let crypto = Crypto::read(&line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((crypto.tag, crypto.key.suite()), (1, Suite::AesCm80));
            assert_eq!(crypto.to_string(), format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
        }
        for suite in Suite::ALL {
            let bytes = vec![7; suite.key_len() + suite.salt_len()];
            let ours = Crypto { tag: 3, key: MasterKey::from_bytes(suite, &bytes).unwrap() };
            assert_eq!(Crypto::read(&ours.to_string()), Some(ours.clone()), "{ours}");
            assert_eq!(Crypto::read(ours.to_string().trim_end_matches('=')), Some(ours), "without padding");
        }
    }

    #[test]
    fn what_we_do_not_do_is_refused_with_its_line() {
        for line in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "1 AES_CM_128_HMAC_SHA1_80 inline:",
            "1 AES_CM_128_HMAC_SHA1_80 inline:abc",
            "1 F8_128_HMAC_SHA1_80 inline:KEY",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "-1 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "x AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1 AEAD_AES_128_GCM inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 uri:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4;inline:KEY|2^20|2:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTCP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNAUTHENTICATED_SRTP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY FEC_ORDER=FEC_SRTP",
        ] {
            let line = line.replace("KEY", KEY);
            assert_eq!(Crypto::read(&line), None, "{line}");
        }
    }
}
