//! STUN binding requests on the SIP port: how a phone learns its address behind a NAT and keeps that address open
//! (RFC 5626 sections 3.5.2 and 8, RFC 5389).
//!
//! The server's side of the Binding method without credentials, and nothing else of STUN. Pure: bytes in, bytes out.

use std::net::IpAddr;
use std::net::SocketAddr;

/// RFC 5389 section 6: the header's length and its fixed value.
const HEADER_LEN: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes that one must understand and that ask nothing of a server without credentials: USERNAME,
/// MESSAGE-INTEGRITY, REALM, NONCE (RFC 5389 section 18.2).
const HARMLESS: [u16; 4] = [0x0006, 0x0008, 0x0014, 0x0015];
/// From here on an attribute may be ignored (RFC 5389 section 15).
const OPTIONAL_FROM: u16 = 0x8000;
/// Unknown attributes that are named in an answer at most, so that no answer is longer than its request.
const NAMED_MAX: usize = 8;

/// Whether a datagram is STUN and no SIP message (RFC 5389 section 8: the first two bits are zero, which no letter's
/// are).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 0x40)
        && datagram.len() >= HEADER_LEN
        && datagram.get(4..8) == Some(&COOKIE[..])
}

/// The answer to a binding request from `source`; `None` for whatever else it is, which is ignored.
pub fn answer(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    if !is_stun(datagram) || word(datagram, 0)? != BINDING_REQUEST {
        return None;
    }
    let attributes = datagram.get(HEADER_LEN..)?;
    if usize::from(word(datagram, 2)?) != attributes.len() || attributes.len() % 4 != 0 {
        return None;
    }
    let transaction = datagram.get(8..HEADER_LEN)?;
    let unknown = unknown(attributes)?;
    if unknown.is_empty() {
        return Some(message(BINDING_SUCCESS, transaction, &[mapped(source, transaction)]));
    }
    // RFC 5389 section 7.3.1: "a 420 (Unknown Attribute), and includes an UNKNOWN-ATTRIBUTES attribute".
    let code = attribute(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
    let named: Vec<u8> = unknown.iter().take(NAMED_MAX).flat_map(|kind| kind.to_be_bytes()).collect();
    Some(message(BINDING_ERROR, transaction, &[code, attribute(UNKNOWN_ATTRIBUTES, &named)]))
}

/// The attributes that must be understood and are not; `None` when they are cut off.
fn unknown(mut attributes: &[u8]) -> Option<Vec<u16>> {
    let mut unknown = Vec::new();
    while !attributes.is_empty() {
        let (kind, length) = (word(attributes, 0)?, usize::from(word(attributes, 2)?));
        if kind < OPTIONAL_FROM && !HARMLESS.contains(&kind) {
            unknown.push(kind);
        }
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
    Some(unknown)
}

/// RFC 5389 section 15.2: the address is disguised, for some NATs rewrite every address of theirs that they see.
fn mapped(source: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let mask = || COOKIE.iter().chain(transaction);
    let hidden =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(mask()).map(|(byte, mask)| byte ^ mask).collect() };
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(v4) => (1, hidden(&v4.octets())),
        IpAddr::V6(v6) => (2, hidden(&v6.octets())),
    };
    let mut value = vec![0, family];
    value.extend(hidden(&source.port().to_be_bytes()));
    value.extend(address);
    attribute(XOR_MAPPED_ADDRESS, &value)
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, transaction: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    let length: usize = attributes.iter().map(Vec::len).sum();
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
    bytes.extend(COOKIE);
    bytes.extend(transaction);
    bytes.extend(attributes.concat());
    bytes
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u16::from_be_bytes(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769: the transaction id and addresses of its sample messages.
    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[Vec<u8>]) -> Vec<u8> {
        message(BINDING_REQUEST, &TRANSACTION, attributes)
    }

    #[test]
    fn the_answers_of_rfc_5769() {
        let v4 = answer(&request(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(v4[..4], [0x01, 0x01, 0x00, 0x0c]);
        assert_eq!(v4[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let v6 = answer(&request(&[]), v6).unwrap();
        assert_eq!(
            v6[20..],
            [
                0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1,
                0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9
            ]
        );
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        let source = "192.0.2.1:5060".parse().unwrap();
        let odd = [attribute(0x0003, &[0; 4]), attribute(0x8022, b"phone"), attribute(0x0006, b"user")];
        let refused = answer(&request(&odd), source).unwrap();
        assert_eq!(refused[..2], [0x01, 0x11]);
        assert_eq!(refused[refused.len() - 8..], [0x00, 0x0a, 0x00, 0x02, 0x00, 0x03, 0x00, 0x00]);
        assert!(answer(&request(&odd[1..]), source).is_some_and(|answer| answer[..2] == [0x01, 0x01]));
    }

    #[test]
    fn nothing_else_is_answered_and_nothing_breaks() {
        let source = "192.0.2.1:5060".parse().unwrap();
        let whole = request(&[attribute(0x8022, b"a phone's name")]);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end], source), None, "cut at {end}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut odd = whole.clone();
                odd[at] ^= 1 << bit;
                let _ = answer(&odd, source);
            }
        }
        let mut indication = whole.clone();
        indication[1] = 0x11;
        assert_eq!(answer(&indication, source), None);
        assert!(!is_stun(b"OPTIONS sip:x SIP/2.0\r\n\r\n") && !is_stun(b"\r\n\r\n"));
        // An answer is of no use to whoever would have it sent to somebody else.
        let many: Vec<_> = (0x1000..0x1040).map(|kind| attribute(kind, &[])).collect();
        assert!(answer(&request(&many), source).unwrap().len() < request(&many).len());
    }
}
