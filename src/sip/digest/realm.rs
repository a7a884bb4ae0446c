//! The server's side: challenges, nonces that need no memory, and the verdict on an answer.
//!
//! A nonce is `time random mac`, the mac over both and the realm with a secret key. Any process with the key can judge
//! it. The mac covers the client's address too where the caller gives one: what another address was given is worth nothing
//! here. Counting uses needs memory: [`crate::sip::digest::Replays`].

use crate::clock::Wall;
use crate::ids::Random;
use crate::sip::digest::algorithm::Algorithm;
use crate::sip::digest::algorithm::Ha1;
use crate::sip::digest::algorithm::Hex;
use crate::sip::digest::credentials::Credentials;
use crate::sip::digest::fields;
use crate::sip::msg::Method;
use sha2::Digest;
use sha2::Sha512_256;
use std::fmt;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// The letters of a nonce: 16 of time, 16 of randomness, 32 of mac, in hexadecimal.
const NONCE_LEN: usize = 64;
const SIGNED_LEN: usize = 32;

/// How far ahead a nonce's time may lie: clocks of several machines with one key differ, and wall clocks are set back.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// What credentials are worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client knows the secret, and the nonce is ours and fresh.
    Ok,
    /// The client knows the secret, but the nonce is old or from before our key: challenge again with `stale=true`, so
    /// that the phone does not ask its user.
    Stale,
    /// The secret is wrong, in an answer to a nonce that we gave to this client: a failure of his.
    Wrong,
    /// The secret is wrong and the nonce is none of ours, or too old: nothing is shown, not even that the sender can
    /// be reached at his address. To be challenged, and to be held against nobody.
    Unproven,
    /// Fields are missing or contradict each other: 400.
    Malformed,
    /// For another realm, or of an algorithm that was not offered: as if there were none, challenge.
    NotOurs,
}

impl Verdict {
    /// A stable word for a metric's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Wrong => "wrong",
            Self::Unproven => "unproven",
            Self::Malformed => "malformed",
            Self::NotOurs => "not_ours",
        }
    }
}

/// A protection realm: who asks, with which algorithms.
#[derive(Clone)]
pub struct Realm {
    name: String,
    key: [u8; 32],
    /// Strongest first.
    algorithms: Vec<Algorithm>,
    nonce_lifetime: Duration,
    /// What the answers of users without a secret are compared with, one an algorithm.
    decoys: Vec<Ha1>,
}

impl Realm {
    /// A realm of that name. `key` is secret and random; a restart with a new one makes all nonces stale, which costs
    /// each phone one more round trip.
    pub fn new(name: &str, key: [u8; 32], algorithms: &[Algorithm], nonce_lifetime: Duration) -> Self {
        let offered = Algorithm::STRONGEST_FIRST.into_iter().filter(|a| algorithms.contains(a)).collect();
        let decoys = Algorithm::STRONGEST_FIRST.map(|a| Ha1::of_password(a, b"", b"", &key)).to_vec();
        Self { name: name.to_string(), key, algorithms: offered, nonce_lifetime, decoys }
    }

    /// The name, as phones show it and HA1 contains it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate lines, one an algorithm, strongest first (RFC 8760
    /// section 2.1), all with one nonce.
    pub fn challenges(&self, now: Wall, is_stale: bool, random: &mut Random) -> Vec<Vec<u8>> {
        self.challenges_to(b"", now, is_stale, random)
    }

    /// The same with a nonce that is good for `client` alone: any bytes that name him, such as his address.
    pub fn challenges_to(
        &self,
        client: &[u8],
        now: Wall,
        is_stale: bool,
        random: &mut Random,
    ) -> Vec<Vec<u8>> {
        let nonce = self.nonce(client, now, random);
        let challenge = |algorithm: &Algorithm| {
            let mut line = b"Digest realm=".to_vec();
            fields::quote(&mut line, self.name.as_bytes());
            fields::push_quoted(&mut line, "nonce", &nonce);
            if is_stale {
                line.extend_from_slice(b", stale=true");
            }
            line.extend_from_slice(b", algorithm=");
            line.extend_from_slice(algorithm.as_str().as_bytes());
            line.extend_from_slice(b", qop=\"auth\"");
            line
        };
        self.algorithms.iter().map(challenge).collect()
    }

