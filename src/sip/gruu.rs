//! GRUU (RFC 5627): addresses that lead to one device of an address of record.
//!
//! A public one names the device; a temporary one tells nothing and is valid as long as the registration that it was
//! made for. Not a table: a temporary one carries its binding, sealed with a key of this process.

use crate::ids::Random;
use crate::sip::msg::Uri;
use crate::sip::msg::escape;
use sha2::Digest;
use sha2::Sha256;

/// What the user part of a temporary GRUU begins with: no phone's number does.
const PREFIX: &[u8] = b"tgruu.";

/// What seals temporary GRUUs.
#[derive(Clone)]
pub struct Gruu {
    key: [u8; 32],
}

/// Whom a Request-URI means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The device of that instance, of the address of record that the URI names.
    Device(String),
    /// What this temporary GRUU stands for.
    Temporary(Sealed),
}

/// A temporary GRUU that was read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    nonce: u64,
    hidden: u64,
    mark: u64,
}

impl std::fmt::Debug for Gruu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gruu")
    }
}

impl Gruu {
    /// With this key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A new temporary GRUU for a binding, with the Call-ID of its registration (RFC 5627 section 3.1.2).
    pub fn temporary(&self, domain: &str, binding: u64, call_id: &str, random: &mut Random) -> String {
        let nonce = random.next_u64();
        let hidden = binding ^ self.number(&[b"hide", &nonce.to_be_bytes()]);
        let mark = self.mark(nonce, binding, call_id);
        format!("sip:tgruu.{nonce:016x}{hidden:016x}{mark:016x}@{domain};gr")
    }

    /// The binding that a temporary GRUU may be for: [`Gruu::is_for`] says whether it is.
    pub fn binding(&self, sealed: Sealed) -> u64 {
        sealed.hidden ^ self.number(&[b"hide", &sealed.nonce.to_be_bytes()])
    }

    /// Whether it was made for that binding while its registration had that Call-ID.
    pub fn is_for(&self, sealed: Sealed, binding: u64, call_id: &str) -> bool {
        sealed.mark == self.mark(sealed.nonce, binding, call_id)
    }

    fn mark(&self, nonce: u64, binding: u64, call_id: &str) -> u64 {
        self.number(&[b"mark", &nonce.to_be_bytes(), &binding.to_be_bytes(), call_id.as_bytes()])
    }

    fn number(&self, parts: &[&[u8]]) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.key);
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// The public GRUU of a device (RFC 5627 section 3.1.1), from its `+sip.instance` as it came. `None` when that is
/// nothing that could stand in a URI.
pub fn public(aor: &str, domain: &str, instance: &str) -> Option<String> {
    let device = device(instance);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.+".contains(&byte);
    let fits = !device.is_empty() && device.bytes().all(plain);
    fits.then(|| format!("sip:{aor}@{domain};gr={device}"))
}

/// Whom a Request-URI means, where it is a GRUU (RFC 5627 section 6.1).
pub fn asked(uri: &Uri<'_>) -> Option<Asked> {
    let user = uri.user_decoded();
    match uri.param(b"gr")? {
        Some(device) => Some(Asked::Device(String::from_utf8(escape::decoded(device).into_owned()).ok()?)),
        None => {
            let digits = std::str::from_utf8(user.strip_prefix(PREFIX)?).ok()?;
            let number = |from: usize| u64::from_str_radix(digits.get(from..from + 16)?, 16).ok();
            let sealed = Sealed { nonce: number(0)?, hidden: number(16)?, mark: number(32)? };
            (digits.len() == 48).then_some(Asked::Temporary(sealed))
        }
    }
}

/// Whether an instance as it came in `+sip.instance` is the device of a public GRUU.
pub fn is_device(instance: &str, named: &str) -> bool {
    device(instance).eq_ignore_ascii_case(named)
}

/// `"<urn:uuid:…>"` without its marks.
fn device(instance: &str) -> &str {
    instance.trim_matches(['"', '<', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";

    #[track_caller]
    fn read(uri: &str) -> Option<Asked> {
        asked(&Uri::parse(uri.as_bytes()).unwrap())
    }

    #[test]
    fn a_public_one_names_the_device() {
        let uri = public("2001", "example.com", INSTANCE).unwrap();
        assert_eq!(uri, "sip:2001@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        let Some(Asked::Device(named)) = read(&uri.replace("f81d", "F81D")) else { panic!("a device") };
        assert!(is_device(INSTANCE, &named) && !is_device("\"<urn:uuid:other>\"", &named));
        assert_eq!(public("2001", "example.com", "\"<a;b>\""), None);
        assert_eq!(read("sip:2001@example.com"), None);
        assert_eq!(read("sip:2001@example.com;gr"), None);
    }

    #[test]
    fn a_temporary_one_leads_to_its_registration_only() {
        let (gruu, mut random) = (Gruu::new([7; 32]), Random::seeded(1));
        let first = gruu.temporary("example.com", 42, "call-1", &mut random);
        let second = gruu.temporary("example.com", 42, "call-1", &mut random);
        assert_ne!(first, second, "two calls can't be told to be of one phone");
        for uri in [first, second] {
            let Some(Asked::Temporary(sealed)) = read(&uri) else { panic!("a temporary one") };
            assert_eq!(gruu.binding(sealed), 42);
            assert!(gruu.is_for(sealed, 42, "call-1"));
            assert!(!gruu.is_for(sealed, 42, "call-2") && !gruu.is_for(sealed, 43, "call-1"));
            assert!(!Gruu::new([8; 32]).is_for(sealed, 42, "call-1"), "another process's");
        }
        assert_eq!(read("sip:tgruu.00@example.com;gr"), None);
        assert_eq!(read("sip:tgruu.é00000000000000000000000000000000000000000000000@example.com;gr"), None);
    }
}
