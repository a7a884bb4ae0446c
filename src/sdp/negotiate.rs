//! The offer/answer model of RFC 3264: answering an offer, and reading the answer to ours.
//!
//! One codec is agreed on, so that nobody has to follow a peer that changes codecs between packets; what else a peer
//! may send after our own offer is listed apart.

use crate::sdp::codec::Codec;
use crate::sdp::crypto::Crypto;
use crate::sdp::crypto::Security;
use crate::sdp::direction::Direction;
use crate::sdp::local::Local;
use crate::sdp::local::Numbers;
use crate::sdp::local::audio_line;
use crate::sdp::local::bare_line;
use crate::sdp::local::body;
use crate::sdp::read::Profile;
use crate::sdp::read::Remote;
use crate::sdp::read::RemoteAudio;
use crate::srtp::KeyPair;
use std::net::SocketAddr;
use thiserror::Error;

/// What both sides said, ready for the media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where to send RTP; `None` while the peer has no address (an old hold).
    pub remote: Option<SocketAddr>,
    /// Where to send RTCP: what the peer says, else the next port.
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// What to send, and what is received as a rule.
    pub codec: Codec,
    /// The payload number that we write: the peer's number.
    pub send_payload: u8,
    /// The payload number that the peer writes: our number.
    pub receive_payload: u8,
    /// Other codecs of our offer that the peer accepted too and may send at any time, by our numbers.
    pub receive_also: Vec<(u8, Codec)>,
    /// The payload number of digits that we send.
    pub dtmf_send: Option<u8>,
    /// The payload number of digits that we receive.
    pub dtmf_receive: Option<u8>,
    /// The packet length to send, in milliseconds.
    pub ptime_ms: u8,
    /// From our side.
    pub direction: Direction,
    /// Whether the peer put us on hold: he does not listen, though we would send.
    pub held: bool,
    /// The keys of both directions, where the stream is encrypted.
    pub srtp: Option<Box<KeyPair>>,
}

/// Why an offer or an answer cannot be taken: 488 Not Acceptable Here, or BYE. The call before it is untouched.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No audio stream in use: T.38, video alone, or an answer that refuses ours.
    #[error("no audio stream")]
    NoAudio,
    /// Only encrypted audio is offered, and this party's is to be plain.
    #[error("only encrypted audio (SRTP) is offered")]
    SecureOnly,
    /// Only plain audio is offered, and this party's is to be encrypted.
    #[error("only plain audio is offered, and encryption (SRTP) is required")]
    PlainOnly,
    /// Encrypted audio, but in no way that both know.
    #[error("no crypto suite in common")]
    NoCommonSuite,
    /// Audio that is not RTP over UDP.
    #[error("the audio does not travel as RTP over UDP")]
    Transport,
    /// IPv6 on one side and IPv4 on the other.
    #[error("the audio's address is of the other IP version")]
    AddressFamily,
    /// No codec that both know.
    #[error("no codec in common")]
    NoCommonCodec,
}

impl Refusal {
    /// The code of the `Warning` header that tells the peer why, RFC 3261 section 20.43.
    pub const fn warning_code(self) -> u16 {
        match self {
            Self::AddressFamily => 301,
            Self::SecureOnly | Self::PlainOnly | Self::NoCommonSuite | Self::Transport => 302,
            Self::NoAudio => 304,
            Self::NoCommonCodec => 305,
        }
    }
}

/// Whether [`answer`] would accept the offer: before anybody is rung for it, and at a tenth of the cost.
///
/// # Errors
/// As [`answer`].
pub fn acceptable(remote: &Remote, local: &Local) -> Result<(), Refusal> {
    let audio = usable(remote, local, local.security.accepts())?;
    let common = audio.formats.iter().any(|(_, codec)| local.codecs.contains(codec));
    if common { Ok(()) } else { Err(Refusal::NoCommonCodec) }
}

/// Answers an offer. The codec is `prefer` (what the other leg speaks) if both know it, else the first of the
/// offerer's that we know.
pub fn answer(remote: &Remote, local: &Local, prefer: Option<&Codec>) -> Result<(Vec<u8>, Agreed), Refusal> {
    let audio = usable(remote, local, local.security.accepts())?;
    let crypto = keys_of(audio, local)?;
    let common = || audio.formats.iter().filter(|(_, codec)| local.codecs.contains(codec));
    let preferred = common().find(|(_, codec)| Some(codec) == prefer);
    let (payload, codec) = preferred.or_else(|| common().next()).ok_or(Refusal::NoCommonCodec)?;
    let event = event_of(&audio.dtmf, codec).filter(|_| local.dtmf);
    // RFC 3264 section 6.1: sendonly is answered recvonly or inactive, and so on.
    let direction = audio.direction.reversed().and(local.direction);

    let numbers = Numbers { codecs: vec![(*payload, codec.clone())], events: event.into_iter().collect() };
    let lines = remote.lines.iter().enumerate().map(|(index, line)| {
        if index == audio.index {
            // RFC 3264 section 6: the same transport protocol, the offer's payload numbers.
            let chosen = crypto.as_ref();
            let chosen = chosen.map(|(line, keys)| Crypto { tag: line.tag, key: keys.ours.clone() });
            audio_line(local, &line.proto, &numbers, chosen.as_slice(), direction, audio.rtcp_mux)
        } else {
            // RFC 3264 section 6: as many lines as the offer, in its order; a refused one has port 0.
            bare_line(&line.media, 0, &line.proto, &line.formats)
        }
    });
    let body = body(local, &lines.collect::<Vec<_>>());

    let remote_rtp = destination(audio.rtp);
    let agreed = Agreed {
        remote: remote_rtp,
        rtcp: rtcp_of(audio, remote_rtp, audio.rtcp_mux),
        rtcp_mux: audio.rtcp_mux,
        codec: codec.clone(),
        send_payload: *payload,
        receive_payload: *payload,
        receive_also: Vec::new(),
        dtmf_send: event.map(|(payload, _)| payload),
        dtmf_receive: event.map(|(payload, _)| payload),
        ptime_ms: ptime_ms(audio, local),
        direction,
        held: !audio.direction.receives(),
        srtp: crypto.map(|(_, keys)| keys),
    };
    Ok((body, agreed))
}