    /// Judges credentials against the stored secret of their user. `ha1` must be of the credentials' algorithm; with
    /// none (an unknown user) the answer is [`Verdict::Wrong`] after the same work, so that time does not tell names.
    ///
    /// The signed URI is not compared with the Request-URI. RFC 3261 section 22.4: "it is not necessarily a failure if
    /// the two fields are not equivalent", for proxies rewrite it.
    pub fn verify(
        &self,
        credentials: &Credentials<'_>,
        ha1: Option<&Ha1>,
        method: Method<'_>,
        now: Wall,
    ) -> Verdict {
        self.verify_from(b"", credentials, ha1, method, now)
    }

    /// The same for a nonce that was given to `client` ([`Realm::challenges_to`]).
    pub fn verify_from(
        &self,
        client: &[u8],
        credentials: &Credentials<'_>,
        ha1: Option<&Ha1>,
        method: Method<'_>,
        now: Wall,
    ) -> Verdict {
        if *credentials.realm != *self.name.as_bytes() {
            return Verdict::NotOurs;
        }
        let Some(algorithm) = credentials.algorithm().filter(|a| self.algorithms.contains(a)) else {
            return Verdict::NotOurs;
        };
        let Ok(protection) = credentials.protection() else { return Verdict::Malformed };
        if credentials.response.len() != algorithm.hex_len() {
            return Verdict::Malformed;
        }
        let known = ha1.filter(|ha1| ha1.algorithm() == algorithm);
        let decoy = self.decoys.iter().find(|decoy| decoy.algorithm() == algorithm);
        let Some(secret) = known.or(decoy) else { return Verdict::NotOurs };
        let expected = secret.response(&credentials.nonce, protection, method, &credentials.uri);
        let said = credentials.response.to_ascii_lowercase();
        let is_right = bool::from(expected.as_bytes().ct_eq(&said)) && known.is_some();
        match (is_right, self.is_fresh(&credentials.nonce, client, now)) {
            (true, true) => Verdict::Ok,
            // RFC 7616 section 3.3: stale is said only when the answer is right for the old nonce.
            (true, false) => Verdict::Stale,
            (false, true) => Verdict::Wrong,
            (false, false) => Verdict::Unproven,
        }
    }

    fn nonce(&self, client: &[u8], now: Wall, random: &mut Random) -> Vec<u8> {
        let mut nonce = format!("{:016x}{:016x}", now.as_micros(), random.next_u64()).into_bytes();
        let mac = self.mac(&nonce, client);
        nonce.extend_from_slice(mac.as_bytes().get(..NONCE_LEN - SIGNED_LEN).unwrap_or(b""));
        nonce
    }

    /// Whether we made it, for this realm and client, not too long ago.
    fn is_fresh(&self, nonce: &[u8], client: &[u8], now: Wall) -> bool {
        let Some((signed, mac)) = nonce.split_at_checked(SIGNED_LEN) else { return false };
        let expected = self.mac(signed, client);
        if !bool::from(expected.as_bytes().get(..NONCE_LEN - SIGNED_LEN).unwrap_or(b"").ct_eq(mac)) {
            return false;
        }
        let Some((made, _)) = made_at(nonce) else { return false };
        let age = i128::from(now.as_micros()) - i128::from(made);
        let lifetime = i128::try_from(self.nonce_lifetime.as_micros()).unwrap_or(i128::MAX);
        let ahead = i128::try_from(AHEAD_MAX.as_micros()).unwrap_or(0);
        (-ahead..=lifetime).contains(&age)
    }

    /// A hash with the key in front. SHA-512/256 gives away half of its state only, so that this cannot be extended
    /// and needs no HMAC around it.
    fn mac(&self, signed: &[u8], client: &[u8]) -> Hex {
        let mut hash = Sha512_256::new();
        hash.update(self.key);
        hash.update(signed);
        // Its length in front, so that no client and name read as another pair.
        hash.update(u64::try_from(client.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(client);
        hash.update(self.name.as_bytes());
        Hex::of(&hash.finalize())
    }
}

/// The time and the random part of a nonce of our form; whether it is ours only its mac says.
pub(in crate::sip::digest) fn made_at(nonce: &[u8]) -> Option<(i64, u64)> {
    let digits = |range| std::str::from_utf8(nonce.get(range)?).ok();
    let made = i64::from_str_radix(digits(0..16)?, 16).ok()?;
    let random = u64::from_str_radix(digits(16..SIGNED_LEN)?, 16).ok()?;
    Some((made, random))
}

/// Without the key.
impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Realm({})", self.name)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
