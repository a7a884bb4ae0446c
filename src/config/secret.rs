//! Secrets: values that are compared or used, and never shown.
//!
//! Where a secret comes from (text, environment, file) is the reader's business.

use sha2::Digest;
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// A secret. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(Kind);

#[derive(Clone)]
enum Kind {
    Unset,
    Plain(String),
    Sha256([u8; 32]),
}

impl Secret {
    /// A secret known in plain text. An empty one is as good as unset.
    pub fn plain(text: &str) -> Self {
        if text.is_empty() { Self(Kind::Unset) } else { Self(Kind::Plain(text.to_string())) }
    }

    /// A secret of which only the SHA-256 is known.
    pub fn sha256(hash: [u8; 32]) -> Self {
        Self(Kind::Sha256(hash))
    }

    /// A secret whose variable or file has no value: nothing matches it.
    pub fn unset() -> Self {
        Self(Kind::Unset)
    }

    /// Whether a value is there.
    pub fn is_set(&self) -> bool {
        !matches!(self.0, Kind::Unset)
    }

    /// Whether `presented` is this secret, in a time that tells nothing about it: SHA-256 hashes are compared,
    /// so that not even the length shows.
    pub fn matches(&self, presented: &str) -> bool {
        let known: [u8; 32] = match &self.0 {
            Kind::Unset => return false,
            Kind::Plain(text) => Sha256::digest(text).into(),
            Kind::Sha256(hash) => *hash,
        };
        let presented: [u8; 32] = Sha256::digest(presented).into();
        known.ct_eq(&presented).into()
    }

    /// The plain text, to compute a digest with or to send to a carrier; `None` when unset or only a hash.
    pub fn expose(&self) -> Option<&str> {
        match &self.0 {
            Kind::Plain(text) => Some(text),
            Kind::Unset | Kind::Sha256(_) => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// So that two configurations can be compared at a reload.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Unset, Kind::Unset) => true,
            (Kind::Sha256(a), Kind::Sha256(b)) => a.ct_eq(b).into(),
            (Kind::Plain(_), Kind::Plain(text)) => self.matches(text),
            (Kind::Unset | Kind::Plain(_) | Kind::Sha256(_), _) => false,
        }
    }
}

/// What a phone authenticates with.
#[derive(Clone, Debug, PartialEq)]
pub enum PhoneSecret {
    /// A password in plain text (perhaps unset).
    Plain(Secret),
    /// Hashes of `number:domain:password` in lower-case hexadecimal (RFC 7616 section 3.4.2), so that the
    /// password itself is not on the machine.
    Ha1 {
        /// With MD5.
        md5: Option<Secret>,
        /// With SHA-256.
        sha256: Option<Secret>,
    },
    /// None: the phone cannot register or call by digest.
    None,
}

/// Reads bytes in hexadecimal of exactly `N` bytes.
pub(crate) fn hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || format!("must be {} hexadecimal digits", N * 2);
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_alone_and_shows_nothing() {
        let secret = Secret::plain("hunter2");
        assert!(secret.matches("hunter2"));
        assert!(!secret.matches("hunter"));
        assert!(!secret.matches(""));
        assert_eq!(secret.expose(), Some("hunter2"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        let hash = hex("f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7").unwrap();
        assert!(Secret::sha256(hash).matches("hunter2"));
        assert!(!Secret::sha256(hash).matches("hunter3"));
        assert!(!Secret::unset().matches(""));
        assert!(!Secret::plain("").is_set());
    }

    #[test]
    fn equality_is_of_the_same_kind() {
        assert_eq!(Secret::plain("a"), Secret::plain("a"));
        assert_ne!(Secret::plain("a"), Secret::plain("b"));
        assert_ne!(Secret::plain("a"), Secret::unset());
        assert_eq!(Secret::unset(), Secret::unset());
    }
}
