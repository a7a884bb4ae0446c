//! Our side of a stream, and the body that offers it.
//!
//! The address is the one that the peer can reach, chosen by the caller; ports come from the media's port pool.

use crate::sdp::codec::Codec;
use crate::sdp::crypto::Crypto;
use crate::sdp::crypto::Security;
use crate::sdp::direction::Direction;
use crate::srtp::MasterKey;
use crate::srtp::Suite;
use sdp_types::Attribute;
use sdp_types::Media;
use std::net::IpAddr;

/// What we say of ourselves in an offer or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Where we listen, as the peer sees it.
    pub address: IpAddr,
    /// The RTP port, even; RTCP is on the next one.
    pub port: u16,
    /// The number of `o=`, the same for the dialog's life. Some phones read it as 63 bits or fewer.
    pub session_id: u64,
    /// The version of `o=` for a dialog's first body; later ones go through [`crate::sdp::renew`].
    pub version: u64,
    /// The codecs in our order of preference; in an answer the offerer's order counts. None twice.
    pub codecs: Vec<Codec>,
    /// Whether keypad digits travel as RFC 4733 events.
    pub dtmf: bool,
    /// The most that we want: what we offer, and what an answer is cut down to.
    pub direction: Direction,
    /// The packet length that we want to receive, in milliseconds; 20 as a rule.
    pub ptime_ms: u8,
    /// Whether the stream is encrypted.
    pub security: Security,
    /// Our keys, one for each suite that we offer and take, in our order. They stay the same for the dialog's life, so that
    /// a body that only repeats itself changes no key. Empty where nothing is encrypted.
    pub keys: Vec<MasterKey>,
}

/// The payload number of `telephone-event/8000` in our offers: the one that every phone uses, so that even a peer
/// that matches by number finds it.
const EVENT_PAYLOAD: u8 = 101;

/// The first dynamic payload number, RFC 3551 section 3.
const DYNAMIC_FIRST: u8 = 96;

/// The body of an offer with one audio stream.
pub fn offer(local: &Local) -> Vec<u8> {
    let numbers = local.numbers();
    let (profile, crypto) =
        if local.security.offers() { ("RTP/SAVP", local.crypto()) } else { ("RTP/AVP", Vec::new()) };
    let audio = audio_line(local, profile, &numbers, &crypto, local.direction, false);
    body(local, &[audio])
}

/// The formats of one of our audio lines with the payload numbers that they have in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sdp) struct Numbers {
    pub(in crate::sdp) codecs: Vec<(u8, Codec)>,
    /// `telephone-event` by payload and clock.
    pub(in crate::sdp) events: Vec<(u8, u32)>,
}

impl Local {
    /// Our key for a suite.
    pub(in crate::sdp) fn key(&self, suite: Suite) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.suite() == suite)
    }

    /// The `a=crypto` lines of our offers.
    fn crypto(&self) -> Vec<Crypto> {
        (1..).zip(&self.keys).map(|(tag, key)| Crypto { tag, key: key.clone() }).collect()
    }

    /// The numbers of our offers: static ones where they exist, else from 96 up in the order of the codecs, so that
    /// the same codecs always get the same numbers.
    pub(in crate::sdp) fn numbers(&self) -> Numbers {
        let mut free = (DYNAMIC_FIRST..=127).filter(|payload| *payload != EVENT_PAYLOAD);
        let mut numbers = Numbers::default();
        for codec in &self.codecs {
            if let Some(payload) = codec.static_payload().or_else(|| free.next()) {
                numbers.codecs.push((payload, codec.clone()));
            }
        }
        if self.dtmf {
            for codec in &self.codecs {
                let clock_hz = codec.clock_hz();
                if numbers.events.iter().any(|(_, known)| *known == clock_hz) {
                    continue;
                }
                let payload = if clock_hz == 8000 { Some(EVENT_PAYLOAD) } else { free.next() };
                numbers.events.extend(payload.map(|payload| (payload, clock_hz)));
            }
        }
        numbers
    }
}

