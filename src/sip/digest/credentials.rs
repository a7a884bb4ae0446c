//! The value of Authorization and Proxy-Authorization, as a server reads it.

use crate::sip::digest::algorithm::Algorithm;
use crate::sip::digest::algorithm::Protection;
use crate::sip::digest::fields;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use std::borrow::Cow;

/// What a client sent to prove who it is. Nothing of it is true before [`crate::sip::digest::Realm::verify`].
#[derive(Clone, Debug, Default)]
pub struct Credentials<'a> {
    /// Whom the client says it is.
    pub user: Cow<'a, [u8]>,
    /// The realm it answers for.
    pub realm: Cow<'a, [u8]>,
    /// The nonce it answers to.
    pub nonce: Cow<'a, [u8]>,
    /// The URI it signed.
    pub uri: Cow<'a, [u8]>,
    pub(in crate::sip::digest) response: &'a [u8],
    pub(in crate::sip::digest) algorithm: Option<&'a [u8]>,
    pub(in crate::sip::digest) qop: Option<Cow<'a, [u8]>>,
    pub(in crate::sip::digest) nc: Option<&'a [u8]>,
    pub(in crate::sip::digest) cnonce: Option<Cow<'a, [u8]>>,
}

impl<'a> Credentials<'a> {
    /// Reads a header's value; `None` when it is not of the scheme `Digest`. Missing fields are empty and make
    /// `verify` say malformed.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut found = Self::default();
        for (name, value) in fields::of_digest(value)? {
            match name.to_ascii_lowercase().as_slice() {
                b"username" => found.user = fields::plain(value),
                b"realm" => found.realm = fields::plain(value),
                b"nonce" => found.nonce = fields::plain(value),
                b"uri" => found.uri = fields::plain(value),
                b"response" => found.response = unquoted(value),
                b"algorithm" => found.algorithm = Some(unquoted(value)),
                b"qop" => found.qop = Some(fields::plain(value)),
                b"nc" => found.nc = Some(unquoted(value)),
                b"cnonce" => found.cnonce = Some(fields::plain(value)),
                _ => {}
            }
        }
        Some(found)
    }

    /// The first credentials for `realm` among the lines of `header` (Authorization or Proxy-Authorization). A
    /// request may carry those of other realms for other elements (RFC 3261 section 22.3).
    pub fn find(message: &'a Message, header: Name, realm: &[u8]) -> Option<Self> {
        message.headers(header).filter_map(Self::parse).find(|found| *found.realm == *realm)
    }

    /// The algorithm; MD5 when none is named (RFC 7616 section 3.4). `None` for one that we don't know.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm.map_or(Some(Algorithm::Md5), Algorithm::parse)
    }

    /// The nonce count of `qop=auth`.
    pub fn nonce_count(&self) -> Option<u32> {
        let digits = self.nc.filter(|nc| nc.len() == 8 && nc.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// `Err` when the fields don't fit together; `Ok(None)` for credentials without `qop`, as RFC 2069 had them.
    pub(in crate::sip::digest) fn protection(&self) -> Result<Option<Protection<'_>>, ()> {
        let is_whole =
            [&self.user, &self.realm, &self.nonce, &self.uri].iter().all(|field| !field.is_empty());
        if !is_whole || self.response.is_empty() {
            return Err(());
        }
        let Some(qop) = self.qop.as_deref() else { return Ok(None) };
        match (self.nonce_count(), self.nc, self.cnonce.as_deref()) {
            // RFC 7616 section 3.4: with qop, nc and cnonce must be there. `auth-int` was not offered.
            (Some(_), Some(nc), Some(cnonce)) if qop.eq_ignore_ascii_case(b"auth") && !cnonce.is_empty() => {
                Ok(Some(Protection { nc, cnonce }))
            }
            (Some(_) | None, ..) => Err(()),
        }
    }
}

/// Some phones quote what the grammar has unquoted, and the other way round; both are understood.
fn unquoted(value: &[u8]) -> &[u8] {
    crate::sip::msg::lex::unquoted(value).unwrap_or(value)
}