/// Reads the answer to the offer that [`crate::sdp::offer`] made of `ours`.
pub fn agree(ours: &Local, theirs: &Remote) -> Result<Agreed, Refusal> {
    let audio = usable(theirs, ours, ours.security.offers())?;
    let crypto = keys_of(audio, ours)?;
    let numbers = ours.numbers();
    let our_number =
        |codec: &Codec| numbers.codecs.iter().find(|(_, ours)| ours == codec).map(|(payload, _)| *payload);
    let mut common =
        audio.formats.iter().filter_map(|(theirs, codec)| Some((*theirs, our_number(codec)?, codec)));
    // RFC 3264 section 7: send the first format of the answer, be ready to receive any.
    let (send_payload, receive_payload, codec) = common.next().ok_or(Refusal::NoCommonCodec)?;
    let receive_also = common
        .filter(|(_, _, other)| *other != codec)
        .map(|(_, payload, other)| (payload, other.clone()))
        .collect();
    let dtmf = event_of(&audio.dtmf, codec).zip(event_of(&numbers.events, codec));
    let remote = destination(audio.rtp);
    Ok(Agreed {
        remote,
        // We never offer to share the port, so an answer that says so is not heard.
        rtcp: rtcp_of(audio, remote, false),
        rtcp_mux: false,
        codec: codec.clone(),
        send_payload,
        receive_payload,
        receive_also,
        dtmf_send: dtmf.map(|((payload, _), _)| payload),
        dtmf_receive: dtmf.map(|(_, (payload, _))| payload),
        ptime_ms: ptime_ms(audio, ours),
        direction: audio.direction.reversed().and(ours.direction),
        held: ours.direction.sends() && !audio.direction.receives(),
        srtp: crypto.map(|(_, keys)| keys),
    })
}

/// The stream to take: the encrypted one where it may be.
fn usable<'a>(remote: &'a Remote, local: &Local, takes_secure: bool) -> Result<&'a RemoteAudio, Refusal> {
    let in_use = |audio: &&RemoteAudio| audio.rtp.port() != 0;
    let both = [&remote.secure, &remote.audio].into_iter().flatten().filter(in_use);
    let keyed = { both }.find(|audio| takes_secure && !audio.crypto.is_empty());
    let audio = keyed.or(remote.audio.as_ref().filter(in_use)).ok_or(Refusal::NoAudio)?;
    match audio.profile {
        Profile::Plain if local.security == Security::Required => return Err(Refusal::PlainOnly),
        Profile::Secure if takes_secure && audio.crypto.is_empty() => return Err(Refusal::NoCommonSuite),
        Profile::Secure if !takes_secure => return Err(Refusal::SecureOnly),
        Profile::Plain | Profile::Secure => {}
        Profile::Dtls => return Err(Refusal::SecureOnly),
        Profile::Unknown => return Err(Refusal::Transport),
    }
    if audio.rtp.is_ipv4() != local.address.is_ipv4() && !audio.rtp.ip().is_unspecified() {
        return Err(Refusal::AddressFamily);
    }
    Ok(audio)
}

/// Their line that is taken, and our key of its suite; `None` for a plain stream.
fn keys_of<'a>(
    audio: &'a RemoteAudio,
    local: &'a Local,
) -> Result<Option<(&'a Crypto, Box<KeyPair>)>, Refusal> {
    if audio.profile != Profile::Secure {
        return Ok(None);
    }
    // RFC 4568 section 5.1.2: the offer's order is the offerer's preference; the first that both know.
    let with_ours = |theirs: &'a Crypto| {
        let ours = local.key(theirs.key.suite())?.clone();
        Some((theirs, Box::new(KeyPair { ours, theirs: theirs.key.clone() })))
    };
    audio.crypto.iter().find_map(with_ours).map(Some).ok_or(Refusal::NoCommonSuite)
}

/// The event format for a codec: the one with its clock (RFC 4733 section 2.1), else 8000, which phones send
/// beside anything.
fn event_of(events: &[(u8, u32)], codec: &Codec) -> Option<(u8, u32)> {
    let with = |clock_hz| events.iter().find(|(_, clock)| *clock == clock_hz).copied();
    with(codec.clock_hz()).or_else(|| with(8000))
}

fn destination(rtp: SocketAddr) -> Option<SocketAddr> {
    Some(rtp).filter(|rtp| !rtp.ip().is_unspecified())
}

fn rtcp_of(audio: &RemoteAudio, rtp: Option<SocketAddr>, mux: bool) -> Option<SocketAddr> {
    let rtp = rtp?;
    if mux {
        return Some(rtp);
    }
    // RFC 3550 section 11: the next port, unless RFC 3605 says otherwise.
    let next = || Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?));
    audio.rtcp.filter(|rtcp| !rtcp.ip().is_unspecified()).or_else(next)
}

/// What the peer wants, if it is a length that packets have; else ours.
fn ptime_ms(audio: &RemoteAudio, local: &Local) -> u8 {
    let sane = |ms: &u8| (10..=60).contains(ms) && ms.is_multiple_of(10);
    let wanted = audio.ptime_ms.filter(sane).unwrap_or(local.ptime_ms);
    audio.maxptime_ms.filter(sane).map_or(wanted, |max| wanted.min(max))
}