/// One `m=audio` line of ours with its attributes.
pub(in crate::sdp) fn audio_line(
    local: &Local,
    profile: &str,
    numbers: &Numbers,
    crypto: &[Crypto],
    direction: Direction,
    rtcp_mux: bool,
) -> Media {
    let mut attributes = Vec::new();
    let mut payloads = Vec::new();
    for (payload, codec) in &numbers.codecs {
        payloads.push(payload.to_string());
        attributes.push(Attribute::with_value("rtpmap", format!("{payload} {codec}")));
    }
    for (payload, clock_hz) in &numbers.events {
        payloads.push(payload.to_string());
        attributes.push(Attribute::with_value("rtpmap", format!("{payload} telephone-event/{clock_hz}")));
        // RFC 4733 section 2.5.1.1: the sixteen digits and, as carriers expect, flash.
        attributes.push(Attribute::with_value("fmtp", format!("{payload} 0-16")));
    }
    attributes.extend(crypto.iter().map(|line| Attribute::with_value("crypto", line)));
    attributes.push(Attribute::with_value("ptime", local.ptime_ms));
    attributes.push(Attribute::new(direction.attribute()));
    if rtcp_mux {
        attributes.push(Attribute::new("rtcp-mux"));
    }
    Media { attributes, ..bare_line("audio", local.port, profile, &payloads.join(" ")) }
}

/// An `m=` line without anything below it: a rejected stream has no more.
pub(in crate::sdp) fn bare_line(media: &str, port: u16, proto: &str, fmt: &str) -> Media {
    Media {
        media: media.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt: fmt.to_owned(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

/// A whole body around its media lines. RFC 3264 section 5: an offer for a call has `-` or a space as its name and lasts
/// from 0 to 0.
pub(in crate::sdp) fn body(local: &Local, medias: &[Media]) -> Vec<u8> {
    let kind = if local.address.is_ipv4() { "IP4" } else { "IP6" };
    let (id, version, address) = (local.session_id, local.version, local.address.to_string());
    let mut text = String::with_capacity(512);
    let lines = ["v=0\r\no=- ", &id.to_string(), " ", &version.to_string(), " IN ", kind, " ", &address];
    lines.into_iter().for_each(|part| text.push_str(part));
    ["\r\ns=-\r\nc=IN ", kind, " ", &address, "\r\nt=0 0\r\n"]
        .into_iter()
        .for_each(|part| text.push_str(part));
    for media in medias {
        let parts = ["m=", &media.media, " ", &media.port.to_string(), " ", &media.proto, " ", &media.fmt];
        line(&mut text, &parts);
        for attribute in &media.attributes {
            match &attribute.value {
                Some(value) => line(&mut text, &["a=", &attribute.attribute, ":", value]),
                None => line(&mut text, &["a=", &attribute.attribute]),
            }
        }
    }
    text.into_bytes()
}

/// Writes a line; what a peer wrote is repeated in an answer, and must not end it.
fn line(text: &mut String, parts: &[&str]) {
    for part in parts {
        if part.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            text.extend(part.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
        } else {
            text.push_str(part);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdp_types::Connection;
    use sdp_types::Origin;
    use sdp_types::Session;
    use sdp_types::Time;

    #[test]
    fn a_body_is_written_as_the_library_writes_it() {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let address: IpAddr = address.parse().unwrap();
            let local = Local {
                address,
                port: 10_000,
                session_id: 7,
                version: 3,
                codecs: vec![Codec::Pcmu, Codec::Pcma],
                dtmf: true,
                direction: Direction::SendOnly,
                ptime_ms: 20,
                security: Security::Off,
                keys: Vec::new(),
            };
            let audio = audio_line(&local, "RTP/AVP", &local.numbers(), &[], local.direction, true);
            let medias = vec![audio, bare_line("image", 0, "udptl", "t38")];
            let mut session = Session::new(Origin::with_ip_addr(7, 3, address), "-");
            session.set_connection(Connection::from_ip_addr(address));
            session.add_time(Time::new(0, 0));
            session.medias = medias.clone();
            let mut expected = Vec::new();
            session.write(&mut expected).unwrap();
            assert_eq!(String::from_utf8(body(&local, &medias)), String::from_utf8(expected));
        }
    }

    #[test]
    fn what_a_peer_wrote_ends_no_line() {
        let mut text = String::new();
        line(&mut text, &["m=", "a\r\nb", "\0"]);
        assert_eq!(text, "m=a  b \r\n");
    }
}
