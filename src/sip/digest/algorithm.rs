//! The hash algorithms and what is computed with them.

use crate::sip::msg::Method;
use md5::Digest;
use md5::Md5;
use sha2::Sha256;
use sha2::Sha512_256;
use std::fmt;

/// A digest algorithm, weakest first, so that `max` is the strongest.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 2617; what nearly every phone speaks.
    Md5,
    /// RFC 8760.
    Sha256,
    /// RFC 8760.
    Sha512_256,
}

impl Algorithm {
    /// All of them, strongest first: the order that RFC 8760 section 2.1 wants challenges in.
    pub const STRONGEST_FIRST: [Self; 3] = [Self::Sha512_256, Self::Sha256, Self::Md5];

    /// The token of the `algorithm` parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of that token, in any case. The `-sess` variants are none: RFC 8760 has no use for them.
    pub fn parse(token: &[u8]) -> Option<Self> {
        Self::STRONGEST_FIRST.into_iter().find(|a| a.as_str().as_bytes().eq_ignore_ascii_case(token))
    }

    /// Hashes the parts with `:` between them.
    pub(in crate::sip::digest) fn hash(self, parts: &[&[u8]]) -> Hex {
        #[cfg(test)]
        HASHES.with(|hashes| hashes.set(hashes.get() + 1));
        match self {
            Self::Md5 => Hex::of(&joined::<Md5>(parts)),
            Self::Sha256 => Hex::of(&joined::<Sha256>(parts)),
            Self::Sha512_256 => Hex::of(&joined::<Sha512_256>(parts)),
        }
    }

    /// Letters of a hash in hexadecimal.
    pub(in crate::sip::digest) const fn hex_len(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 | Self::Sha512_256 => 64,
        }
    }
}

#[cfg(test)]
thread_local! {
    static HASHES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Hashes computed by this thread so far, for the test that unknown users cost as much as known ones.
#[cfg(test)]
pub(crate) fn hashes_made() -> u64 {
    HASHES.with(std::cell::Cell::get)
}

fn joined<D: Digest>(parts: &[&[u8]]) -> impl AsRef<[u8]> + use<D> {
    let mut digest = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    digest.finalize()
}

/// A hash in lower-case hexadecimal, inline.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(in crate::sip::digest) struct Hex {
    digits: [u8; 64],
    len: u8,
}

impl Hex {
    pub(in crate::sip::digest) fn of(hash: &impl AsRef<[u8]>) -> Self {
        let mut digits = [0; 64];
        let mut len = 0;
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.as_ref()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            len += 2;
        }
        Self { digits, len }
    }

    pub(in crate::sip::digest) fn as_bytes(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or(b"")
    }

    pub(in crate::sip::digest) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// `H(user:realm:password)`: what is stored instead of a password. As secret as one, within its realm.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: Hex,
}

impl Ha1 {
    /// From a password.
    pub fn of_password(algorithm: Algorithm, user: &[u8], realm: &[u8], password: &[u8]) -> Self {
        Self { algorithm, hex: algorithm.hash(&[user, realm, password]) }
    }

    /// From its stored form, in any case; `None` when that is not a hash of this algorithm's length.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let bytes = hex.as_bytes();
        if bytes.len() != algorithm.hex_len() || !bytes.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut digits = [0; 64];
        digits.get_mut(..bytes.len())?.copy_from_slice(bytes);
        digits.make_ascii_lowercase();
        Some(Self { algorithm, hex: Hex { digits, len: u8::try_from(bytes.len()).ok()? } })
    }

    /// The form to store.
    pub fn as_hex(&self) -> &str {
        self.hex.as_str()
    }

    /// What it was made with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `response` of RFC 7616 section 3.4.1: with `qop=auth` when `protection` is there, else as in RFC 2069.
    pub(in crate::sip::digest) fn response(
        &self,
        nonce: &[u8],
        protection: Option<Protection<'_>>,
        method: Method<'_>,
        uri: &[u8],
    ) -> Hex {
        let ha2 = self.algorithm.hash(&[method.as_bytes(), uri]);
        let (ha1, ha2) = (self.hex.as_bytes(), ha2.as_bytes());
        match protection {
            Some(Protection { nc, cnonce }) => self.algorithm.hash(&[ha1, nonce, nc, cnonce, b"auth", ha2]),
            None => self.algorithm.hash(&[ha1, nonce, ha2]),
        }
    }
}

/// Without the hash: it opens the account.
impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({})", self.algorithm.as_str())
    }
}

/// What `qop=auth` adds.
#[derive(Copy, Clone, Debug)]
pub(in crate::sip::digest) struct Protection<'a> {
    /// The nonce count, eight hexadecimal digits.
    pub(in crate::sip::digest) nc: &'a [u8],
    /// The client's nonce.
    pub(in crate::sip::digest) cnonce: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(ha1: Ha1, nonce: &str, cnonce: &str, method: &'static str, uri: &str) -> String {
        let protection = Protection { nc: b"00000001", cnonce: cnonce.as_bytes() };
        let method = Method::Other(method.as_bytes());
        ha1.response(nonce.as_bytes(), Some(protection), method, uri.as_bytes()).as_str().to_string()
    }

    #[test]
    fn the_example_of_rfc_2617_section_3_5() {
        let ha1 = Ha1::of_password(Algorithm::Md5, b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
        let found = response(ha1, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "GET", "/dir/index.html");
        assert_eq!(found, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_examples_of_rfc_7616_section_3_9() {
        let check = |algorithm, expected| {
            let ha1 = Ha1::of_password(algorithm, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
            let (nonce, cnonce) = (
                "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            );
            assert_eq!(response(ha1, nonce, cnonce, "GET", "/dir/index.html"), expected);
        };
        check(Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec");
        check(Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        // Section 3.9.2 with its erratum 4897: the hash is SHA-512/256, not a cut SHA-512.
        let user = "J\u{e4}s\u{f8}n Doe".as_bytes();
        let ha1 = Ha1::of_password(Algorithm::Sha512_256, user, b"api@example.org", b"Secret, or not?");
        let nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK";
        let found = response(ha1, nonce, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "GET", "/doe.json");
        assert_eq!(found, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
    }

    #[test]
    fn stored_hashes_read_back_and_do_not_show() {
        for algorithm in Algorithm::STRONGEST_FIRST {
            let ha1 = Ha1::of_password(algorithm, b"u", b"r", b"p");
            let upper = ha1.as_hex().to_uppercase();
            assert_eq!(Ha1::from_hex(algorithm, &upper), Some(ha1));
            assert!(!format!("{ha1:?}").contains(ha1.as_hex()));
            assert_eq!(Algorithm::parse(algorithm.as_str().to_lowercase().as_bytes()), Some(algorithm));
        }
        assert_eq!(Ha1::from_hex(Algorithm::Md5, "zz"), None);
        assert_eq!(Algorithm::parse(b"MD5-sess"), None);
    }
}
