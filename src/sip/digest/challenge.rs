//! The client's side: reading a challenge and answering it. For trunks that register and for simulated phones.

use crate::ids::Random;
use crate::sip::digest::algorithm::Algorithm;
use crate::sip::digest::algorithm::Ha1;
use crate::sip::digest::algorithm::Protection;
use crate::sip::digest::fields;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use std::borrow::Cow;
use std::fmt;

/// One WWW-Authenticate or Proxy-Authenticate value of the scheme `Digest` that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Who asks.
    pub realm: Cow<'a, [u8]>,
    /// What is to be signed.
    pub nonce: Cow<'a, [u8]>,
    /// With what.
    pub algorithm: Algorithm,
    /// To be sent back as it is.
    pub opaque: Option<Cow<'a, [u8]>>,
    /// Whether `qop=auth` is offered; else the answer is in the form of RFC 2069.
    pub has_qop_auth: bool,
    /// Whether only the nonce was wrong: try again with the same password. Without it, after an answer, the password
    /// is wrong and trying again would lock the account.
    pub is_stale: bool,
}

impl<'a> Challenge<'a> {
    /// Reads one value; `None` when we cannot answer it: another scheme, an unknown algorithm, `auth-int` alone.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (mut realm, mut nonce, mut opaque, mut qop) = (None, None, None, None);
        let mut algorithm = Some(Algorithm::Md5);
        let mut is_stale = false;
        for (name, value) in fields::of_digest(value)? {
            match name.to_ascii_lowercase().as_slice() {
                b"realm" => realm = Some(fields::plain(value)),
                b"nonce" => nonce = Some(fields::plain(value)),
                b"opaque" => opaque = Some(fields::plain(value)),
                b"qop" => qop = Some(fields::plain(value)),
                b"algorithm" => algorithm = Algorithm::parse(&fields::plain(value)),
                b"stale" => is_stale = fields::plain(value).eq_ignore_ascii_case(b"true"),
                _ => {}
            }
        }
        let has_auth = |list: &Cow<'_, [u8]>| {
            list.split(|b| *b == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"auth"))
        };
        let has_qop_auth = match &qop {
            Some(list) if !has_auth(list) => return None,
            offered => offered.is_some(),
        };
        Some(Self { realm: realm?, nonce: nonce?, algorithm: algorithm?, opaque, has_qop_auth, is_stale })
    }

    /// The same without the response it came in.
    pub fn into_owned(self) -> Challenge<'static> {
        Challenge {
            realm: Cow::Owned(self.realm.into_owned()),
            nonce: Cow::Owned(self.nonce.into_owned()),
            algorithm: self.algorithm,
            opaque: self.opaque.map(|opaque| Cow::Owned(opaque.into_owned())),
            has_qop_auth: self.has_qop_auth,
            is_stale: self.is_stale,
        }
    }

    /// The challenge to answer in a 401 (`WwwAuthenticate`) or 407 (`ProxyAuthenticate`). RFC 8760 section 2.4: the
    /// topmost that we support, for the server put its favourite there.
    pub fn topmost(response: &'a Message, header: Name) -> Option<Self> {
        response.headers(header).find_map(Self::parse)
    }
}

/// Who we are: a name and its password, or its stored HA1.
#[derive(Clone)]
pub struct Login {
    user: Vec<u8>,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Password(Vec<u8>),
    Hashes(Vec<Ha1>),
}

impl Login {
    /// With a password.
    pub fn with_password(user: &str, password: &str) -> Self {
        Self { user: user.into(), secret: Secret::Password(password.into()) }
    }

    /// With stored hashes, one for each algorithm that can be answered; they hold for one realm only.
    pub fn with_hashes(user: &str, hashes: Vec<Ha1>) -> Self {
        Self { user: user.into(), secret: Secret::Hashes(hashes) }
    }

    /// The value of Authorization or Proxy-Authorization for a request. `count` is how often this nonce has been
    /// answered, from 1. `None` when there is no hash for the algorithm.
    pub fn answer(
        &self,
        challenge: &Challenge<'_>,
        method: Method<'_>,
        uri: &[u8],
        count: u32,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let algorithm = challenge.algorithm;
        let ha1 = match &self.secret {
            Secret::Password(password) => Ha1::of_password(algorithm, &self.user, &challenge.realm, password),
            Secret::Hashes(hashes) => *hashes.iter().find(|hash| hash.algorithm() == algorithm)?,
        };
        let (nc, cnonce) = (format!("{count:08x}"), format!("{:016x}", random.next_u64()));
        let protection = Protection { nc: nc.as_bytes(), cnonce: cnonce.as_bytes() };
        let protection = challenge.has_qop_auth.then_some(protection);
        let response = ha1.response(&challenge.nonce, protection, method, uri);
        let mut line = b"Digest username=".to_vec();
        fields::quote(&mut line, &self.user);
        fields::push_quoted(&mut line, "realm", &challenge.realm);
        fields::push_quoted(&mut line, "nonce", &challenge.nonce);
        fields::push_quoted(&mut line, "uri", uri);
        fields::push_quoted(&mut line, "response", response.as_bytes());
        line.extend_from_slice(format!(", algorithm={}", algorithm.as_str()).as_bytes());
        if let Some(opaque) = &challenge.opaque {
            fields::push_quoted(&mut line, "opaque", opaque);
        }
        if challenge.has_qop_auth {
            line.extend_from_slice(format!(", qop=auth, nc={nc}").as_bytes());
            fields::push_quoted(&mut line, "cnonce", cnonce.as_bytes());
        }
        Some(line)
    }
}

/// Without the secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", String::from_utf8_lossy(&self.user))
    }
}
