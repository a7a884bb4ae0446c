//! What a transaction is found by: 128 bits that stand for the parts of a message that identify it.
//!
//! Not an id that a user sees. RFC 3261 section 17.2.3 compares branch, sent-by and method, its section 8.2.2.2 three
//! more fields, and all of them may be as long as the peer likes; a fingerprint is always 16 bytes, so what a peer
//! writes costs no memory. It is keyed by a secret, so nobody can make two messages meet on purpose.

use crate::ids::Random;
use crate::sip::msg::Host;
use crate::sip::msg::Message;
use crate::sip::msg::Via;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::DefaultHasher;
use std::hash::Hasher;

/// The identifying parts of a message in 16 bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// 64 of its bits, to be shown to others as a tag.
    pub fn short(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// A map by fingerprint. Fingerprints are hashes already, so they are not hashed again.
pub type FingerprintMap<T> = HashMap<Fingerprint, T, BuildHasherDefault<Already>>;

/// The hasher of what is a hash already.
#[derive(Clone, Debug, Default)]
pub struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// Makes fingerprints; one per endpoint.
#[derive(Clone, Debug)]
pub struct Keyring {
    secret: DefaultHasher,
}

/// The kinds of fingerprints, so that one kind never meets another.
#[derive(Copy, Clone)]
enum Kind {
    Client,
    Server,
    Rfc2543,
    Merged,
    Acked,
    Tag,
    Signed,
}

impl Keyring {
    /// A keyring with a secret of its own.
    pub fn new(random: &mut Random) -> Self {
        let mut secret = DefaultHasher::new();
        secret.write_u128(random.next_u128());
        Self { secret }
    }

    /// RFC 3261 section 17.1.3: a response belongs to the client transaction with its branch and its CSeq's method.
    pub fn client(&self, branch: &[u8], method: &[u8]) -> Fingerprint {
        self.parts(Kind::Client).bytes(branch).bytes(method).finish()
    }

    /// RFC 3261 section 17.2.3: a request belongs to the server transaction with its branch, its sent-by and its
    /// method, where ACK counts as INVITE. `method` is an argument so that a CANCEL can look for its INVITE.
    ///
    /// Without the magic cookie, and when there is nothing behind it, RFC 2543 holds: Request-URI, From tag, To tag,
    /// Call-ID, CSeq number and the whole top Via. The To tag of an INVITE is left out, for its ACK has another one.
    pub fn server(&self, request: &Message, via: &Via<'_>, method: &[u8]) -> Fingerprint {
        if let Some(branch) = via.branch.filter(|_| via.has_unique_branch()) {
            let port = via.port.map_or(0, u32::from);
            return self.parts(Kind::Server).bytes(branch).host(via.host).number(port).bytes(method).finish();
        }
        let to_tag = if method == b"INVITE" { None } else { request.to_tag() };
        self.parts(Kind::Rfc2543)
            .bytes(request.request_uri_raw())
            .bytes(from_tag(request))
            .bytes(to_tag.unwrap_or_default())
            .bytes(request.call_id().unwrap_or_default())
            .number(request.cseq().map_or(0, |cseq| cseq.number))
            .bytes(via.raw)
            .bytes(method)
            .finish()
    }

    /// RFC 3261 section 8.2.2.2: two requests with these fields equal and different branches came over two ways.
    pub fn merged(&self, request: &Message) -> Fingerprint {
        let parts = self.parts(Kind::Merged).bytes(from_tag(request));
        let parts = parts.bytes(request.call_id().unwrap_or_default());
        match request.cseq() {
            Ok(cseq) => parts.number(cseq.number).bytes(cseq.method.as_bytes()).finish(),
            Err(_) => parts.finish(),
        }
    }

    /// RFC 3261 section 13.3.1.4: the 2xx that we sent and the ACK that we received have these fields in common.
    /// `None` without a To tag or a CSeq.
    pub fn acked(&self, message: &Message) -> Option<Fingerprint> {
        let parts = self.parts(Kind::Acked).bytes(message.call_id().ok()?).bytes(from_tag(message));
        Some(parts.bytes(message.to_tag()?).number(message.cseq().ok()?.number).finish())
    }

    /// A To tag, to tell forks apart.
    pub fn tag(&self, tag: &[u8]) -> Fingerprint {
        self.parts(Kind::Tag).bytes(tag).finish()
    }

    /// A tag that only we can have made for a Call-ID, so that a dialog of ours is known without any memory of it.
    pub fn signed(&self, call_id: &[u8]) -> Fingerprint {
        self.parts(Kind::Signed).bytes(call_id).finish()
    }

    fn parts(&self, kind: Kind) -> Parts {
        let mut hasher = self.secret.clone();
        hasher.write_u8(kind as u8);
        Parts(hasher)
    }
}

/// A fingerprint in the making. Every part goes in with its length, so that no two lists of parts run together.
struct Parts(DefaultHasher);

impl Parts {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
        self
    }

    fn number(mut self, number: u32) -> Self {
        self.0.write_u32(number);
        self
    }

    /// RFC 3261 section 7.3.1: host names are compared without regard to case.
    fn host(mut self, host: Host<'_>) -> Self {
        match host {
            Host::V4(v4) => self.0.write_u32(v4.to_bits()),
            Host::V6(v6) => self.0.write_u128(v6.to_bits()),
            Host::Name(name) => {
                self.0.write_usize(name.len());
                name.iter().for_each(|byte| self.0.write_u8(byte.to_ascii_lowercase()));
            }
        }
        self
    }

    /// Two outputs of one hasher that took one more byte between them are the 128-bit variant of SipHash.
    fn finish(mut self) -> Fingerprint {
        let high = self.0.finish();
        self.0.write_u8(u8::MAX);
        Fingerprint((u128::from(high) << 64) | u128::from(self.0.finish()))
    }
}

fn from_tag(message: &Message) -> &[u8] {
    message.from_tag().unwrap_or_default()
}
